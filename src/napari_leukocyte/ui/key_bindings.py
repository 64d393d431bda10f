"""Bindings of actions to the keys that they have now: on layers and viewers, and in docks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from app_model.types import KeyBinding
from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget

from napari_leukocyte.ui.key_names import napari_key, qt_key
from napari_leukocyte.ui.keys import keys_notice, keys_of


def bind_action(target: Any, action: str, act: Callable[[Any], object]) -> list[KeyBinding]:
    """Bind an action's keys to a layer or a viewer.

    Parameters
    ----------
    target : napari.layers.Layer or napari.Viewer
        Called with, and with the focus of, is the same.
    action : str
        Its id in :data:`napari_leukocyte.ui.keys.ACTIONS`.
    act : callable
        What to do.

    Returns
    -------
    list of KeyBinding
        For `unbind`: the keys may be others by then.
    """
    keys = [key for key in map(napari_key, keys_of(action)) if key is not None]
    for key in keys:
        target.bind_key(key, act, overwrite=True)
    return keys


def unbind(target: Any, keys: Iterable[KeyBinding]) -> None:
    """Give keys of a layer or a viewer back to napari."""
    for key in keys:
        target.bind_key(key, None, overwrite=True)


def shortcut_of(widget: QWidget, action: str, act: Callable[[], object]) -> QShortcut:
    """Have an action's keys act while a widget, or anything in it, has the focus.

    Parameters
    ----------
    widget : QWidget
        The owner.
    action : str
        Its id in :data:`napari_leukocyte.ui.keys.ACTIONS`.
    act : callable
        What to do.

    Returns
    -------
    QShortcut
        Has other keys as soon as the action has.
    """
    shortcut = QShortcut(widget)
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(act)
    follower = _Follower(shortcut, action)
    keys_notice.changed.connect(follower.follow)
    follower.follow()
    return shortcut


class _Follower(QObject):
    """Gives a shortcut, its parent, the keys of an action."""

    def __init__(self, shortcut: QShortcut, action: str) -> None:
        super().__init__(shortcut)
        self._shortcut, self._action = shortcut, action

    def follow(self) -> None:
        self._shortcut.setKeys([QKeySequence(qt_key(key)) for key in keys_of(self._action)])
