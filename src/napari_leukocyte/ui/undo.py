"""Keys (Ctrl+Z, Ctrl+Shift+Z) undo and redo a session's commands, whichever view has the focus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from app_model.types import KeyBinding
from napari import current_viewer
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent, QShortcut
from qtpy.QtWidgets import QAbstractSpinBox, QLineEdit, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.key_names import key_of_event
from napari_leukocyte.ui.keys import bind_action, keys_notice, keys_of, shortcut_of, unbind

#: The ids of their keys: to undo, and to do again.
_ACTIONS = (("undo", False), ("redo", True))
#: What is said of undo and of redo: before what was done, and if there is nothing to do.
_SAID = (("Undid", "Nothing to undo."), ("Redid", "Nothing to redo."))
#: By layer: whose commands, whether they are allowed, and the keys that are bound.
_BOUND: WeakKeyDictionary[Any, tuple[Session, Callable[[], bool], list[KeyBinding]]] = (
    WeakKeyDictionary()
)


def step_back(session: Session | None, *, again: bool = False) -> None:
    """Undo a session's last command, or do one again, and say in the status bar what it was.

    The user is told if that fails.

    Parameters
    ----------
    session : Session or None
        Nothing happens without one.
    again : bool
        Whether to redo.
    """
    if session is None:
        return
    possible = session.can_redo if again else session.can_undo
    what = session.redo_text if again else session.undo_text
    try:
        if again:
            session.redo()
        else:
            session.undo()
    except LeukocyteError as error:
        tell(error)
        return
    did, nothing = _SAID[again]
    _say(f"{tr(did)}: {tr(what)}" if possible else tr(nothing))


def _say(text: str) -> None:
    """Say something in the status bar of the viewer that is in front."""
    viewer = current_viewer()
    if viewer is not None:
        viewer.status = text


def bind_undo(layer: Any, session: Session, allowed: Callable[[], bool] = lambda: True) -> None:
    """Have the keys act on a session while a layer is active; its own undo gets none of them.

    Parameters
    ----------
    layer : napari.layers.Layer
        Of any type.
    session : Session
        Whose commands.
    allowed : callable
        Asked each time; with False nothing happens, as in the midst of a stroke.
    """

    def act(again: bool) -> Callable[[Any], None]:
        return lambda _: step_back(session, again=again) if allowed() else None

    unbind_undo(layer)
    keys = [key for name, again in _ACTIONS for key in bind_action(layer, name, act(again))]
    _BOUND[layer] = session, allowed, keys


def unbind_undo(layer: Any) -> None:
    """Give the keys of a layer back to napari."""
    _, _, keys = _BOUND.pop(layer, (None, None, ()))
    unbind(layer, keys)


def _bind_again() -> None:
    """Have the keys on the layers that the actions have now."""
    for layer, (session, allowed, _) in list(_BOUND.items()):
        bind_undo(layer, session, allowed)


keys_notice.changed.connect(_bind_again)


def install_undo(widget: QWidget, session: Callable[[], Session | None]) -> list[QShortcut]:
    """Have the keys act on a session while a widget, or anything in it, has the focus.

    Text fields keep their own undo; number fields, whose values are commands, do not.

    Parameters
    ----------
    widget : QWidget
        Such as one that is docked; its fields must be there already.
    session : callable
        Returns whose commands, or None.

    Returns
    -------
    list of QShortcut
        For undo and redo; they belong to the widget.
    """
    shortcuts = [
        shortcut_of(widget, name, partial(_step_back_in, session, again))
        for name, again in _ACTIONS
    ]
    filter_ = _PassOn(widget)
    for box in widget.findChildren(QAbstractSpinBox):
        box.installEventFilter(filter_)
        for field in box.findChildren(QLineEdit):
            field.installEventFilter(filter_)
    return shortcuts


def _step_back_in(session: Callable[[], Session | None], again: bool) -> None:
    step_back(session(), again=again)


class _PassOn(QObject):
    """Keeps number fields from taking the keys for themselves."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if (
            event is not None
            and event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and any(key_of_event(event) in keys_of(name) for name, _ in _ACTIONS)
        ):
            event.ignore()
            return True
        return False
