"""The widget that says why the selected cell got its class."""

from __future__ import annotations

import html
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QVBoxLayout, QWidget

from napari_leukocyte.classification.regions import Region
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation import words
from napari_leukocyte.interpretation.findings import Findings, Question, find_out
from napari_leukocyte.interpretation.neighbours import picture_of
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.explain.form import PICTURE, ExplainForm, table_of
from napari_leukocyte.ui.explain.map_layer import MapLayer
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.following import Following
from napari_leukocyte.ui.review.blind_notice import blind_notice
from napari_leukocyte.ui.review.hidden import any_hidden, reviews_of
from napari_leukocyte.ui.review.picking import ClickToSelect
from napari_leukocyte.vocabulary import COLORS

if TYPE_CHECKING:
    import napari

#: Selections in a row are one: a cell is explained once nothing has changed for so long, ms.
REST_MS = 150
#: Methods that answer in a moment, and so without being asked.
_QUICK = ("activation", "occlusion")
_NO_IMAGE = "Open an image of a smear, find its cells and classify them."
_NOT_CLASSIFIED = "These cells are not classified yet: do so with “Classify and count”."
_NO_CELL = "Select a cell: click it on the image or in “Review leukocytes”."
_HIDDEN = "This cell is read blindly: why the model says what it says is shown after your answer."
_PRESS = "Press “Explain”: this method takes some seconds."


