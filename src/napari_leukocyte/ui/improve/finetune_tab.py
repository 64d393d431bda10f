"""The tab on which a network is trained on: what, how long, its curves, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.annotations.dataset.store import open_dataset
from napari_leukocyte.errors import Cancelled, LeukocyteError, ParameterError
from napari_leukocyte.learning.finetune import job as jobs
from napari_leukocyte.learning.finetune.job import Curves
from napari_leukocyte.learning.finetune.outcome import Outcome, measure_job, take
from napari_leukocyte.learning.finetune.plan import FinetuneParams, Plan, read_plan
from napari_leukocyte.learning.finetune.planning import make_plan
from napari_leukocyte.learning.head.texts import share, signed
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import list_models
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.improve.head_tab import _row, _text
from napari_leukocyte.ui.improve.line_chart import LineChart, Series
from napari_leukocyte.ui.improve.tables import Table
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import DISCLAIMER

#: Colours of Okabe and Ito's set: training blue, validation vermilion.
_COLORS = ("#0072B2", "#D55E00")
#: Curves whose larger values are better.
_METRICS = {"cell_iou": "IoU of cells", "accuracy": "accuracy"}


class FinetuneTab(QWidget):
    """Train a network on with a dataset's photographs, in a process of its own.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    what : QComboBox
        Its data are names for :func:`napari_leukocyte.learning.finetune.planning.find_member`.
    folder, name : QLineEdit
    epochs : QSpinBox
    start_button, resume_button, add_button : QPushButton
    bar : QProgressBar
    status, outcome_text : QLabel
    loss, figure : LineChart
    outcome : Outcome or None
        What was measured last.
    """

    #: Emitted with a model that was added.
    accepted = Signal(object)
    _followed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._plan: Plan | None = None
        self._made: Manifest | None = None
        self.outcome: Outcome | None = None
        self.what = choice_box(_choices())
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("Folder of an exported dataset")
        self.find_folder = QToolButton()
        self.find_folder.setText("…")
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of the new model")
        self.epochs = QSpinBox()
        self.epochs.setRange(1, 1000)
        self.epochs.setValue(FinetuneParams().epochs)
        self.start_button = QPushButton("Start")
        self.resume_button = QPushButton("Resume")
        self.resume_button.setToolTip("Goes on with the training of this name that was stopped.")
        self.bar = QProgressBar()
        self.status, self.outcome_text = _text(), _text()
        self.loss = LineChart("epoch", "loss")
        self.figure = LineChart("epoch", "IoU or accuracy")
        self.figures = Table(("figure", "before", "after"))
        self.add_button = QPushButton("Add to my models")
        self._lay_out()
        self.find_folder.clicked.connect(self._ask_for_folder)
        self.start_button.clicked.connect(self.start_or_cancel)
        self.resume_button.clicked.connect(self.resume)
        self.add_button.clicked.connect(self.add)
        self.name.textChanged.connect(self._show)
        self._followed.connect(self._follow)
        self._show()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Train on", self.what)
        form.addRow("Dataset", _row(self.folder, self.find_folder))
        form.addRow("New model", self.name)
        form.addRow("Epochs", self.epochs)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(_row(self.start_button, self.resume_button))
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.loss)
        layout.addWidget(self.figure)
        layout.addWidget(self.outcome_text)
        layout.addWidget(self.figures)
        layout.addWidget(self.add_button)
        layout.addWidget(QLabel(DISCLAIMER))
        layout.addStretch(1)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._job is not None

    # -- what the user does ----------------------------------------------------------------

    def start_or_cancel(self) -> None:
        """Begin a training anew, or stop the one under way; what it has learnt stays."""
        if self._job is not None:
            self._job.cancel()
            self.status.setText("Stopping…")
            return
        folder, name = self.folder.text().strip(), self.name.text().strip()
        what, epochs = str(self.what.currentData()), self.epochs.value()
        if not folder:
            tell(ParameterError("Choose the folder of a dataset."))
            return

        def begin() -> Plan:
            plan = make_plan(open_dataset(Path(folder)), what, name, FinetuneParams(epochs=epochs))
            jobs.begin(plan, self._place(name))
            return plan

        self._run(begin, self._place(name))

    def resume(self) -> None:
        """Go on with the training of the chosen name."""
        place = self._place(self.name.text().strip())
        self._run(lambda: read_plan(place), place)

    def add(self) -> None:
        """Add the trained model to the user's."""
        if self._plan is None or self._made is None or self.outcome is None:
            return
        try:
            manifest = take(self._plan, self._made, self.outcome)
        except LeukocyteError as error:
            tell(error)
            return
        self._made = None
        self.status.setText(f"{manifest.name} is among your models.")
        self._show()
        self.accepted.emit(manifest)

    def release(self) -> None:
        """Stop what is under way, for good; it can be resumed."""
        if self._job is not None:
            self._job.abandon()
            self._job = None

    # -- the training ----------------------------------------------------------------------

    def _run(self, get_plan: Callable[[], Plan], place: Path) -> None:
        followed = self._followed

        def work(progress: Progress) -> tuple[Plan, Manifest, Outcome]:
            plan = get_plan()

            def follow(curves: Curves) -> None:
                progress(
                    curves.epoch * curves.steps + curves.step,
                    max(1, curves.epochs * curves.steps),
                    curves.stage,
                )
                followed.emit(curves)

            try:
                jobs.run(place, follow)
                return plan, *measure_job(plan, place, progress)
            except RuntimeError as error:  # the tab has gone
                raise Cancelled from error

        self._made, self.outcome = None, None
        self._job = start_job(
            work, title="Fine-tuning", on_done=self._show_outcome, on_end=self._end
        )
        self._job.progressed.connect(self._progress)
        self.bar.setRange(0, 0)
        self._show()

    def _end(self) -> None:
        stopped = self._job is not None and self._job.cancelled
        self._job = None
        if stopped:
            self.status.setText("Stopped. What was learnt is kept: resume goes on from there.")
        self._show()

    def _progress(self, done: int, total: int, what: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.status.setText(what)

    def _follow(self, curves: Curves) -> None:
        self.loss.show_series(_both(curves, "loss"))
        for name in _METRICS:
            if name in curves.values:
                self.figure.show_series(_both(curves, name))

    def _show_outcome(self, given: tuple[Plan, Manifest, Outcome]) -> None:
        self._plan, self._made, self.outcome = given
        found = self.outcome
        worse = found.difference.value < 0
        self.outcome_text.setText(
            f"<b>On {found.photographs} validation photographs the {found.what} changes "
            f"by {signed(found.difference)}{'. It is worse.' if worse else '.'}</b>"
        )
        self.figures.show_rows([(found.what, share(found.before), share(found.after)), *found.rows])
        self.status.setText("Trained and measured.")
        self._show()

    def _show(self) -> None:
        name = self.name.text().strip()
        self.start_button.setText("Stop" if self.busy else "Start")
        self.start_button.setEnabled(self.busy or bool(name))
        resumable = bool(name) and (self._place(name) / "plan.json").is_file()
        self.resume_button.setEnabled(resumable and not self.busy)
        self.bar.setVisible(self.busy)
        for widget in (self.outcome_text, self.figures, self.add_button):
            widget.setVisible(self.outcome is not None)
        self.add_button.setEnabled(self._made is not None and not self.busy)

    def _place(self, name: str) -> Path:
        # A name that is no folder's is refused when the plan is made.
        return jobs.jobs_folder() / Path(name).name

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a dataset", self.folder.text())
        if folder:
            self.folder.setText(folder)


def _choices() -> dict[Any, str]:
    """Return what can be trained on: the members of segmentations, and classifiers."""
    found: dict[Any, str] = {}
    for manifest in list_models("segmentation"):
        for member in manifest.members:
            found[member.name] = f"{member.name} (segmentation, {manifest.name})"
    for manifest in list_models("classification"):
        if len(manifest.members) == 1:
            found[manifest.name] = f"{manifest.name} (classification)"
    return found


def _both(curves: Curves, name: str) -> list[Series]:
    """Return the curves of training and validation."""
    found = []
    for key, color, title in (
        (name, _COLORS[0], "training"),
        (f"val_{name}", _COLORS[1], "validation"),
    ):
        values = curves.values.get(key, [])
        found.append(Series(title, tuple((i + 1.0, v) for i, v in enumerate(values)), color))
    return found
