"""The tab on which a new head is fitted, looked at and taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Image

from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.classification.embedding import Features, features_of
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.language import later, tr, tr_n
from napari_leukocyte.learning.head.apply import ClassChange, apply, predictions_of
from napari_leukocyte.learning.head.base import base_for
from napari_leukocyte.learning.head.cells import (
    CollectedCells,
    from_dataset,
    from_sessions,
)
from napari_leukocyte.learning.head.comparison import Comparison, share
from napari_leukocyte.learning.head.curve import (
    ClassCurve,
    LearningCurve,
    expectation,
    learning_curve,
)
from napari_leukocyte.learning.head.onnx_head import accept, head_of
from napari_leukocyte.learning.head.retrain import Retrained, retrain, verdict
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.snapshot import SessionSnapshot
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.containers import Table
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.improve.line_chart import LineChart, Series
from napari_leukocyte.ui.jobs import tell, telling_errors
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.review.picking import show_place
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import COLORS

OPEN, DATASET = "open", "dataset"
_ALL = "#888888"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head, where its cells are from, what more of them would bring, and what all that took."""

    features: Features
    collected: CollectedCells
    result: Retrained
    curve: LearningCurve | None
    seconds: float


def fit(model: str, source: Sequence[SessionSnapshot] | Path) -> Callable[[Progress], Fitted]:
    """Return the work that fits a head on the cells of sessions, or of a dataset."""

    def work(progress: Progress) -> Fitted:
        start = time.perf_counter()
        features = features_of(model)
        base, former = base_for(features), head_of(features)
        if isinstance(source, Path):
            collected = from_dataset(open_dataset(source), features, progress)
        else:
            collected = from_sessions(source, features, progress)
        views = features.manifest.views
        result = retrain(collected.cells, base, former, progress=progress, former_views=views)
        curve = learning_curve(collected.cells, base, former, progress=progress)
        return Fitted(features, collected, result, curve, time.perf_counter() - start)

    return work


def accept_and_classify(
    fitted: Fitted, name: str, snapshots: Sequence[SessionSnapshot]
) -> Callable[[Progress], tuple[Manifest, list[Predictions]]]:
    """Return the work that makes a head a model, and asks it about the cells of sessions."""

    def work(progress: Progress) -> tuple[Manifest, list[Predictions]]:
        manifest = accept(fitted.result, fitted.features, name, fitted.collected.source)
        head = fitted.result.head
        said = [
            predictions_of(taken, fitted.features, head, manifest, progress) for taken in snapshots
        ]
        return manifest, said

    return work