class WhyWidget(QWidget):
    """Explain the class of the selected cell: map, words, similar cells, and the second class.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.

    Attributes
    ----------
    form : ExplainForm
        The controls.
    findings : Findings or None
        What is shown.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer: Any = links.unwrap(viewer)
        self._session: Session | None = None
        self._background: NDArray[np.float64] | None = None
        self._job: Job | None = None
        #: The same job, for when the widget is gone.
        self._jobs: list[Job] = []
        self._following = Following(self._later, self._later)
        self._asked: tuple[object, ...] | None = None
        self.findings: Findings | None = None
        self.form = ExplainForm(self._viewer, self)
        self.map_layer = MapLayer(self._viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(REST_MS)
        self._soon.timeout.connect(self._update)
        self._connect()
        self.form.show_busy(False)
        self._follow()

    def _connect(self) -> None:
        form, viewer, following, soon = self.form, self._viewer, self._following, self._soon
        emitters = (viewer.layers.events.inserted, viewer.layers.events.removed)
        for emitter in emitters:
            emitter.connect(self._later)
        form.image.changed.connect(self._later)
        form.method.currentIndexChanged.connect(self._later)
        form.class_box.currentIndexChanged.connect(self._later)
        form.ask.clicked.connect(lambda: self.explain_now())
        form.cancel.clicked.connect(lambda: self.cancel())
        form.on_image.toggled.connect(self._show_map)
        form.opacity.valueChanged.connect(self._set_opacity)
        blind_notice.changed.connect(self._later)
        clicks = ClickToSelect(viewer, self._clicked)
        image, jobs, shown = form.image, self._jobs, self.map_layer

        def end() -> None:
            # Docked widgets go without a close event.
            with suppress(RuntimeError):  # at the application's end Qt may have gone first
                soon.stop()
            image.release()
            for emitter in emitters:
                emitter.disconnect(self._later)
            clicks.release()
            for job in jobs:
                job.abandon()
            following.release()
            with suppress(RuntimeError):
                shown.hide()

        self.destroyed.connect(end)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what was selected while another dock was in front."""
        super().showEvent(event)
        self._later()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Give up if the dock was closed; behind another dock's tab, go on."""
        super().hideEvent(event)
        self._later()

    def _clicked(self) -> Session | None:
        """Return whose cells a click selects; the review widget does so itself."""
        return None if reviews_of(self._session) else self._session

    @property
    def busy(self) -> bool:
        """Whether a cell is being explained."""
        return self._job is not None

    @property
    def settled(self) -> bool:
        """Whether nothing is under way nor about to begin."""
        return not self.busy and not self._soon.isActive()

    # -- which cell -----------------------------------------------------------------------

    def _later(self, *_: object) -> None:
        self._soon.start()

    def _follow(self) -> None:
        """Follow the session of the chosen image."""
        image = self.form.image.layer()
        session = None if image is None else links.existing_session(image)
        if self._following.follow([] if session is None else [session]):
            self._session, self._background = session, None

    def _update(self) -> None:
        """Explain the selected cell, or say why none is explained."""
        self._follow()
        if not self._is_open():
            self._forget("")
            return
        question = self._question()
        if isinstance(question, str):
            self._forget(question)
            return
        key = self._key(question)
        if key == self._asked:
            return
        if question.method in _QUICK:
            self._start(question, key)
        else:
            self._forget(_PRESS)

    def _is_open(self) -> bool:
        """Whether the widget is shown, or only behind the tab of another dock."""
        parent: Any = self
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parent()
        if parent is None:
            return self.isVisible()
        action = parent.toggleViewAction()
        return action is None or action.isChecked()

    def explain_now(self) -> None:
        """Explain the selected cell with the chosen method, however long it takes."""
        self._follow()
        question = self._question()
        if isinstance(question, str):
            self._forget(question)
        else:
            self._start(question, self._key(question))

    def cancel(self) -> None:
        """Stop what is under way."""
        if self._job is not None:
            self._job.cancel()
            self.form.state.setText("Cancelling…")

    def _question(self) -> Question | str:
        """Return what is to be explained, or a sentence on why nothing is."""
        session = self._session
        if session is None:
            return _NO_IMAGE
        if session.classifier is None:
            return _NOT_CLASSIFIED
        if not session.selection:
            return _NO_CELL
        label = min(session.selection)
        if any_hidden(session, [label]):
            return _HIDDEN
        region = region_of(session.labels, label)
        if region is None:
            return _NO_CELL
        try:
            classifier = find_model("classification", session.classifier)
        except LeukocyteError as error:
            return str(error)
        self.form.show_classes(classifier.classes)
        if self._background is None:
            self._background = background_color(session.rgb)
        return Question(
            rgb=session.rgb,
            region=region,
            classifier=classifier,
            nucleus=session.nucleus,
            background=self._background,
            class_name=self.form.class_box.currentData() or None,
            method=self.form.method.currentData(),
        )

    def _key(self, question: Question) -> tuple[object, ...]:
        r = question.region
        return (
            id(self._session),
            (r.label, r.y0, r.x0, r.y1, r.x1, r.mask.tobytes()),
            tuple(m.sha256 for m in question.classifier.members),
            question.class_name,
            question.method,
            id(question.nucleus),
        )

    # -- work -----------------------------------------------------------------------------

    def _start(self, question: Question, key: tuple[object, ...]) -> None:
        self._drop()
        self._asked = key
        others = len(self._session.selection) - 1 if self._session is not None else 0
        notes = self._differs(question.classifier)

        def work(progress: Progress) -> tuple[Findings, list[NDArray[np.uint8] | None]]:
            found = find_out(question, progress)
            return found, [picture_of(n, PICTURE) for n in found.neighbours]

        def done(result: tuple[Findings, list[NDArray[np.uint8] | None]]) -> None:
            self._show(result[0], result[1], others, notes)

        def failed(error: Exception) -> None:
            self._forget(str(error) if isinstance(error, LeukocyteError) else "This failed.")
            self._asked = key  # the next change of the table would tell the same again

        def end() -> None:
            if self._job is job:
                cancelled = job.cancelled
                self._job = None
                self._jobs.clear()
                self.form.show_busy(False)
                if cancelled:
                    self._forget("Cancelled. Press “Explain” to begin again.")
                    self._asked = key  # or the next change of the table would begin again

        self.form.show_busy(True)
        self.form.state.setText(f"Explaining cell {question.region.label}…")
        self.form.state.show()
        job = start_job(work, title=None, on_done=done, on_error=failed, on_end=end)
        job.progressed.connect(self._on_progress)
        self._job = job
        self._jobs.append(job)

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if self.busy:
            self.form.show_progress(done, total)

    def _drop(self) -> None:
        """Give up what is under way."""
        if self._job is not None:
            self._job.progressed.disconnect(self._on_progress)
            self._job.abandon()
            self._job = None
            self._jobs.clear()
            self.form.show_busy(False)

    def _differs(self, classifier: Manifest) -> tuple[str, ...]:
        """Say so if the classifier is not the one that gave the classes."""
        predictions = None if self._session is None else self._session.predictions
        said = {} if predictions is None else dict(predictions.description)
        if said and said != describe_model(classifier):
            return (
                f"The classifier {classifier.name} has changed since it classified these cells: "
                "what is explained is what it says now.",
            )
        return ()

    # -- what is shown --------------------------------------------------------------------

    def _forget(self, why: str) -> None:
        self._drop()
        self._asked = None
        self.findings = None
        self.map_layer.hide()
        self.form.show_nothing(why)

    def _show(
        self,
        findings: Findings,
        pictures: list[NDArray[np.uint8] | None],
        others: int,
        notes: tuple[str, ...],
    ) -> None:
        form, said = self.form, findings.explanation
        self.findings = findings
        also = f" (and {others} more selected)" if others > 0 else ""
        form.title.setText(
            f"Cell {findings.label}: {said.class_name}, {100 * said.probability:.0f} %{also}"
        )
        form.title.show()
        form.state.hide()
        form.bars.show_values(said.probabilities, COLORS)
        form.map_text.setText(words.describe_map(said))
        if findings.head is not None:
            rows = words.describe_attributes(findings.attributes, findings.head)
            form.attributes.setText(table_of(rows))
        form.measured.setText(table_of(words.describe_measured(findings.measured)))
        near = words.describe_neighbours(findings.neighbours)
        form.neighbours.show_pictures(
            [
                (picture, f"<b>{name}</b> {cosine}<br><small>{html.escape(of)}</small>")
                for picture, (name, of, cosine) in zip(pictures, near, strict=True)
            ]
        )
        form.second.setText(words.describe_second(said, findings.step, findings.hiding))
        all_notes = (*notes, *findings.notes)
        form.notes.setText(" ".join(all_notes))
        shown = {
            "attributes": bool(findings.attributes),
            "neighbours": bool(findings.neighbours),
            "notes": bool(all_notes),
        }
        for name, section in form.sections.items():
            section.setVisible(shown.get(name, True))
        self._show_map()

    def _show_map(self, *_: object) -> None:
        image = None
        if self._session is not None:
            image = links.image_layer_of(self._viewer, self._session)
        if self.findings is None or image is None or not self.form.on_image.isChecked():
            self.map_layer.hide()
        else:
            self.map_layer.show(image, self.findings, self.form.opacity.value())

    def _set_opacity(self, value: float) -> None:
        self.map_layer.set_opacity(value)


def region_of(labels: NDArray[np.int32], label: int) -> Region | None:
    """Return one object of a label image, or None if it is not there."""
    rows = np.flatnonzero((labels == label).any(axis=1))
    if not len(rows):
        return None
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero((labels[y0:y1] == label).any(axis=0))
    x0, x1 = int(columns[0]), int(columns[-1]) + 1
    return Region(label, y0, x0, y1, x1, labels[y0:y1, x0:x1] == label)
