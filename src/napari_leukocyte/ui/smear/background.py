"""Look at the fields of a smear, and have them analysed, off the main thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, Finding, analyse_fields, take
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.store import open_here
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.signals import Signal

#: How often a thread that waits for the window looks whether it is to stop, s.
_LOOK_S = 0.05
#: Progress is shown at most so often, s.
_REPORT_S = 0.1
Answer = Literal["done", "again", "gone"]
#: Called with a smear, and with a sentence if a look at it has withdrawn its sign-off.
Looked = Callable[[Smear, str | None], None]


class _Handing:
    """A finding on its way from the thread to the window, and the answer on its way back."""

    def __init__(self, rgb: NDArray[np.uint8], finding: Finding) -> None:
        self.rgb, self.finding = rgb, finding
        self.answered = threading.Event()
        self.answer: Answer = "gone"
        self.error: LeukocyteError | None = None


class Background(QObject):
    """Works on a smear in threads, and tells the window what has changed."""

    #: Emitted with a smear and the row of a field that was looked at.
    seen = Signal(object, int)
    #: Emitted with a smear and the row of a field that is going to be analysed.
    begun = Signal(object, int)
    #: Emitted when a result was taken over into a session that the window holds.
    taken = Signal(object)
    _handed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.analysis: Job | None = None
        self._jobs: set[Job] = set()
        self._handed.connect(self._take)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return bool(self._jobs)

    def release(self) -> None:
        """Stop everything and call nobody back."""
        for job in list(self._jobs):
            job.abandon()
        self._jobs.clear()
        self.analysis = None

    def open(
        self,
        given: Sequence[Path],
        on_open: Callable[[Smear], None],
        on_looked: Looked,
        on_end: Callable[[], None],
    ) -> None:
        """Open a smear, then look at all of its fields.

        Parameters
        ----------
        given : sequence of Path
            Folder or files.
        on_open : callable
            Called with the smear once its fields can be listed.
        on_looked : callable
            Called with the smear once all are looked at, and with a sentence if that has withdrawn
            its sign-off.
        on_end : callable
            Called when the smear is open, or could not be opened.
        """

        def opened(smear: Smear) -> None:
            on_open(smear)
            self.inspect_all(smear, on_looked)

        self._start(lambda progress: Smear(given), None, opened, on_end)

    def inspect_all(self, smear: Smear, on_looked: Looked) -> None:
        """Look at all fields of a smear; see `open`."""

        def work(progress: Progress) -> str | None:
            for row in range(len(smear)):
                progress(row, len(smear), smear.paths[row].name)
                smear.inspect(row)
                self.seen.emit(smear, row)
            smear.remember()
            return smear.check_sign_off()

        self._start(work, "Looking at the fields", lambda told: on_looked(smear, told))

    def inspect(self, smear: Smear, row: int, on_looked: Looked) -> None:
        """Look at one field again, such as one that was left; see `open`."""

        def work(progress: Progress) -> str | None:
            smear.inspect(row)
            smear.remember()
            self.seen.emit(smear, row)
            return smear.check_sign_off()

        self._start(work, None, lambda told: on_looked(smear, told))

    def sign_off(
        self,
        smear: Smear,
        reader: str,
        on_refused: Callable[[Exception], None],
        on_end: Callable[[], None],
    ) -> None:
        """Sign a smear off; it is told why if that is refused."""

        def work(progress: Progress) -> None:
            try:
                smear.sign_off(reader, progress)
            except LeukocyteError as error:
                # No failure of the program: the sentence belongs beside the button.
                refused.append(error)

        refused: list[LeukocyteError] = []

        def done(_: None) -> None:
            for error in refused:
                on_refused(error)

        self._start(work, "Signing off", done, on_end)

    def run(
        self,
        work: Callable[[Progress], Any],
        title: str | None,
        on_done: Callable[[Any], None],
    ) -> Job:
        """Do anything else in a thread."""
        return self._start(work, title, on_done)

    def analyse(
        self,
        smear: Smear,
        options: AnalysisOptions,
        order: Sequence[int],
        on_done: Callable[[dict[int, str]], None],
        on_end: Callable[[bool], None],
    ) -> Job:
        """Analyse the fields that the networks have not seen.

        Parameters
        ----------
        smear : Smear
            Whose.
        options : AnalysisOptions
            How.
        order : sequence of int
            The rows of the fields, first what is wanted first.
        on_done : callable
            Called with the fields that failed and why.
        on_end : callable
            Called last, with whether it was cancelled.
        """

        def work(progress: Progress) -> dict[int, str]:
            def hand_over(rgb: NDArray[np.uint8], finding: Finding) -> Answer:
                handing = _Handing(rgb, finding)
                self._handed.emit(handing)
                while not handing.answered.wait(_LOOK_S):
                    # Raises once nobody will answer any more.
                    progress(*last)
                if handing.error is not None:
                    raise handing.error
                return handing.answer

            last = (0, 1, "")

            def report(done: int, total: int, what: str) -> None:
                nonlocal last
                last = done, total, what
                progress(done, total, what)

            begun: set[int] = set()

            def on_field(row: int) -> None:
                # Told of twice: before and after.
                (self.seen if row in begun else self.begun).emit(smear, row)
                begun.add(row)

            return analyse_fields(
                smear,
                options,
                order=order,
                hand_over=hand_over,
                on_field=on_field,
                progress=report,
            )

        def end() -> None:
            job, self.analysis = self.analysis, None
            on_end(job is not None and job.cancelled)

        self.analysis = self._start(work, "Analysing the smear", on_done, end)
        return self.analysis

    def _take(self, handing: _Handing) -> None:
        """Take a finding over into a session that a layer of this window holds."""
        try:
            session = open_here(handing.rgb)
            if session is not None:
                fits = take(session, handing.finding)
                handing.answer = "done" if fits else "again"
                self.taken.emit(session)
        except LeukocyteError as error:
            handing.error = error
        finally:
            handing.answered.set()

    def _start(
        self,
        work: Callable[[Progress], Any],
        title: str | None,
        on_done: Callable[[Any], None],
        on_end: Callable[[], None] | None = None,
    ) -> Job:
        def end() -> None:
            self._jobs.discard(job)
            if on_end is not None:
                on_end()

        job = start_job(
            lambda progress: work(_seldom(progress)), title=title, on_done=on_done, on_end=end
        )
        self._jobs.add(job)
        return job


def _seldom(progress: Progress) -> Progress:
    """Pass progress on only so often that the window keeps up with it.

    Napari lets events pass whenever its bar moves, so that many steps in a row would be shown
    inside of each other.
    """
    last = -math.inf

    def report(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _REPORT_S:
            last = now
            progress(done, total, what)

    return report
