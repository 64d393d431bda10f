"""Keep the label image in step with sliders that move faster than it can be computed."""

from __future__ import annotations

import time
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.computation import Computation, Computed
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.signals import Signal

#: Images up to this size are computed at once, which takes less time than the eye sees; larger ones
#: in a thread, so that the sliders keep moving.
AT_ONCE_PX = 2_000_000
#: Changes of the same values that follow each other faster than this, s, are undone as one: they
#: are one movement of a slider.
GESTURE_S = 1.0


class LiveUpdate(QObject):
    """Computes a session's label image again whenever it is asked to.

    Requests that come while one is pending or being computed are merged: only the latest values
    count.

    Parameters
    ----------
    parent : QObject, optional
        The owner.
    """

    #: Emitted with one sentence when the values asked for can't be used.
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending: dict[Session, dict[str, Any]] = {}
        self._job: Job | None = None
        self._last: tuple[float, Session, frozenset[str]] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._start)

    @property
    def pending(self) -> bool:
        """Whether a result is still to come."""
        return bool(self._pending) or self._job is not None

    def request(self, session: Session, **changes: Any) -> None:
        """Ask for a new label image.

        Parameters
        ----------
        session : Session
            Whose.
        **changes
            What of `Session.plan` changes; what an earlier request changed and this one does not
            name stays changed.
        """
        self._pending.setdefault(session, {}).update(changes)
        self._timer.start()

    def release(self) -> None:
        """Give up whatever has not been computed yet; touches nothing of Qt's."""
        self._pending.clear()
        self._last = None
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _start(self) -> None:
        # While a thread computes, values gather; its end comes back here.
        if not self._pending or self._job is not None:
            return
        session = next(iter(self._pending))
        changes = self._pending.pop(session)
        try:
            computation = session.plan(**changes)
            if computation is None:
                # Nothing to compute before the first run; the values are kept for it.
                if "params" in changes:
                    session.set_params(changes["params"])
            elif computation.labels.size <= AT_ONCE_PX:
                self._take(session, computation.run(), changes)
            else:
                self._start_thread(session, computation, changes)
        except LeukocyteError as error:
            self.failed.emit(str(error))
        if self._pending:
            self._timer.start()

    def _start_thread(
        self, session: Session, computation: Computation, changes: dict[str, Any]
    ) -> None:
        def compute(progress: object) -> Computed | LeukocyteError:
            try:
                return computation.run()
            except LeukocyteError as error:
                # No failure of the program: the sentence belongs beside the slider.
                return error

        def done(result: Computed | LeukocyteError) -> None:
            if isinstance(result, LeukocyteError):
                self.failed.emit(str(result))
            elif "maps" not in changes and session.maps is not computation.maps:
                # Another run has ended meanwhile: the values are wanted, but on its maps.
                self._pending[session] = changes | self._pending.get(session, {})
            else:
                try:
                    self._take(session, result, changes)
                except LeukocyteError as error:
                    self.failed.emit(str(error))

        def end() -> None:
            self._job = None
            self._start()

        self._job = start_job(compute, title=None, on_done=done, on_end=end)

    def _take(self, session: Session, computed: Computed, changes: dict[str, Any]) -> None:
        now, kind = time.monotonic(), frozenset(changes)
        last = self._last
        join = last is not None and last[1] is session and last[2] == kind
        session.take(computed, join=join and last is not None and now - last[0] < GESTURE_S)
        self._last = (now, session, kind)
