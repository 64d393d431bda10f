"""The frame that all docks stand in: which image, what scrolls, what is said, what is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from napari.layers import Image
from psygnal import SignalInstance
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QSizePolicy, QWidget

from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import FEW, Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.before_paint import BeforePaint
from napari_leukocyte.ui.build import Item, Row
from napari_leukocyte.ui.closing import guard_closing
from napari_leukocyte.ui.controls.activity import Messages, ProgressLine, warning
from napari_leukocyte.ui.controls.containers import VerticalScroll
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.jobs import Job, sentence_of, start_job
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.restore import restore_work
from napari_leukocyte.ui.undo import install_undo

T = TypeVar("T")

#: Margin around what stands in a dock, px.
_MARGIN = 6


class Ties:
    """Connections that are to end together, whether or not Qt is still there."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], object]] = []

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a signal of a session or of napari until `release`."""
        signal.connect(slot)
        if isinstance(signal, SignalInstance):
            self.add(lambda: signal.disconnect(slot, missing_ok=True))
        else:
            self.add(lambda: signal.disconnect(slot))

    def add(self, end: Callable[[], object]) -> None:
        """Have something called at `release`; it must touch nothing of Qt's."""
        self._ends.append(end)

    def release(self) -> None:
        """End all of them."""
        while self._ends:
            self._ends.pop()()


@dataclass(frozen=True, eq=False)
class SharedParts:
    """What docks in one window have in common, so that each shows it once and not for itself.

    Attributes
    ----------
    image : ImageChoice
        The image that all of them work on.
    progress : ProgressLine
        What any of them computes.
    messages : Messages
        What the one that is in front says.
    """

    image: ImageChoice
    progress: ProgressLine
    messages: Messages

    @classmethod
    def make(cls, viewer: Any) -> SharedParts:
        """Make parts for a viewer; who made them lays them out, and releases the image choice."""
        return cls(ImageChoice(links.unwrap(viewer)), ProgressLine(), Messages())


