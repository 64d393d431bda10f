"""Ask before a window closes over work whose results were not saved."""

from __future__ import annotations

import inspect
import weakref
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.saving import ask_and_save

#: By which a window's guard is found among its children.
GUARD = "napari-leukocyte-close-guard"


def guard_closing(widget: QWidget, viewer: Any) -> None:
    """Have the window that a widget is docked in ask before it closes.

    Every close is questioned that the user asks for: of the window itself, and by napari's menu and
    keys for closing the window or leaving the application. What a script closes, closes.

    Parameters
    ----------
    widget : QWidget
        The window is looked for when the widget is first shown.
    viewer : napari.Viewer
        Whose image layers' sessions count.
    """
    widget.installEventFilter(_Finder(widget, links.unwrap(viewer)))


def unsaved_sessions(viewer: Any) -> list[tuple[Session, Image]]:
    """Return the sessions of a viewer that changed since their results were saved."""
    found = []
    for layer in viewer.layers:
        session = links.existing_session(layer) if isinstance(layer, Image) else None
        if session is not None and session.unsaved_since is not None:
            found.append((session, layer))
    return found


def describe_unsaved(sessions: list[Session]) -> str:
    """Say in a sentence or two what closing does to sessions."""
    kept = [s.name for s in sessions if s.is_persisted]
    lost = [s.name for s in sessions if not s.is_persisted]
    parts = []
    if kept:
        parts.append(
            f"The results of {_names(kept)} were not saved since the last change. Your work itself "
            "is kept, and comes back when you open the same image again."
        )
    if lost:
        parts.append(f"What was done on {_names(lost)} is not kept: it is lost when you close.")
    return "\n\n".join(parts)


def _names(names: list[str]) -> str:
    shown = ", ".join(f"“{n}”" for n in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def guard_of(window: QMainWindow) -> QObject | None:
    """Return the guard of a window, if it has one."""
    return next((c for c in window.children() if c.objectName() == GUARD), None)


class _Finder(QObject):
    """Looks for a widget's window when it is shown: before, it is not docked."""

    def __init__(self, widget: QWidget, viewer: Any) -> None:
        super().__init__(widget)
        self._viewer = weakref.ref(viewer)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Show:
            window = watched.parent() if watched is not None else None
            while window is not None and not isinstance(window, QMainWindow):
                window = window.parent()
            viewer = self._viewer()
            if isinstance(window, QMainWindow) and viewer is not None and guard_of(window) is None:
                CloseGuard(window, viewer)
        return False


class CloseGuard(QObject):
    """Questions the closing of one window; it keeps neither the window nor the viewer alive.

    Parameters
    ----------
    window : QMainWindow
        Becomes its parent.
    viewer : napari.Viewer
        Whose image layers' sessions count.
    """

    def __init__(self, window: QMainWindow, viewer: Any) -> None:
        super().__init__(window)
        self.setObjectName(GUARD)
        self._viewer = weakref.ref(viewer)
        window.installEventFilter(self)
        _ask_before_napari(window, self)

    def may_close(self, *, everything: bool = False) -> bool:
        """Ask, if there is anything to ask about.

        Parameters
        ----------
        everything : bool
            Whether all viewers are about to close, as when the user leaves the application.

        Returns
        -------
        bool
            Whether the user wants to close; True without a question if all is saved.
        """
        window = self.parent()
        unsaved = self.unsaved(everything=everything)
        return not unsaved or not isinstance(window, QWidget) or _may_close(window, unsaved)

    def unsaved(self, *, everything: bool = False) -> list[tuple[Session, Image]]:
        """Return the sessions that closing is about: of the one viewer, or of all."""
        viewer = self._viewer()
        viewers = [] if viewer is None else [viewer]
        if everything:
            viewers += [other for other in links.open_viewers() if other is not viewer]
        return [pair for each in viewers for pair in unsaved_sessions(each)]

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Swallow the close that the user thought better of."""
        if event is None or event.type() != QEvent.Type.Close or not event.spontaneous():
            return False
        if self.may_close():
            return False
        event.ignore()
        return True


def _ask_before_napari(window: QMainWindow, guard: CloseGuard) -> None:
    """Have napari's menu and keys for closing ask the guard first.

    They call the window's own method, and say that the user is to be asked. Who has answered the
    guard's question is not asked napari's as well.
    """
    if not {"quit_app", "confirm_need"} <= set(inspect.signature(type(window).close).parameters):
        return  # another napari: its own question remains
    window_ref, guard_ref = weakref.ref(window), weakref.ref(guard)

    def close(quit_app: bool = False, confirm_need: bool = False) -> Any:
        window, guard = window_ref(), guard_ref()
        if window is None:
            return None
        if confirm_need and guard is not None and guard.unsaved(everything=quit_app):
            if not guard.may_close(everything=quit_app):
                return None
            confirm_need = False
        return type(window).close(window, quit_app, confirm_need)  # type: ignore[call-arg]

    window.close = close  # type: ignore[method-assign]


def _may_close(window: QWidget, unsaved: list[tuple[Session, Image]]) -> bool:
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Close without saving the results?")
    box.setText(describe_unsaved([session for session, _ in unsaved]))
    close = box.addButton("Close", QMessageBox.ButtonRole.AcceptRole)
    save = box.addButton("Save results…", QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    if box.clickedButton() is save:
        # They are written in the background: the window stays until the user closes it again.
        for session, layer in unsaved:
            if ask_and_save(window, session, layer) is None:
                break
    return box.clickedButton() is close