class HeadTab(SessionDock):
    """Fit a head on corrected cells, compare, take it, and see what changes.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images' sessions are learnt from and classified again.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    source : QComboBox
    folder : FolderLine
    name : QLineEdit
    model : ModelChoice
    fit_button, accept_button : QPushButton
    verdict, curve_text : WrappedText
    own, shipped, changes : Table
    curve : LineChart
    fitted : Fitted or None
        What was fitted last.
    """

    #: Emitted with a model that was added.
    accepted = Signal(object)

    chooses_image = False

    def __init__(self, viewer: Any, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._changed: list[tuple[Session, ClassChange]] = []
        self.fitted: Fitted | None = None
        self._taken = False
        self.source = choice_box({OPEN: "Reviewed cells of open images", DATASET: "A dataset"})
        self.folder = build.FolderLine("Folder of an exported dataset", "Choose a dataset")
        self.model = ModelChoice("classification")
        self.fit_button = build.button(
            "Adapt",
            "Fits the classifier's last layer on your reviewed cells and on cells that come with "
            "the plugin, and measures it on photographs that were held out. The measurement takes "
            "longest: a minute or some, longer with many cells or other work on the machine.",
            self.fit,
        )
        self.verdict, self.curve_text = build.text(), build.text()
        heads = (later("class"), later("cells"), later("before"), later("after"))
        self.own, self.shipped = Table(heads), Table(heads)
        self.curve = LineChart("reviewed cells a class", later("recognised"))
        self.name = build.line("Name of the new model")
        self.accept_button = build.button(
            "Accept",
            "Adds it to your models and classifies the unreviewed cells of open images again. "
            "That can be undone.",
            self.accept,
        )
        self.changes = Table(
            (later("image"), later("cell"), later("was"), later("is"), later("confidence"))
        )
        self._results = build.holder(
            build.column(
                build.heading("Your cells, each held out with its photograph"),
                self.own,
                build.heading("Cells that come with the plugin"),
                self.shipped,
                self.verdict,
                build.row(self.name, self.accept_button),
                build.heading("What more corrections would bring"),
                self.curve,
                self.curve_text,
            )
        )
        self._changes_title = build.heading("Cells with another class now")
        self._rows = build.form(
            ("Learn from", self.source), ("Dataset", self.folder), ("Classifier", self.model)
        )
        self.lay_out(
            head=[self._rows, self.fit_button],
            body=[self._results, self._changes_title, self.changes, None],
        )
        self.source.currentIndexChanged.connect(self.update_now)
        self.name.textChanged.connect(self.update_now)
        self.changes.itemSelectionChanged.connect(self._go_to_change)
        self.begin()
        self.update_now()

    def wanted_sessions(self) -> list[Session]:
        """Return the sessions of the viewer's images."""
        layers = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        found = (links.existing_session(layer) for layer in layers)
        return [session for session in found if session is not None]

    def session_to_undo(self) -> Session | None:
        """Return the session of the active layer, or the only one."""
        active = self.viewer.layers.selection.active
        session = links.existing_session(active) if isinstance(active, Image) else None
        every = self.wanted_sessions()
        return session or (every[0] if len(every) == 1 else None)

    def on_show(self) -> None:
        """Look again which classifiers there are."""
        self.model.refresh()

    def on_busy(self) -> None:
        """Let one thing be done at a time."""
        self.update_now()

    # -- what the user does ----------------------------------------------------------------

    def fit(self) -> None:
        """Fit a head in a thread."""
        manifest = self.model.model()
        if manifest is None:
            tell(ParameterError("Choose a classifier to adapt."))
        elif self.source.currentData() != DATASET:
            taken = [s.snapshot(hidden_too=True) for s in self.wanted_sessions()]
            self.start(fit(manifest.name, taken), "Fitting a head", self._show_fitted)
        elif self.folder.text():
            folder = Path(self.folder.text())
            self.start(fit(manifest.name, folder), "Fitting a head", self._show_fitted)
        else:
            tell(ParameterError("Choose the folder of a dataset."))

    def accept(self) -> None:
        """Make the head a model and classify unreviewed cells again."""
        if self.fitted is None or self.busy:
            return
        sessions = [s for s in self.wanted_sessions() if len(s.table())]
        work = accept_and_classify(
            self.fitted, self.name.text().strip(), [s.snapshot(hidden_too=True) for s in sessions]
        )

        def done(given: tuple[Manifest, list[Predictions]]) -> None:
            manifest, said = given
            changed: list[tuple[Session, ClassChange]] = []
            with telling_errors():
                changed = [
                    (session, change)
                    for session, predictions in zip(sessions, said, strict=True)
                    for change in apply(session, predictions)
                    if change.label not in session.hidden
                ]
            self._show_changes(changed)
            self._taken = True
            self.model.refresh()
            self.model.choose(manifest.name)
            added = tr("{name} is among your models.", name=manifest.name)
            cells = tr_n(
                "{n} unreviewed cell got another class",
                "{n} unreviewed cells got another class",
                len(changed),
            )
            self.say(f"{added} {cells}" + (tr("; undo takes that back.") if changed else "."))
            self.accepted.emit(manifest)

        self.start(work, "Taking the adapted classifier", done)

    # -- what is shown ---------------------------------------------------------------------

    def _show_fitted(self, fitted: Fitted) -> None:
        self.fitted, self._taken = fitted, False
        result = fitted.result
        self.own.show_rows(_rows(result.own))
        self.shipped.show_rows(_rows(result.shipped))
        self.verdict.setText("<br>".join((f"<b>{tr(verdict(result))}</b>", *map(tr, result.notes))))
        self._show_curve(fitted.curve)
        self.say(
            tr(
                "Fitted on {cells} reviewed cells of {photographs} photographs "
                "and measured in {seconds}, of which the head itself took "
                "{of_head}. ",
                cells=result.own.cells,
                photographs=result.own.photographs,
                seconds=duration(fitted.seconds),
                of_head=duration(result.seconds),
            )
            + " ".join(fitted.collected.left_out)
        )
        self._show_changes([])

    def _show_curve(self, curve: LearningCurve | None) -> None:
        if curve is None:
            self.curve.show_series([])
            self.curve_text.setText(
                tr("Too few photographs to say what more corrections would bring.")
            )
            return
        lines = [curve.overall, *(line for line in curve.classes if line.expected)][:4]
        self.curve.show_series([_series(line) for line in lines])
        self.curve_text.setText("<br>".join(expectation(line) for line in lines))

    def _show_changes(self, changed: list[tuple[Session, ClassChange]]) -> None:
        self._changed = changed
        self.changes.show_rows(
            [
                (s.name, str(c.label), tr(c.before), tr(c.after), f"{100 * c.confidence:.0f} %")
                for s, c in changed
            ]
        )
        self.update_now()

    def update_now(self) -> None:
        """Show what there is, and let be done what can be done."""
        self._rows.setRowVisible(self.folder, self.source.currentData() == DATASET)
        self.fit_button.setEnabled(not self.busy)
        self._results.setVisible(self.fitted is not None)
        takeable = self.fitted is not None and not self._taken and not self.fitted.result.refusals
        self.accept_button.setEnabled(takeable and not self.busy and bool(self.name.text().strip()))
        build.show_only([self._changes_title, self.changes], bool(self._changed))

    def _go_to_change(self) -> None:
        """Select the cell of the chosen row, and bring it into view."""
        row = self.changes.currentRow()
        if not 0 <= row < len(self._changed):
            return
        session, change = self._changed[row]
        session.select([change.label])
        image = links.image_layer_of(self.viewer, session)
        cells = CellTable(session.table())
        if change.label in cells and image is not None:
            show_place(self.viewer, image, cells[change.label].place)


def duration(seconds: float) -> str:
    """Return a time in words: "0.4 s", "12 s", "3 min"."""
    if seconds < 90:
        return tr("{seconds:.1f} s" if seconds < 10 else "{seconds:.0f} s", seconds=seconds)
    return tr("{seconds:.0f} min", seconds=seconds / 60)


def _rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows = [
        (
            tr(row.name),
            str(row.cells),
            share(row.before, 2),
            share(row.after, 2) if row.measured else tr("not measured"),
        )
        for row in comparison.rows
    ]
    balanced = (tr("balanced accuracy"), str(comparison.cells))
    return [*rows, (*balanced, share(comparison.before, 2), share(comparison.after, 2))]


def _series(line: ClassCurve) -> Series:
    points = tuple((p.cells, p.value) for p in line.points)
    expected = line.expected
    beyond = None
    if expected is not None:
        beyond = (2 * points[-1][0], expected.value, expected.low, expected.high)
    return Series(tr(line.name or later("all")), points, COLORS.get(line.name, _ALL), beyond)
