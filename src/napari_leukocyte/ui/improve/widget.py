"""Better models from what was corrected: a new head in minutes, a network trained on in hours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QSizePolicy, QTabWidget, QWidget

from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.errors import Cancelled, ParameterError
from napari_leukocyte.language import later, tr
from napari_leukocyte.learning.finetune import job as jobs
from napari_leukocyte.learning.finetune.job import TrainingProgress
from napari_leukocyte.learning.finetune.outcome import Outcome, measure_job, take
from napari_leukocyte.learning.finetune.plan import FinetuneParams, Plan, make_plan, read_plan
from napari_leukocyte.learning.head.comparison import share, signed
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import list_models
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.containers import Table
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.dock import SessionDock, SharedParts, keep_keys
from napari_leukocyte.ui.improve.head_tab import HeadTab
from napari_leukocyte.ui.improve.line_chart import LineChart, Series
from napari_leukocyte.ui.jobs import tell, telling_errors
from napari_leukocyte.ui.signals import Signal

if TYPE_CHECKING:
    import napari

#: Colours of Okabe and Ito's set: training blue, validation vermilion.
_COLORS = ("#0072B2", "#D55E00")
#: Curves whose larger values are better.
_METRICS = {"cell_iou": later("IoU of cells"), "accuracy": later("accuracy")}


class FinetuneTab(SessionDock):
    """Train a network on with a dataset's photographs, in a process of its own.

    Parameters
    ----------
    viewer : napari.Viewer
        In which it stands.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    what : QComboBox
        Its data are names for :func:`napari_leukocyte.learning.finetune.plan.find_member`.
    folder : FolderLine
    name : QLineEdit
    epochs : QSpinBox
    start_button, resume_button, add_button : QPushButton
    outcome_text : WrappedText
    loss, figure : LineChart
    outcome : Outcome or None
        What was measured last.
    """

    #: Emitted with a model that was added.
    accepted = Signal(object)
    _followed = Signal(object)

    chooses_image = False
    undoes = False

    def __init__(self, viewer: Any, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._plan: Plan | None = None
        self._made: Manifest | None = None
        self.outcome: Outcome | None = None
        self.what = choice_box(_choices())
        self.folder = build.FolderLine("Folder of an exported dataset", "Choose a dataset")
        self.name = build.line("Name of the new model")
        self.epochs = build.whole_number(1, 1000, FinetuneParams().epochs)
        self.start_button = build.button("Start", act=self.start_training)
        self.resume_button = build.button(
            "Resume", "Goes on with the training of this name that was stopped.", self.resume
        )
        self.loss = LineChart(later("epoch"), later("loss"))
        self.figure = LineChart("epoch", "IoU or accuracy")
        self.outcome_text, self.figures = (
            build.text(),
            Table((later("figure"), later("before"), later("after"))),
        )
        self.add_button = build.button("Add to my models", act=self.add)
        self.lay_out(
            [
                ("Train on", self.what),
                ("Dataset", self.folder),
                ("New model", self.name),
                ("Epochs", self.epochs),
            ],
            [build.row(self.start_button, self.resume_button)],
            [self.loss, self.figure, self.outcome_text, self.figures, self.add_button, None],
        )
        self.name.textChanged.connect(self.update_now)
        self._followed.connect(self._follow)
        self.begin()
        self.update_now()

    def on_busy(self) -> None:
        """Let one network be trained at a time."""
        self.update_now()

    # -- what the user does ----------------------------------------------------------------

    def start_training(self) -> None:
        """Begin a training anew; when it is stopped, what it has learnt stays."""
        folder, name = self.folder.text(), self.name.text().strip()
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
        with telling_errors():
            manifest = take(self._plan, self._made, self.outcome)
            self._made = None
            self.say(tr("{name} is among your models.", name=manifest.name))
            self.update_now()
            self.accepted.emit(manifest)

    # -- the training ----------------------------------------------------------------------

    def _run(self, get_plan: Callable[[], Plan], place: Path) -> None:
        followed = self._followed

        def work(progress: Progress) -> tuple[Plan, Manifest, Outcome]:
            plan = get_plan()

            def follow(curves: TrainingProgress) -> None:
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
        self.start(
            work,
            "Fine-tuning",
            self._show_outcome,
            cancelled=lambda: self.say(
                "Stopped. What was learnt is kept: resume goes on from there."
            ),
        )

    def _follow(self, curves: TrainingProgress) -> None:
        self.loss.show_series(_both(curves, "loss"))
        for name in _METRICS:
            if name in curves.values:
                self.figure.show_series(_both(curves, name))

    def _show_outcome(self, given: tuple[Plan, Manifest, Outcome]) -> None:
        self._plan, self._made, self.outcome = given
        found = self.outcome
        worse = found.difference.value < 0
        self.outcome_text.setText(
            tr(
                "<b>On {photographs} validation photographs the {what} changes "
                "by {difference}{verdict}</b>",
                photographs=found.photographs,
                what=tr(found.what),
                difference=signed(found.difference),
                verdict=tr(". It is worse.") if worse else ".",
            )
        )
        self.figures.show_rows(
            [(tr(found.what), share(found.before), share(found.after)), *found.rows]
        )
        self.say("Trained and measured.")
        self.update_now()

    def update_now(self) -> None:
        """Show what there is, and let be done what can be done."""
        name = self.name.text().strip()
        self.start_button.setEnabled(bool(name) and not self.busy)
        resumable = bool(name) and (self._place(name) / "plan.json").is_file()
        self.resume_button.setEnabled(resumable and not self.busy)
        found = self.outcome is not None
        build.show_only([self.outcome_text, self.figures, self.add_button], found)
        self.add_button.setEnabled(self._made is not None and not self.busy)

    def _place(self, name: str) -> Path:
        # A name that is no folder's is refused when the plan is made.
        return jobs.jobs_folder() / Path(name).name


def _choices() -> dict[Any, str]:
    """Return what can be trained on: the members of segmentations, and classifiers."""
    found: dict[Any, str] = {}
    for manifest in list_models("segmentation"):
        for member in manifest.members:
            found[member.name] = tr(
                "{name} (segmentation, {model})", name=member.name, model=manifest.name
            )
    for manifest in list_models("classification"):
        if len(manifest.members) == 1:
            found[manifest.name] = tr("{name} (classification)", name=manifest.name)
    return found


def _both(curves: TrainingProgress, name: str) -> list[Series]:
    """Return the curves of training and validation."""
    found = []
    for key, color, title in (
        (name, _COLORS[0], later("training")),
        (f"val_{name}", _COLORS[1], later("validation")),
    ):
        values = curves.values.get(key, [])
        found.append(Series(tr(title), tuple((i + 1.0, v) for i, v in enumerate(values)), color))
    return found


class ImproveWidget(QWidget):
    """Make models better from what was corrected.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images' sessions are learnt from and classified again.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    head : HeadTab
    finetune : FinetuneTab
    tabs : QTabWidget
    """

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__()
        self.head = HeadTab(viewer, shared=shared)
        self.finetune = FinetuneTab(viewer, shared=shared)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.head, tr("Adapt classifier (minutes)"))
        self.tabs.addTab(self.finetune, tr("Fine-tune (minutes to hours)"))
        keep_keys(self, viewer)
        self.setLayout(build.column(self.tabs))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