class SessionDock(QWidget):
    """A dock that works on the session of the chosen image.

    A subclass makes its controls, calls `lay_out` and then `begin`, and overrides what it needs of
    the methods whose names begin with ``on_``, and `update_now`.

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
    viewer : napari.Viewer
        Not napari's proxy of it.
    image : ImageChoice
    progress : ProgressLine
    messages : Messages
    sessions : tuple of Session
        Those that are followed.
    ties : Ties
        Connections that end with the dock.
    session_ties : Ties
        Connections that end when other sessions are followed.
    """

    #: Changes that come faster than this, ms, are shown together.
    rest_ms: ClassVar[int] = 80
    #: Whether showing waits until changes rest, or comes `rest_ms` after the first of them.
    waits_for_rest: ClassVar[bool] = True
    #: Whether changes of a few cells are shown at once, with the next frame.
    few_at_once: ClassVar[bool] = False
    #: Whether earlier work on a chosen image is brought back.
    restores: ClassVar[bool] = False
    #: Whether it has a row with the image, and the sentence on what results are for.
    chooses_image: ClassVar[bool] = True
    has_disclaimer: ClassVar[bool] = True
    #: Whether the keys for undo and redo act on the session while the dock has the focus.
    undoes: ClassVar[bool] = True
    #: Whether steps of what is computed are told as messages.
    tells_progress: ClassVar[bool] = True

    def __init__(
        self, viewer: Any, parent: QWidget | None = None, *, shared: SharedParts | None = None
    ) -> None:
        super().__init__(parent)
        self.viewer: Any = links.unwrap(viewer)
        self._shares = shared is not None
        parts = shared or SharedParts.make(self.viewer)
        self.image, self.progress, self.messages = parts.image, parts.progress, parts.messages
        self.sessions: tuple[Session, ...] = ()
        self.ties, self.session_ties, self._image_ties = Ties(), Ties(), Ties()
        self._job: Job | None = None
        self._starting = False
        self._message, self._news = ("", False), False
        self._soon = self.timer(self.rest_ms, self._update)
        self._before_paint = BeforePaint(self._update, self)
        # Layers can't be added while napari is still at work on the one that was chosen.
        self._restore_soon = self.timer(0, self._restore)
        # Or napari fills the dock up with empty space below it.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        # Docked widgets go without a close event; and Qt calls no method of one that is being
        # deleted, but a function it does.
        self.destroyed.connect(lambda: self._release())

    # -- layout -----------------------------------------------------------------------------

    def lay_out(
        self,
        rows: Sequence[Row] = (),
        head: Sequence[Item] = (),
        body: Sequence[Item] = (None,),
        *,
        fixed_head: bool = False,
    ) -> None:
        """Put the controls below each other, with what every dock has between them.

        Parameters
        ----------
        rows : sequence
            Rows of a form, below that of the image.
        head : sequence
            Below them: buttons, mostly. Progress and messages follow.
        body : sequence
            All the rest; the disclaimer stands at its foot. None takes the room that is left.
        fixed_head : bool
            Whether only the body scrolls.
        """
        own: list[Item] = [] if self._shares else [self.progress, self.messages]
        if self.chooses_image and not self._shares:
            rows = [("Image", self.image.box), *rows]
        upper: list[Item] = [build.form(*rows)] if rows else []
        upper += [*head, *own]
        foot: list[Item] = []
        if self.has_disclaimer and not self._shares:
            foot = [build.disclaimer()]
        if fixed_head:
            inside = build.holder(build.column(*body))
            layout = build.column(*upper, margins=_MARGIN)
            layout.addWidget(VerticalScroll(inside), 1)
            for each in foot:
                build.add_to(layout, each)
        else:
            inside = build.holder(build.column(*upper, *body, *foot, margins=_MARGIN))
            layout = build.column(VerticalScroll(inside))
        self.setLayout(layout)

    def begin(self) -> None:
        """Begin to follow the viewer; the controls must be there."""
        events = self.viewer.layers.events
        for emitter in (events.inserted, events.removed):
            self.ties.connect(emitter, self._on_layers)
        self.image.changed.connect(self._on_image)
        if not self._shares and self.image.box.parent() is None:
            self.image.box.setParent(self)  # or a list that is not laid out would outlive it
            self.image.box.hide()
        guard_closing(self, self.viewer)
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
            self.session_ties.connect(session.selection_changed, self.on_selection)
        self.on_session()

    def _on_table(self, labels: frozenset[int] | None = None) -> None:
        self._news = False
        self.on_table(labels)

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

    def update_now(self) -> None:
        """Show the state of the session."""

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
        """Act on other rows in the table of objects; None stands for all of them."""
        if self.few_at_once and labels is not None and len(labels) <= FEW:
            if not self._soon.isActive():
                self._before_paint.ask()
        else:
            self.update_soon()

    def on_selection(self) -> None:
        """Act on other objects that are selected."""
        self.update_soon()

    def on_busy(self) -> None:
        """Grey out what must not be done while a job runs, see `busy`."""

    def on_show(self) -> None:
        """Act on the dock that comes to the front."""
        self.update_soon()

    def on_hide(self) -> None:
        """Act on the dock that is closed, or goes behind another dock's tab."""

    def on_release(self) -> None:
        """Let go of what outlives the dock; nothing of Qt's is there any more."""

    # -- when it is shown -------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether everything is shown and nothing is being computed."""
        return not (self.busy or self._soon.isActive() or self._before_paint.waiting)

    def update_soon(self, *_: object) -> None:
        """Show the state once changes rest, so that those in a row are shown together."""
        if self.waits_for_rest or not self._soon.isActive():
            self._soon.start()

    def is_open(self) -> bool:
        """Whether the dock is shown, or only behind the tab of another one."""
        parent: Any = self
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parent()
        if parent is None:
            return self.isVisible()
        action = parent.toggleViewAction()
        return action is None or action.isChecked()

    def timer(self, rest: int, act: Callable[[], object]) -> QTimer:
        """Make a timer that acts once, so many ms after its last start."""
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(rest)
        timer.timeout.connect(act)
        return timer

    def _update(self) -> None:
        self._soon.stop()
        self._before_paint.stop()
        self.follow_now()
        self.update_now()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what happened while another dock was in front."""
        super().showEvent(event)
        self.messages.say(self._message[0], rich=self._message[1])
        self.follow_now()
        self.on_show()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave the front."""
        super().hideEvent(event)
        self.on_hide()

    # -- what is said -----------------------------------------------------------------------

    @property
    def message(self) -> str:
        """What the dock says."""
        return self._message[0]

    def say(self, text: str, *, rich: bool = False) -> None:
        """Say what has happened.

        It stays until the table changes, a job begins or another session is followed. A dock
        that shares its place for messages says it when it is in front.
        """
        self._news = bool(text)
        self._put(text, rich)

    def say_state(self, text: str, *, rich: bool = False) -> None:
        """Say how things stand, unless something was said of what has happened."""
        if not self._news:
            self._put(text, rich)

    def _put(self, text: str, rich: bool) -> None:
        self._message = (text, rich)
        if not self._shares or self.isVisible():
            self.messages.say(text, rich=rich)

    def complain(self, sentence: str) -> None:
        """Say that something has gone wrong."""
        self.say(warning(sentence), rich=True)

    # -- what is computed -------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None or self._starting

    def start(
        self,
        work: Callable[[Progress], T],
        title: str | None,
        done: Callable[[T], object],
        *,
        failed: Callable[[str], object] | None = None,
        cancelled: Callable[[], object] | None = None,
    ) -> None:
        """Have something computed in a thread; nothing happens while a job is under way.

        Parameters
        ----------
        work : callable
            Called with a progress callback; it must hold neither widgets nor layers.
        title : str or None
            In napari's activity dock; None shows nothing there.
        done : callable
            Called with the result.
        failed : callable, optional
            Called with a sentence if it fails; by default the dock says it.
        cancelled : callable, optional
            Called if it was cancelled.
        """
        self.start_with(
            lambda on_done, on_error, on_end: start_job(
                work, title=title, on_done=on_done, on_error=on_error, on_end=on_end
            ),
            done,
            failed=failed,
            cancelled=cancelled,
        )

    def start_with(
        self,
        starter: Callable[[Any, Any, Any], Job],
        done: Callable[[Any], object] | None = None,
        *,
        failed: Callable[[str], object] | None = None,
        cancelled: Callable[[], object] | None = None,
    ) -> None:
        """Have a job started by a function that takes what is called at its end; see `start`."""
        if self._job is not None or self._starting:
            return

        def on_error(error: Exception) -> None:
            (failed or self.complain)(sentence_of(error))

        def on_end() -> None:
            if self._job is not job:  # it was dropped by what was called back
                return
            self._leave_job()
            if job.cancelled and cancelled is not None:
                cancelled()
            self.on_busy()
            self.update_soon()

        self._news = False
        # Napari's own bar lets the window live while it is made.
        self._starting = True
        try:
            job = self._job = starter(done, on_error, on_end)
        finally:
            self._starting = False
        job.progressed.connect(self._on_progress)
        self.progress.follow(job)
        self.on_busy()

    def cancel(self) -> None:
        """Stop what is under way; nothing of it is taken over."""
        if self._job is not None:
            self.progress.cancel.setEnabled(False)
            self._job.cancel()

    def drop(self) -> None:
        """Give up what is under way at once, and call nobody back."""
        if self._job is not None:
            self._job.abandon()
            self._leave_job()
            self.on_busy()

    def _leave_job(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.progressed.disconnect(self._on_progress)
            self.progress.leave(job)

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if self.tells_progress and self._job is not None and not self._job.cancelled:
            self._put(f"{what}: {done} of {total}" if total > 1 else f"{what}…", False)

    # -- the end ----------------------------------------------------------------------------

    def _release(self) -> None:
        """Let go of everything that outlives the dock; none of it is Qt's."""
        for timer in (self._soon, self._restore_soon):
            with suppress(RuntimeError):  # Qt deletes children before it says that they go
                timer.stop()
        for ties in (self.session_ties, self._image_ties, self.ties):
            ties.release()
        if self._job is not None:
            self._job.abandon()
            if self._shares:
                with suppress(RuntimeError):  # the line may have gone with the same window
                    self.progress.leave(self._job)
        if not self._shares:
            self.image.release()
        self.on_release()


def _same(one: object, other: object) -> bool:
    return one is other
