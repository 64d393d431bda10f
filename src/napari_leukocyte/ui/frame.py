"""The frame that every dock stands in: what scrolls, what is said, what is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from psygnal import SignalInstance
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QSizePolicy, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui import build
from napari_leukocyte.ui.build import Item, Row
from napari_leukocyte.ui.controls.activity import MESSAGE_LINES, Messages, ProgressLine, warning
from napari_leukocyte.ui.controls.containers import VerticalScroll
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.docking import stand_beside
from napari_leukocyte.ui.jobs import Job, sentence_of, start_job
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.canvas_context import enter_canvas_context
from napari_leukocyte.ui.signals import BeforePaint
from napari_leukocyte.ui.window_language import settle_language

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
    """Controls that docks in one window share, so that each is shown once and not in every dock.

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
    def make(cls, viewer: Any, lines: int = MESSAGE_LINES) -> SharedParts:
        """Make parts for a viewer; who made them lays them out, and releases the image choice.

        Parameters
        ----------
        viewer : napari.Viewer
            Whose images can be chosen.
        lines : int
            Of messages that have room without scrolling.
        """
        settle_language()
        return cls(ImageChoice(links.unwrap(viewer)), ProgressLine(), Messages(lines=lines))


class Dock(QWidget):
    """A frame for controls: it scrolls, says something, and has one thing computed at a time.

    Parameters
    ----------
    viewer : napari.Viewer
        In which it works.
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
    ties : Ties
        Connections that end with the dock.
    """

    #: Changes that come faster than this, ms, are shown together.
    rest_ms: ClassVar[int] = 80
    #: Whether showing waits until changes rest, or comes `rest_ms` after the first of them.
    waits_for_rest: ClassVar[bool] = True
    #: Whether it has the sentence on what results are for.
    has_disclaimer: ClassVar[bool] = True
    #: Whether steps of what is computed are told as messages.
    tells_progress: ClassVar[bool] = True

    def __init__(
        self, viewer: Any, parent: QWidget | None = None, *, shared: SharedParts | None = None
    ) -> None:
        settle_language()
        super().__init__(parent)
        self.viewer: Any = links.unwrap(viewer)
        self._shares = shared is not None
        parts = shared or SharedParts.make(self.viewer)
        self.image, self.progress, self.messages = parts.image, parts.progress, parts.messages
        self.ties = Ties()
        self.ties.connect(self.viewer.layers.events.removing, self._before_removal)
        self._job: Job | None = None
        self._starting = False
        self._message, self._news = ("", False), False
        self._soon = self.timer(self.rest_ms, self._update)
        self._before_paint = BeforePaint(self._update, self)
        # Or napari fills the dock up with empty space below it.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        if shared is None:
            stand_beside(self)
        # Docked widgets go without a close event; and Qt calls no method of one that is being
        # deleted, but a function it does.
        self.destroyed.connect(lambda: self._release())

    def update_now(self) -> None:
        """Show how things stand; for subclasses."""

    def on_busy(self) -> None:
        """Grey out what must not be done while a job runs, see `busy`; for subclasses."""

    def on_show(self) -> None:
        """Act on the dock that comes to the front; for subclasses."""
        self.update_soon()

    def on_hide(self) -> None:
        """Act on the dock that is closed, or goes behind another dock's tab; for subclasses."""

    def on_release(self) -> None:
        """Let go of what outlives the dock, nothing of Qt's being there; for subclasses."""

    def _before_removal(self, event: object = None) -> None:
        enter_canvas_context(self.viewer)

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
            Rows of a form.
        head : sequence
            Below them: buttons, mostly. Progress and messages follow.
        body : sequence
            All the rest; the disclaimer stands at its foot. None takes the room that is left.
        fixed_head : bool
            Whether only the body scrolls.
        """
        own: list[Item] = [] if self._shares else [self.progress, self.messages]
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
        self.update_now()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what happened while another dock was in front."""
        super().showEvent(event)
        self.messages.say(self._message[0], rich=self._message[1])
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
            self._put(
                tr("{what}: {done} of {total}", what=tr(what), done=done, total=total)
                if total > 1
                else f"{tr(what)}…",
                False,
            )

    # -- the end ----------------------------------------------------------------------------

    def _release(self) -> None:
        """Let go of everything that outlives the dock; none of it is Qt's."""
        with suppress(RuntimeError):  # Qt deletes children before it says that they go
            self._soon.stop()
        self.ties.release()
        if self._job is not None:
            self._job.abandon()
            if self._shares:
                with suppress(RuntimeError):  # the line may have gone with the same window
                    self.progress.leave(self._job)
        if not self._shares:
            self.image.release()
        self.on_release()
