"""The frame of docks that work on the session of the chosen image.

A dock is a class with its controls and what happens; the rest comes from here::

    class AreaDock(SessionDock):
        def __init__(self, viewer, *, shared=None):
            super().__init__(viewer, shared=shared)
            self.total = build.text(bold=True)
            self.lay_out(body=[self.total, None])
            self.begin()

        def update_now(self):
            session = self.session
            self.say_state("" if session else "Open an image and find its cells.")
            area = 0 if session is None else session.table()["area_px"].sum()
            self.total.setText(f"{area} px")

``tests/ui/test_dock.py`` has a larger one that uses everything.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, ClassVar

from napari.layers import Image
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import QWidget

from napari_leukocyte.session.session import FEW, Session
from napari_leukocyte.ui.build import Item, Row
from napari_leukocyte.ui.closing import guard_closing
from napari_leukocyte.ui.frame import Dock, SharedParts, Ties
from napari_leukocyte.ui.key_names import key_of_event, napari_key
from napari_leukocyte.ui.keys import keys_of
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.links import unwrap
from napari_leukocyte.ui.layers.restore import restore_work
from napari_leukocyte.ui.tools.kinds import STOP
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from napari_leukocyte.ui.undo import install_undo

__all__ = ["SessionDock", "SharedParts", "Ties"]


class SessionDock(Dock):
    """A dock that works on the session of the chosen image, or on several sessions.

    A subclass makes its controls, calls `lay_out` and then `begin`, and overrides what it needs of
    the methods whose names begin with ``on_``, `wanted_sessions` and `update_now`.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.
    parent : QWidget, optional
        The owner.
    shared : SharedParts, optional
        What it has in common with other docks; by default it has parts of its own.

    Attributes
    ----------
    sessions : tuple of Session
        Those that are followed.
    session_ties : Ties
        Connections that end when other sessions are followed.
    """

    #: Whether changes of a few cells are shown at once, with the next frame.
    few_at_once: ClassVar[bool] = False
    #: Whether earlier work on a chosen image is brought back.
    restores: ClassVar[bool] = False
    #: Whether it has a row with the image.
    chooses_image: ClassVar[bool] = True
    #: Whether the keys for undo and redo act on the session while the dock has the focus.
    undoes: ClassVar[bool] = True
    #: Parts that would take the keys that turn a smear's pages for themselves.
    page_parts: Sequence[QWidget] = ()

    def __init__(
        self, viewer: Any, parent: QWidget | None = None, *, shared: SharedParts | None = None
    ) -> None:
        super().__init__(viewer, parent, shared=shared)
        self.sessions: tuple[Session, ...] = ()
        self.session_ties, self._image_ties = Ties(), Ties()
        # Layers can't be added while napari is still at work on the one that was chosen.
        self._restore_soon = self.timer(0, self._restore)

    def lay_out(
        self,
        rows: Sequence[Row] = (),
        head: Sequence[Item] = (),
        body: Sequence[Item] = (None,),
        *,
        fixed_head: bool = False,
    ) -> None:
        """Put the controls below each other; the rows come below that of the image."""
        if self.chooses_image and not self._shares:
            rows = [("Image", self.image.box), *rows]
        super().lay_out(rows, head, body, fixed_head=fixed_head)

    def begin(self) -> None:
        """Begin to follow the viewer; the controls must be there."""
        events = self.viewer.layers.events
        for emitter in (events.inserted, events.removed):
            self.ties.connect(emitter, self._on_layers)
        self.image.changed.connect(self._on_image)
        for part in () if self._shares else (self.image.box, self.progress, self.messages):
            if part.parent() is None:
                part.setParent(self)  # or what is not laid out would outlive it
                part.hide()
        guard_closing(self, self.viewer)
        keep_keys(self, self.viewer, pages=self.page_parts)
        if self.undoes:
            self.undo_shortcuts = install_undo(self, self.session_to_undo)
        self._on_image()
        self.on_busy()

    # -- which sessions ---------------------------------------------------------------------

    @property
    def session(self) -> Session | None:
        """The session that is followed, the first of several; None without one."""
        return self.sessions[0] if self.sessions else None

    def wanted_sessions(self) -> Sequence[Session]:
        """Return whose sessions are to be followed: that of the chosen image."""
        layer = self.image.layer()
        session = None if layer is None else links.existing_session(layer)
        return [] if session is None else [session]

    def session_to_undo(self) -> Session | None:
        """Return whose commands the keys for undo and redo are about."""
        return self.session

    def image_layer(self) -> Image | None:
        """Return the layer of the session that is followed; without one, the chosen layer."""
        session = self.session
        if session is None:
            return self.image.layer()
        return links.image_layer_of(self.viewer, session)

    def follow_now(self) -> None:
        """Follow the sessions that are wanted, if they are others than before."""
        wanted = tuple(self.wanted_sessions())
        if len(wanted) == len(self.sessions) and all(map(_same, wanted, self.sessions)):
            return
        self.session_ties.release()
        self.sessions, self._news = wanted, False
        for session in wanted:
            self.session_ties.connect(session.table_changed, self._on_table)
            self.session_ties.connect(session.blind_changed, self._on_blind)
            self.session_ties.connect(session.selection_changed, self.on_selection)
        self.on_session()

    def _on_table(self, labels: frozenset[int] | None = None) -> None:
        self._news = False
        self.on_table(labels)

    def _on_blind(self, labels: frozenset[int] | None = None) -> None:
        if labels is None:
            self._update()  # not a moment later: what is hidden now must not be seen any more
        else:
            self._on_table(labels)

    def _on_image(self) -> None:
        self._image_ties.release()
        layer = self.image.layer()
        if layer is not None:
            self._image_ties.connect(layer.events.data, self._on_image_data)
            if self.restores:
                self._restore_soon.start()
        self.follow_now()
        self.on_image()

    def _on_image_data(self, event: Any = None) -> None:
        layer = self.image.layer()
        if layer is not None:
            # Other data end the session, whoever hears of them first.
            former = self.session
            links.forget_session(layer)
            self.follow_now()
            self.on_image_replaced(former)
            if self.restores:
                self._restore_soon.start()

    def _on_layers(self, event: Any = None) -> None:
        self.follow_now()
        self.on_layers()

    def _restore(self) -> None:
        layer = self.image.layer()
        if layer is not None and self._job is None and restore_work(self.viewer, layer):
            self.follow_now()
            self.on_image()

    # -- for subclasses ---------------------------------------------------------------------

    def on_image(self) -> None:
        """Act on another image that is chosen, or on the same one with its former work back."""
        self.update_soon()

    def on_image_replaced(self, former: Session | None) -> None:
        """Act on other data in the chosen layer; the session that was followed has ended."""
        self.update_soon()

    def on_layers(self) -> None:
        """Act on a layer that has come or gone."""
        self.update_soon()

    def on_session(self) -> None:
        """Act on other sessions that are followed; none or several."""
        self.update_soon()

    def on_table(self, labels: frozenset[int] | None = None) -> None:
        """Act on other rows in what may be shown of the objects; None stands for all of them."""
        if self.few_at_once and labels is not None and len(labels) <= FEW:
            if not self._soon.isActive():
                self._before_paint.ask()
        else:
            self.update_soon()

    def on_selection(self) -> None:
        """Act on other objects that are selected."""
        self.update_soon()

    # -- the frame's own ------------------------------------------------------------------

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what happened while another dock was in front."""
        self.follow_now()
        super().showEvent(event)

    def _update(self) -> None:
        self.follow_now()
        super()._update()

    def _release(self) -> None:
        for ties in (self.session_ties, self._image_ties):
            ties.release()
        super()._release()


