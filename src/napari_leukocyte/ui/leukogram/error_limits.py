"""Limits of a leukogram that hold the classifier's errors, worked out off the main thread."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import NamedTuple

import pandas as pd
from qtpy.QtCore import QObject, QTimer

from napari_leukocyte.counting.confusion import Confusion, CorrectedCount, corrected_count
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.uncertainty.domain_shift.domain_match import report_domain
from napari_leukocyte.uncertainty.domain_shift.image_profile import measure_profile
from napari_leukocyte.uncertainty.domain_shift.training_domain import read_training_domain
from napari_leukocyte.uncertainty.recalibration import confusion_in_use

#: Returns the classifier's errors on the cells that are counted; called in a thread.
Errors = Callable[[], Confusion | None]
#: Changes that come faster than this, ms, are worked out together.
REST_MS = 250


def errors_of(session: Session | None) -> Errors | None:
    """Return how to find the errors of the classifier that named an image's cells.

    Parameters
    ----------
    session : Session or None
        The image; of a smear, the field in the viewer, as fields of one smear look alike.

    Returns
    -------
    callable or None
        None while nothing was classified.
    """
    if session is None or session.predictions is None or session.classifier is None:
        return None
    name, rgb, labels = session.classifier, session.rgb, session.labels

    def find() -> Confusion | None:
        classifier = find_model("classification", name)
        domain = read_training_domain(classifier)
        in_domain = (
            domain is not None
            and not report_domain(measure_profile(rgb, labels), domain).out_of_distribution
        )
        return confusion_in_use(classifier, in_domain)

    return find


class _Question(NamedTuple):
    """A question to be worked out; see :meth:`ErrorLimits.ask`."""

    table: pd.DataFrame
    counted: Collection[str]
    errors: Errors
    source: object


class ErrorLimits(QObject):
    """Works the limits out; of many changes in a row only for the last.

    Parameters
    ----------
    parent : QObject
        The owner.
    """

    #: Carries the CorrectedCount, or None if nothing is known of the classifier's errors.
    found = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._asked: _Question | None = None
        self._jobs: list[Job] = []
        #: Errors do not change while their source is the same.
        self._known: tuple[object, Confusion | None] | None = None
        timer = self._soon = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(REST_MS)
        timer.timeout.connect(self._start)
        jobs = self._jobs

        def end() -> None:
            with suppress(RuntimeError):  # at the application's end Qt may have gone first
                timer.stop()
            for job in jobs:
                job.abandon()

        parent.destroyed.connect(end)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._jobs) or self._soon.isActive()

    def ask(
        self, table: pd.DataFrame, counted: Collection[str], errors: Errors, source: object
    ) -> None:
        """Work out limits soon.

        Parameters
        ----------
        table : pandas.DataFrame
            One row a cell; see :func:`napari_leukocyte.counting.confusion.corrected_count`.
        counted : collection of str
            The classes in the total.
        errors : callable
            See `Errors`.
        source : object
            As long as this is the same, `errors` is not called again.
        """
        self._asked = _Question(table, counted, errors, source)
        self._soon.start()

    def stop(self) -> None:
        """Forget what was asked."""
        self._asked = None
        self._soon.stop()
        for job in self._jobs:
            job.cancel()

    def _start(self) -> None:
        if self._jobs:  # goes on when that ends
            return
        asked = self._asked
        if asked is None:
            return
        self._asked = None
        table, counted, errors, source = asked
        known = self._known if self._known is not None and self._known[0] is source else None

        def work(progress: Progress) -> tuple[Confusion | None, CorrectedCount | None]:
            confusion = errors() if known is None else known[1]
            progress(0, 1, "Limits with the classifier's errors")
            if confusion is None:
                return None, None
            return confusion, corrected_count(table, confusion, counted)

        def done(result: tuple[Confusion | None, CorrectedCount | None]) -> None:
            self._known = (source, result[0])
            if self._asked is None:
                self.found.emit(result[1])

        def end() -> None:
            self._jobs.clear()
            if self._asked is not None:
                self._soon.start()

        self._jobs.append(start_job(work, title=None, on_done=done, on_end=end))
