"""Functions of the core run off the main thread, with progress in napari's activity dock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from napari.utils.notifications import notification_manager, show_error
from napari.utils.progress import cancelable_progress
from qtpy.QtCore import QCoreApplication, QObject

from napari_leukocyte.errors import Cancelled, LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui.signals import Signal

T = TypeVar("T")

#: Said of what failed for a reason that is not the user's.
FAILED = "This failed: the notification at the lower right says why."
#: Jobs whose thread has not ended: nothing else need keep them alive.
_RUNNING: set[Job] = set()


class Job(QObject):
    """A function at work in a thread of its own.

    Made by :func:`start_job`. Everything but the function itself happens on the main thread.

    Parameters
    ----------
    function : callable
        Called with a progress callback. It must hold neither widgets nor layers.
    title : str, optional
        Shown in the activity dock; without it nothing is.
    on_done : callable
        Called with the result.
    on_error : callable, optional
        Called with the exception after the user was told.
    on_end : callable, optional
        Called last, however the job ended.
    """

    #: Emitted with steps done, steps in all and what is going on; `reached` has the last of these.
    progressed = Signal(int, int, str)
    _ended = Signal(object, object)

    def __init__(
        self,
        function: Callable[[Progress], Any],
        *,
        title: str | None,
        on_done: Callable[[Any], None],
        on_error: Callable[[Exception], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.reached: tuple[int, int, str] | None = None
        self._showing = False
        self._on_done: Callable[[Any], None] | None = on_done
        self._on_error = on_error
        self._on_end = on_end
        self._stop = threading.Event()
        self._bar = None if title is None else cancelable_progress(total=0, desc=title)
        self.progressed.connect(self._show)
        self._ended.connect(self._end)
        # Not a daemon: at exit the interpreter waits until ONNX Runtime has let go.
        self._thread = threading.Thread(
            target=self._work, args=(function,), name="napari-leukocyte job"
        )

    @property
    def cancelled(self) -> bool:
        """Whether the user asked for it to stop, here or in the activity dock."""
        return self._stop.is_set() or (self._bar is not None and bool(self._bar.is_canceled))

    @property
    def running(self) -> bool:
        """Whether its end is still to come."""
        return self in _RUNNING

    def cancel(self) -> None:
        """Ask the function to stop; its result, if one still comes, is dropped."""
        self._stop.set()
        if self._bar is not None and not self._bar.disable:
            self._bar.set_description("Cancelling")

    def abandon(self) -> None:
        """Cancel, and call nobody back: for a widget that is going away."""
        self._stop.set()
        self._on_done = self._on_error = self._on_end = None
        self._close_bar()

    def wait(self) -> None:
        """Block until the thread has ended; callbacks still need the event loop."""
        self._thread.join()

    def _start(self) -> None:
        _RUNNING.add(self)
        self._thread.start()

    def _work(self, function: Callable[[Progress], Any]) -> None:
        """Run in the thread."""
        result: Any = None
        error: Exception | None = None
        try:
            result = function(self._report)
        except Exception as caught:
            error = caught
        try:
            self._ended.emit(result, error)
        except RuntimeError:  # Qt is gone: the application has quit
            _RUNNING.discard(self)

    def _report(self, done: int, total: int, what: str) -> None:
        """Take the function's progress, in the thread."""
        if self.cancelled:
            raise Cancelled
        self.progressed.emit(done, total, what)

    def _show(self, done: int, total: int, what: str) -> None:
        self.reached = (done, total, what)
        bar = self._bar
        # Closed: by the viewer's end or by `abandon`. And the bar lets the window live whenever it
        # changes: steps that come faster than it is painted would be shown one within another.
        if bar is None or bar.disable or self.cancelled or self._showing:
            return
        self._showing = True
        try:
            if bar.total != total:
                bar.total = total
            if bar.desc != f"{what}: ":
                bar.set_description(what)
            bar.update(done - bar.n)
        finally:
            self._showing = False

    def _end(self, result: object, error: Exception | None) -> None:
        self._thread.join()
        _RUNNING.discard(self)
        self._close_bar()
        on_done, on_error, on_end = self._on_done, self._on_error, self._on_end
        self._on_done = self._on_error = self._on_end = None
        try:
            if on_done is None or self.cancelled or isinstance(error, Cancelled):
                return
            if error is None:
                on_done(result)
                return
            tell(error)
            if on_error is not None:
                on_error(error)
        finally:
            if on_end is not None:
                on_end()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()


def start_job(
    function: Callable[[Progress], T],
    *,
    title: str | None,
    on_done: Callable[[T], None],
    on_error: Callable[[Exception], None] | None = None,
    on_end: Callable[[], None] | None = None,
) -> Job:
    """Start a function of the core in a thread of its own.

    Parameters
    ----------
    function : callable
        Called with a progress callback, which raises
        :class:`~napari_leukocyte.errors.Cancelled` once the job is to stop.
    title : str or None
        Shown in the activity dock; None shows nothing.
    on_done : callable
        Called with the result, unless the job failed or was cancelled.
    on_error : callable, optional
        Called with the exception of a job that failed, after the user was told: one sentence for a
        :class:`~napari_leukocyte.errors.LeukocyteError`, napari's notification with the
        traceback for anything else.
    on_end : callable, optional
        Called last, however the job ended.

    Returns
    -------
    Job
        All callbacks come on the main thread.
    """
    job = Job(function, title=title, on_done=on_done, on_error=on_error, on_end=on_end)
    app = QCoreApplication.instance()
    if app is not None:
        app.aboutToQuit.connect(job.abandon)
    job._start()
    return job


def tell(error: Exception) -> None:
    """Show an error to the user: one sentence for what they can mend, else the traceback."""
    if isinstance(error, LeukocyteError):
        show_error(tr(str(error)))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


@contextmanager
def telling_errors() -> Iterator[None]:
    """Show an error that the user can mend, and go on after the block."""
    try:
        yield
    except LeukocyteError as error:
        tell(error)


def sentence_of(error: Exception) -> str:
    """Return an error as one sentence for a dock; its traceback is in napari's notification."""
    return tr(str(error)) if isinstance(error, LeukocyteError) else FAILED
