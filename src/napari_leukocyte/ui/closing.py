"""The question before a window closes over work that would be lost; none if nothing would."""

from __future__ import annotations

import inspect
import weakref
from typing import Any

from napari.layers import Image, Layer
from qtpy.QtCore import QCoreApplication, QEvent, QObject
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.map_layers import is_map, is_noted_view
from napari_leukocyte.ui.layers.markers import is_markers
from napari_leukocyte.ui.saving import ask_and_save
from napari_leukocyte.ui.tools.quick_delete import session_shown_by

#: By which a window's guard is found among its children.
GUARD = "napari-leukocyte-close-guard"


def guard_closing(widget: QWidget, viewer: Any) -> None:
    """Have the window that a widget is docked in ask before it closes over work that is not kept.

    That is of every close that the user asks for: of the window itself, and by napari's menu and
    keys for closing the window or leaving the application. Nobody is asked twice: where this has
    asked, and where there is nothing to lose, napari's own question does not come; it does where a
    viewer holds layers that are the user's own. What a script closes, closes.

    Parameters
    ----------
    widget : QWidget
        The window is looked for when the widget is first shown.
    viewer : napari.Viewer
        Whose image layers' sessions count.
    """
    widget.installEventFilter(_Finder(widget, links.unwrap(viewer)))


def unkept_sessions(viewer: Any) -> list[tuple[Session, Image]]:
    """Return the sessions of a viewer that changed since their results were saved, and are lost.

    Those that are kept on the disk come back with their image.
    """
    found = []
    for layer in viewer.layers:
        session = links.existing_session(layer) if isinstance(layer, Image) else None
        if session is not None and not session.is_persisted and session.unsaved_since is not None:
            found.append((session, layer))
    return found


def holds_own_layers(viewer: Any) -> bool:
    """Whether a viewer has layers that are neither opened photographs nor views of sessions."""
    return any(_is_own(viewer, layer) for layer in viewer.layers)


def _is_own(viewer: Any, layer: Layer) -> bool:
    if isinstance(layer, Image):
        opened = layer.source.path is not None or layer.source.sample is not None
        return not (opened or is_map(layer) or links.existing_session(layer) is not None)
    shown = is_noted_view(layer) or is_markers(layer) or session_shown_by(viewer, layer) is not None
    return not shown


def describe_unkept(sessions: list[Session]) -> str:
    """Say in a sentence what closing does to sessions that are not kept."""
    shown = ", ".join(f"“{s.name}”" for s in sessions[:3])
    more = tr(" and {n} more", n=len(sessions) - 3) if len(sessions) > 3 else ""
    return tr(
        "What was done on {shown}{more} is not kept: it is lost when you close.",
        shown=shown,
        more=more,
    )


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
            Whether the user wants to close; True without a question if nothing is lost.
        """
        window = self.parent()
        unkept = [pair for each in self._viewers(everything) for pair in unkept_sessions(each)]
        return not unkept or not isinstance(window, QWidget) or _may_close(window, unkept)

    def leaves_to_napari(self, *, everything: bool = False) -> bool:
        """Whether napari may ask: there is nothing of the plugin's to lose, but of the user's."""
        viewers = self._viewers(everything)
        if any(unkept_sessions(each) for each in viewers):
            return False
        return any(map(holds_own_layers, viewers))

    def _viewers(self, everything: bool) -> list[Any]:
        """Return the viewers that closing is about: the one, or all."""
        viewer = self._viewer()
        viewers = [] if viewer is None else [viewer]
        if everything:
            viewers += [other for other in links.open_viewers() if other is not viewer]
        return viewers

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Swallow the close that the user thought better of, and napari's second question."""
        if event is None or event.type() != QEvent.Type.Close or not event.spontaneous():
            return False
        if self.leaves_to_napari():
            return False
        if not self.may_close():
            event.ignore()
            return True
        # As if a script closed the window: napari asks of what a user closes.
        quiet = QCloseEvent()
        QCoreApplication.sendEvent(watched, quiet)
        event.setAccepted(quiet.isAccepted())
        return True


def _ask_before_napari(window: QMainWindow, guard: CloseGuard) -> None:
    """Have napari's menu and keys for closing ask the guard first.

    They call the window's own method, and say that the user is to be asked. Who has answered the
    guard's question, or has nothing to lose, is not asked napari's as well.
    """
    if not {"quit_app", "confirm_need"} <= set(inspect.signature(type(window).close).parameters):
        return  # another napari: its own question remains
    window_ref, guard_ref = weakref.ref(window), weakref.ref(guard)

    def close(quit_app: bool = False, confirm_need: bool = False) -> Any:
        window, guard = window_ref(), guard_ref()
        if window is None:
            return None
        if confirm_need and guard is not None and not guard.leaves_to_napari(everything=quit_app):
            if not guard.may_close(everything=quit_app):
                return None
            confirm_need = False
        return type(window).close(window, quit_app, confirm_need)  # type: ignore[call-arg]

    window.close = close  # type: ignore[method-assign]


def _may_close(window: QWidget, unkept: list[tuple[Session, Image]]) -> bool:
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(tr("Close without saving the results?"))
    box.setText(describe_unkept([session for session, _ in unkept]))
    close = box.addButton(tr("Close"), QMessageBox.ButtonRole.AcceptRole)
    save = box.addButton(tr("Save results…"), QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    if box.clickedButton() is save:
        # They are written in the background: the window stays until the user closes it again.
        for session, layer in unkept:
            if ask_and_save(window, session, layer) is None:
                break
    return box.clickedButton() is close
