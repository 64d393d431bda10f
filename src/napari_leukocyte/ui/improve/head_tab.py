"""The tab on which a new head is fitted, looked at and taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.learning.head.apply import Change, apply
from napari_leukocyte.learning.head.comparison import Comparison
from napari_leukocyte.learning.head.curve import Curve, Line
from napari_leukocyte.learning.head.gather import snapshot
from napari_leukocyte.learning.head.texts import expectation, share, verdict
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.improve.head_work import Fitted, accept_and_classify, fit
from napari_leukocyte.ui.improve.line_chart import LineChart, Series
from napari_leukocyte.ui.improve.tables import Table
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import COLORS, DISCLAIMER

OPEN, DATASET = "open", "dataset"
_ALL = "#888888"


class HeadTab(QWidget):
    """Fit a head on corrected cells, compare, take it, and see what changes.

    Parameters
    ----------
    sessions : callable
        Gives the sessions that are open.
    select : callable
        Called with a session and a label that the user wants to see.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    source : QComboBox
    folder, name : QLineEdit
    model : ModelChoice
    fit_button, accept_button : QPushButton
    bar : QProgressBar
    verdict, curve_text, status : QLabel
    own, shipped, changes : Table
    curve : LineChart
    fitted : Fitted or None
        What was fitted last.
    """

    #: Emitted with a model that was added.
    accepted = Signal(object)

    def __init__(
        self,
        sessions: Callable[[], list[Session]],
        select: Callable[[Session, int], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._sessions, self._select = sessions, select
        self._job: Job | None = None
        self._changed: list[tuple[Session, Change]] = []
        self.fitted: Fitted | None = None
        self._taken = False
        self.source: QComboBox = choice_box(
            {OPEN: "Reviewed cells of open images", DATASET: "A dataset"}
        )
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("Folder of an exported dataset")
        self.find_folder = QToolButton()
        self.find_folder.setText("…")
        self.model = ModelChoice("classification")
        self.fit_button = QPushButton("Fit a new head")
        self.fit_button.setToolTip(
            "<p>Fits the classifier's last layer on your reviewed cells and on cells that come "
            "with the plugin, and measures it on photographs that were held out.</p>"
        )
        self.bar = QProgressBar()
        self.status, self.verdict, self.curve_text = _text(), _text(), _text()
        heads = ("class", "cells", "before", "after")
        self.own, self.shipped = Table(heads), Table(heads)
        self.curve = LineChart("reviewed cells a class", "recognised")
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of the new model")
        self.accept_button = QPushButton("Accept")
        self.accept_button.setToolTip(
            "<p>Adds it to your models and classifies the unreviewed cells of open images again. "
            "That can be undone.</p>"
        )
        self.changes = Table(("image", "cell", "was", "is", "confidence"))
        self._lay_out()
        self.source.currentIndexChanged.connect(self._show)
        self.find_folder.clicked.connect(self._ask_for_folder)
        self.fit_button.clicked.connect(self.fit_or_cancel)
        self.accept_button.clicked.connect(self.accept)
        self.name.textChanged.connect(self._show)
        self.changes.itemSelectionChanged.connect(self._go_to_change)
        self._show()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Learn from", self.source)
        self._folder_row = _row(self.folder, self.find_folder)
        form.addRow(self._folder_row)
        form.addRow("Classifier", self.model)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(_row(self.fit_button, self.bar))
        layout.addWidget(self.status)
        self._results = QWidget()
        inside = QVBoxLayout(self._results)
        inside.setContentsMargins(0, 0, 0, 0)
        for title, table in (
            ("Your cells, each held out with its photograph", self.own),
            ("Cells that come with the plugin", self.shipped),
        ):
            inside.addWidget(QLabel(f"<b>{title}</b>"))
            inside.addWidget(table)
        inside.addWidget(self.verdict)
        inside.addWidget(_row(self.name, self.accept_button))
        inside.addWidget(QLabel("<b>What more corrections would bring</b>"))
        inside.addWidget(self.curve)
        inside.addWidget(self.curve_text)
        layout.addWidget(self._results)
        self._changes_title = QLabel("<b>Cells with another class now</b>")
        layout.addWidget(self._changes_title)
        layout.addWidget(self.changes)
        layout.addWidget(QLabel(DISCLAIMER))
        layout.addStretch(1)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._job is not None

    # -- what the user does ----------------------------------------------------------------

    def fit_or_cancel(self) -> None:
        """Fit a head in a thread, or stop fitting."""
        if self._job is not None:
            self._job.cancel()
            return
        manifest = self.model.model()
        if manifest is None:
            tell(ParameterError("Choose a classifier that gets a new head."))
            return
        if self.source.currentData() == DATASET:
            text = self.folder.text().strip()
            if not text:
                tell(ParameterError("Choose the folder of a dataset."))
                return
            work = fit(manifest.name, Path(text))
        else:
            work = fit(manifest.name, [snapshot(s) for s in self._sessions()])
        self._start("Fitting a head", work, self._show_fitted)

    def accept(self) -> None:
        """Make the head a model and classify unreviewed cells again."""
        if self.fitted is None or self.busy:
            return
        sessions = [s for s in self._sessions() if len(s.table())]
        work = accept_and_classify(
            self.fitted, self.name.text().strip(), [snapshot(s) for s in sessions]
        )

        def done(given: tuple[Manifest, list[Predictions]]) -> None:
            manifest, said = given
            try:
                changed = [
                    (session, change)
                    for session, predictions in zip(sessions, said, strict=True)
                    for change in apply(session, predictions)
                ]
            except LeukocyteError as error:
                tell(error)
                changed = []
            self._show_changes(changed)
            self._taken = True
            self.model.refresh()
            self.model.choose(manifest.name)
            cells = f"{len(changed)} unreviewed cell{'' if len(changed) == 1 else 's'}"
            self.status.setText(
                f"{manifest.name} is among your models. {cells} got another class"
                + ("; undo takes that back." if changed else ".")
            )
            self.accepted.emit(manifest)

        self._start("Taking the new head", work, done)

    def release(self) -> None:
        """Let go of what is under way, for good."""
        if self._job is not None:
            self._job.abandon()
            self._job = None

    # -- what is shown ---------------------------------------------------------------------

    def _start(self, title: str, work: Callable[..., Any], done: Callable[[Any], None]) -> None:
        self._job = start_job(work, title=title, on_done=done, on_end=self._end)
        self._job.progressed.connect(self._progress)
        self.bar.setRange(0, 0)
        self._show()

    def _end(self) -> None:
        self._job = None
        self._show()

    def _progress(self, done: int, total: int, what: str) -> None:
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.status.setText(what)

    def _show_fitted(self, fitted: Fitted) -> None:
        self.fitted, self._taken = fitted, False
        result = fitted.result
        self.own.show_rows(_rows(result.own))
        self.shipped.show_rows(_rows(result.shipped))
        self.verdict.setText("<br>".join((f"<b>{verdict(result)}</b>", *result.notes)))
        self._show_curve(fitted.curve)
        self.status.setText(
            f"Fitted on {result.own.cells} reviewed cells of {result.own.photographs} photographs "
            f"in {result.seconds:.1f} s. " + " ".join(fitted.gathered.left_out)
        )
        self._show_changes([])

    def _show_curve(self, curve: Curve | None) -> None:
        if curve is None:
            self.curve.show_series([])
            self.curve_text.setText("Too few photographs to say what more corrections would bring.")
            return
        lines = [curve.overall, *(line for line in curve.classes if line.expected)][:4]
        self.curve.show_series([_series(line) for line in lines])
        self.curve_text.setText("<br>".join(expectation(line) for line in lines))

    def _show_changes(self, changed: list[tuple[Session, Change]]) -> None:
        self._changed = changed
        self.changes.show_rows(
            [
                (s.name, str(c.label), c.before, c.after, f"{100 * c.confidence:.0f} %")
                for s, c in changed
            ]
        )
        self._show()

    def _show(self) -> None:
        from_dataset = self.source.currentData() == DATASET
        self._folder_row.setVisible(from_dataset)
        self.fit_button.setText("Cancel" if self.busy else "Fit a new head")
        self.bar.setVisible(self.busy)
        self._results.setVisible(self.fitted is not None)
        takeable = self.fitted is not None and not self._taken and not self.fitted.result.refusals
        self.accept_button.setEnabled(takeable and not self.busy and bool(self.name.text().strip()))
        for widget in (self._changes_title, self.changes):
            widget.setVisible(bool(self._changed))

    def _go_to_change(self) -> None:
        row = self.changes.currentRow()
        if 0 <= row < len(self._changed):
            session, change = self._changed[row]
            self._select(session, change.label)

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a dataset", self.folder.text())
        if folder:
            self.folder.setText(folder)


def _rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows = [
        (
            row.name,
            str(row.cells),
            share(row.before, 2),
            share(row.after, 2) if row.measured else "not measured",
        )
        for row in comparison.rows
    ]
    balanced = ("balanced accuracy", str(comparison.cells))
    return [*rows, (*balanced, share(comparison.before, 2), share(comparison.after, 2))]


def _series(line: Line) -> Series:
    points = tuple((p.cells, p.value) for p in line.points)
    expected = line.expected
    beyond = None
    if expected is not None:
        beyond = (2 * points[-1][0], expected.value, expected.low, expected.high)
    return Series(line.name or "all", points, COLORS.get(line.name, _ALL), beyond)


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(widgets[0], 1)
    for widget in widgets[1:]:
        layout.addWidget(widget)
    return row
