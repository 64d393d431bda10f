"""The run of a classifier off the main thread: over all objects, or those not yet seen."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_leukocyte.classification import inference as classification
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.objects import MODEL
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.signals import Signal

#: A mask has become another one if its area has changed by this factor, either way, or its
#: centroid has moved by this part of its diameter: what was said of it no longer counts.
AREA_FACTOR, SHIFT = 1.3, 0.15
#: New objects are classified once nothing has changed for this long, ms: a slider is at rest.
REST_MS = 400
#: Those that are not closed.
_RUNNERS: list[Runner] = []


class Runner(QObject):
    """Classifies the objects of the session that it follows, one job at a time.

    Parameters
    ----------
    parent : QObject, optional
        The owner.
    stands_in : bool
        Whether new objects are left to another runner that follows the same session and does not
        stand in: what its user has set there holds.

    Attributes
    ----------
    automatic : bool
        Whether objects that appear after the first classification are classified by themselves.
    """

    #: Emitted when a job has begun or ended.
    changed = Signal()
    #: Emitted with a session when all of its objects have been classified.
    classified = Signal(object)

    def __init__(self, parent: QObject | None = None, *, stands_in: bool = False) -> None:
        super().__init__(parent)
        self.automatic = True
        self._session: Session | None = None
        self._job: Job | None = None
        self._stands_in = stands_in
        _RUNNERS.append(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._classify_new)

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None

    @property
    def job(self) -> Job | None:
        """What is under way."""
        return self._job

    def follow(self, session: Session | None) -> None:
        """Look after another session; the job of a former one is cancelled."""
        if session is self._session:
            return
        if self._session is not None:
            self._session.table_changed.disconnect(self._on_table, missing_ok=True)
            self.cancel()
        self._session = session
        if session is not None:
            session.table_changed.connect(self._on_table)
            self._on_table()

    def start(self, model: str, numbers: Collection[int] | None = None) -> None:
        """Classify objects of the session, unless a job is under way.

        Parameters
        ----------
        model : str
            Name of the classifier.
        numbers : collection of int, optional
            The objects; by default all.
        """
        session = self._session
        if session is None or self.running:
            return
        rgb, labels, nucleus = session.rgb, session.labels, session.nucleus

        def work(progress: Progress) -> Predictions:
            manifest = find_model("classification", model)
            asked = labels if numbers is None else only(labels, numbers)
            table = classification.classify(rgb, asked, model, nucleus=nucleus, progress=progress)
            return Predictions(table, manifest.name, describe_model(manifest))

        def done(predictions: Predictions) -> None:
            try:
                session.set_predictions(
                    predictions.table,
                    predictions.model,
                    predictions.description,
                    all_objects=numbers is None,
                )
            except LeukocyteError as error:
                # Nothing can be written down; trying again by itself would only say so again.
                self.automatic = False
                tell(error)
                return
            if numbers is None:
                self.classified.emit(session)

        self._job = start_job(
            work,
            title="Classifying leukocytes",
            on_done=done,
            on_error=None if numbers is None else self._fail,
            on_end=self._end,
        )
        self.changed.emit()

    def classify_new(self) -> None:
        """Classify the objects that the session's classifier has not yet seen."""
        session = self._session
        if session is None or session.classifier is None:
            return
        numbers = unseen(session.table(), session.predictions)
        if numbers:
            self.start(session.classifier, numbers)

    def cancel(self) -> None:
        """Stop the job; nothing of it is taken over."""
        if self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Let go of session and job, for good."""
        if self in _RUNNERS:
            _RUNNERS.remove(self)
        with suppress(RuntimeError):  # at the application's end Qt may have gone first
            self._rest.stop()
        if self._session is not None:
            self._session.table_changed.disconnect(self._on_table, missing_ok=True)
        if self._job is not None:
            self._job.abandon()

    def _on_table(self) -> None:
        self._rest.start()

    def _classify_new(self) -> None:
        if self.automatic and not self.running and not self._left_to_another():
            self.classify_new()

    def _left_to_another(self) -> bool:
        """Whether another one, that the user can see, looks after the session."""
        return self._stands_in and any(
            other._session is self._session and not other._stands_in for other in _RUNNERS
        )

    def _fail(self, error: Exception) -> None:
        # Trying again by itself would only tell the same once more.
        self.automatic = False

    def _end(self) -> None:
        self._job = None
        self.changed.emit()


def unseen(table: pd.DataFrame, predictions: Predictions | None) -> list[int]:
    """List the objects that the classifier should (again) be asked about.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`.
    predictions : Predictions or None
        What was said so far.

    Returns
    -------
    list of int
        Numbers of the objects without a class, and of those whose class a model gave to a mask
        that has since become another. Objects with a reader's class are not among them.
    """
    missing = table["class"].isna().to_numpy()
    if predictions is None:
        return [int(n) for n in table[LABEL][missing]]
    seen = predictions.table.set_index(LABEL).reindex(table[LABEL])
    if "area_px" not in seen:
        return [int(n) for n in table[LABEL][missing]]
    factor = table["area_px"].to_numpy() / seen["area_px"].to_numpy()
    shift = np.hypot(*(table[c].to_numpy() - seen[c].to_numpy() for c in ("y", "x")))
    other = (
        (np.maximum(factor, 1 / factor) > AREA_FACTOR)
        | (shift > SHIFT * table["equivalent_diameter_px"].to_numpy())
    ) & (table["source"] == MODEL).to_numpy()
    return [int(n) for n in table[LABEL][missing | other]]


def only(labels: NDArray[np.int32], numbers: Collection[int]) -> NDArray[np.int32]:
    """Return a copy of a label image, (H, W) int32, that holds only some of its objects."""
    kept = np.zeros(int(labels.max(initial=0)) + 1, bool)
    kept[[n for n in numbers if n < kept.size]] = True
    return np.where(kept[labels], labels, np.int32(0))