def _same(one: object, other: object) -> bool:
    return one is other


#: What turns the pages of a smear.
_PAGES = ("next_field", "previous_field", "next_open_field")


def keep_keys(widget: QWidget, viewer: Any, pages: Sequence[QWidget] = ()) -> None:
    """Keep keys that are pressed in a dock from the layers of its viewer.

    Napari hands every key that a dock leaves alone to the active layer, where a letter typed
    beside a text field deletes what is selected. Two keys still mean something: those that turn
    the pages of a smear, if the viewer has them, and the one that puts the mask tool down.

    Parameters
    ----------
    widget : QWidget
        The widget that is docked.
    viewer : napari.Viewer
        Whose layers.
    pages : sequence of QWidget
        Parts of it that would take the keys of pages for themselves.
    """
    widget.installEventFilter(_KeyFilter(widget, viewer))
    for part in pages:
        part.installEventFilter(_Pages(part, viewer))


class _Pages(QObject):
    """Turns the pages of a smear, before its parent takes these keys."""

    def __init__(self, parent: QWidget, viewer: Any) -> None:
        super().__init__(parent)
        self._viewer_ref = weakref.ref(unwrap(viewer))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let nobody else have a key that turned the page."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        return self._take(event)

    def _take(self, event: QKeyEvent) -> bool:
        viewer = self._viewer_ref()
        if viewer is None or not _turn_page(viewer, event):
            return False
        event.accept()
        return True


class _KeyFilter(_Pages):
    """Ends the way of every key press at its parent; shortcuts of Qt's go before it."""

    def _take(self, event: QKeyEvent) -> bool:
        viewer = self._viewer_ref()
        if viewer is not None and not _turn_page(viewer, event):
            tools = mask_tools_of(viewer)
            if key_of_event(event) in keys_of(STOP) and tools.in_hand is not None:
                tools.stop()
        event.accept()
        return True


def _turn_page(viewer: Any, event: QKeyEvent) -> bool:
    """Do what the viewer has bound to a key for pages; say whether there was anything."""
    pressed = key_of_event(event)
    if pressed is None or not any(pressed in keys_of(action) for action in _PAGES):
        return False
    act = viewer.keymap.get(napari_key(pressed))
    if not callable(act):
        return False
    if not event.isAutoRepeat():
        act(viewer)
    return True
