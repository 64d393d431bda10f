"""The *Why this class* dock: map, sentences, similar cells, and the second class."""

from __future__ import annotations

import html
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation import words
from napari_leukocyte.interpretation.findings import Findings, Question, find_out
from napari_leukocyte.interpretation.similar_cells import picture_of
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.language import tr
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.explain.form import PICTURE, ExplainForm, table_of
from napari_leukocyte.ui.explain.map_layer import MapLayer
from napari_leukocyte.ui.review.picking import ClickToSelect
from napari_leukocyte.vocabulary import COLORS, written

if TYPE_CHECKING:
    import napari

#: Methods that answer in a moment, and so without being asked.
_QUICK = ("activation", "occlusion")
_NO_IMAGE = "Open an image of a smear, find its cells and classify them."
_NOT_CLASSIFIED = "These cells are not classified yet: do so with “Classify and count”."
_NO_CELL = "Select a cell: click it on the image or in “Review leukocytes”."
_HIDDEN = "This cell is read blindly: why the model says what it says is shown after your answer."
_PRESS = "Press “Explain”: this method takes some seconds."


class WhyWidget(SessionDock):
    """Explain the class of the selected cell: map, words, similar cells, and the second class.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : ExplainForm
        The controls.
    findings : Findings or None
        What is shown.
    """

    #: Selections in a row are one: a cell is explained once nothing has changed for so long, ms.
    rest_ms = 150
    tells_progress = False

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._background: NDArray[np.float64] | None = None
        self._asked: tuple[object, ...] | None = None
        self.findings: Findings | None = None
        self.form = form = ExplainForm()
        self.map_layer = MapLayer(self.viewer)
        form.method.currentIndexChanged.connect(self.update_soon)
        form.class_box.currentIndexChanged.connect(self.update_soon)
        form.ask.clicked.connect(lambda: self.explain_now())
        form.on_image.toggled.connect(self._show_map)
        form.opacity.valueChanged.connect(self.map_layer.set_opacity)
        self.ties.add(ClickToSelect(self.viewer, lambda: self.session).release)
        self.lay_out(form.rows, form.head, form.body)
        form.show_nothing()
        self.begin()

    def on_hide(self) -> None:
        """Give up if the dock was closed; behind another dock's tab, go on."""
        self.update_soon()

    def on_session(self) -> None:
        """Forget what was measured of another image."""
        self._background = None
        self.update_soon()

    def on_release(self) -> None:
        """Take the map away."""
        with suppress(RuntimeError):  # at the application's end Qt may have gone first
            self.map_layer.hide()

    # -- which cell -----------------------------------------------------------------------

    def update_now(self) -> None:
        """Explain the selected cell, or say why none is explained."""
        question = self._question() if self.is_open() else ""
        if isinstance(question, str):
            self._forget(question)
            return
        key = self._key(question)
        if key == self._asked:
            return
        if question.method in _QUICK:
            self._explain(question, key)
        else:
            self._forget(_PRESS)

    def explain_now(self) -> None:
        """Explain the selected cell with the chosen method, however long it takes."""
        self.follow_now()
        question = self._question()
        if isinstance(question, str):
            self._forget(question)
        else:
            self._explain(question, self._key(question))

    def _question(self) -> Question | str:
        """Return what is to be explained, or a sentence on why nothing is."""
        session = self.session
        if session is None:
            return _NO_IMAGE
        if session.classifier is None:
            return _NOT_CLASSIFIED
        if not session.selection:
            return _NO_CELL
        label = min(session.selection)
        if label in session.hidden:
            return _HIDDEN
        region = region_of(session.labels, label)
        if region is None:
            return _NO_CELL
        try:
            classifier = find_model("classification", session.classifier)
        except LeukocyteError as error:
            return tr(str(error))
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
            id(self.session),
            (r.label, r.y0, r.x0, r.y1, r.x1, r.mask.tobytes()),
            tuple(m.sha256 for m in question.classifier.members),
            question.class_name,
            question.method,
            id(question.nucleus),
        )

    # -- work -----------------------------------------------------------------------------

    def _explain(self, question: Question, key: tuple[object, ...]) -> None:
        self.drop()
        self._asked = key
        others = 0 if self.session is None else len(self.session.selection) - 1
        notes = self._differs(question.classifier)

        def work(progress: Progress) -> tuple[Findings, list[NDArray[np.uint8] | None]]:
            found = find_out(question, progress)
            return found, [picture_of(n, PICTURE) for n in found.neighbours]

        def done(result: tuple[Findings, list[NDArray[np.uint8] | None]]) -> None:
            self._show(result[0], result[1], others, notes)

        def failed(why: str) -> None:
            self._forget(why)
            self._asked = key  # or the next change of the table would begin again

        self.start(
            work,
            None,
            done,
            failed=failed,
            cancelled=lambda: failed("Cancelled. Press “Explain” to begin again."),
        )
        self.say_state(tr("Explaining cell {label}…", label=question.region.label))

    def _differs(self, classifier: Manifest) -> tuple[str, ...]:
        """Say so if the classifier is not the one that gave the classes."""
        predictions = None if self.session is None else self.session.predictions
        said = {} if predictions is None else dict(predictions.description)
        if said and said != describe_model(classifier):
            return (
                tr(
                    "The classifier {name} has changed since it classified these cells: "
                    "what is explained is what it says now.",
                    name=classifier.name,
                ),
            )
        return ()

    # -- what is shown --------------------------------------------------------------------

    def _forget(self, why: str) -> None:
        self.drop()
        self._asked = None
        self.findings = None
        self.map_layer.hide()
        self.form.show_nothing()
        self.say_state(why)

    def _show(
        self,
        findings: Findings,
        pictures: list[NDArray[np.uint8] | None],
        others: int,
        notes: tuple[str, ...],
    ) -> None:
        form, said = self.form, findings.explanation
        self.findings = findings
        also = tr(" (and {others} more selected)", others=others) if others > 0 else ""
        form.title.setText(
            tr(
                "Cell {label}: {class_name}, {probability:.0f} %{also}",
                label=findings.label,
                class_name=written(said.class_name),
                probability=100 * said.probability,
                also=also,
            )
        )
        form.title.show()
        self.say_state("")
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
        form.second.setText(words.describe_second(said, findings.step, findings.deletion))
        all_notes = (*notes, *findings.notes)
        form.notes.setText(" ".join(map(tr, all_notes)))
        shown = {
            "attributes": bool(findings.attributes),
            "neighbours": bool(findings.neighbours),
            "notes": bool(all_notes),
        }
        for name, section in form.sections.items():
            section.setVisible(shown.get(name, True))
        self._show_map()

    def _show_map(self, *_: object) -> None:
        image = self.image_layer()
        if self.findings is None or image is None or not self.form.on_image.isChecked():
            self.map_layer.hide()
        else:
            self.map_layer.show(image, self.findings, self.form.opacity.value())


def region_of(labels: NDArray[np.int32], label: int) -> Region | None:
    """Return one object of a label image, or None if it is not there."""
    rows = np.flatnonzero((labels == label).any(axis=1))
    if not len(rows):
        return None
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero((labels[y0:y1] == label).any(axis=0))
    x0, x1 = int(columns[0]), int(columns[-1]) + 1
    return Region(label, y0, x0, y1, x1, labels[y0:y1, x0:x1] == label)
