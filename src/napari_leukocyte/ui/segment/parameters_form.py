"""The fields of parameters and weights, what is said of each, and buttons to load and save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_leukocyte.language import later, tr
from napari_leukocyte.segmentation.parameters import (
    CHOICES,
    RANGES,
    PostprocessParams,
    load_preset,
    save_preset,
)
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.containers import Section
from napari_leukocyte.ui.controls.inputs import number_slider
from napari_leukocyte.ui.controls.record_form import FieldText, RecordForm, titled
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.signals import Signal

_KERNELS = {
    "ellipse": later("ellipse"),
    "rectangle": later("rectangle"),
    "cross": later("cross"),
}
_KERNEL_HELP = "Shape of the kernel; an ellipse treats all directions alike."

#: Every parameter, in the order of the form.
TEXTS: dict[str, FieldText] = {
    "vote": FieldText(
        "Threshold",
        "Vote",
        "Rule by which the maps of the model's members become one. The minimum believes what all "
        "members see, and is best on smears of laboratories that the model was not trained on; the "
        "means weigh the members, and are somewhat better on those that it was.",
        choices={
            "minimum": "all members agree",
            "geometric": "weighted geometric mean",
            "mean": "weighted mean",
        },
    ),
    "threshold": FieldText(
        "Threshold",
        "Probability",
        "Probability from which a pixel belongs to a cell, without unit. Lower it if pale cells "
        "are missed or come out too small; raise it if background or platelets are taken in.",
        0.01,
    ),
    "opening_size": FieldText(
        "Cleaning (in cell diameters)",
        "Opening",
        "Removes specks, threads and bridges thinner than this. In leukocyte diameters: 0.1 is a "
        "tenth of a cell, 0 switches it off.",
        0.01,
    ),
    "opening_shape": FieldText(
        "Cleaning (in cell diameters)", "  its kernel", _KERNEL_HELP, choices=_KERNELS
    ),
    "closing_size": FieldText(
        "Cleaning (in cell diameters)",
        "Closing",
        "Closes gaps and notches narrower than this, after the opening. In leukocyte diameters: "
        "0.1 is a tenth of a cell, 0 switches it off.",
        0.01,
    ),
    "closing_shape": FieldText(
        "Cleaning (in cell diameters)", "  its kernel", _KERNEL_HELP, choices=_KERNELS
    ),
    "fill_holes": FieldText(
        "Cleaning (in cell diameters)",
        "Fill holes",
        "Makes background that a cell encloses on all sides a part of the cell.",
    ),
    "least_score": FieldText(
        "Evidence",
        "Least score",
        "Regions whose evidence of being a leukocyte (how sure the members are and how far they "
        "agree, how much of it is nucleus, its outline) is below this are candidates, not objects: "
        "they are counted, can be shown, and are taken with a click. 0 takes every region that has "
        "about the area of a leukocyte.",
        0.01,
    ),
    "area_lower_deviation": FieldText(
        "Size (against the median area)",
        "Lower deviation",
        "Removes objects whose area is below the median area by more than this fraction: 0.7 "
        "removes what is smaller than 30 % of the median, 1 removes nothing. Objects whose score "
        "convinces set the median and are never removed.",
        0.01,
    ),
    "area_upper_deviation": FieldText(
        "Size (against the median area)",
        "Upper deviation",
        "Removes objects whose area is above the median area by more than this fraction: 3 removes "
        "what is larger than four medians. Objects whose score convinces are never removed.",
        0.1,
    ),
    "few_objects": FieldText(
        "Size (against the median area)",
        "1 or 2 objects",
        "With fewer than three objects a median says nothing. Compare with the area of a disc of "
        "the leukocyte's diameter instead, or remove nothing.",
        choices={"expected": "use the diameter", "keep": "keep all"},
    ),
    "watershed": FieldText(
        "Watershed (in cell diameters)",
        "Markers",
        "Where the watershed starts that parts touching cells: at the points deepest inside "
        "(distance transform), at the nuclei that the model sees, or at points that you place in "
        "the layer “Watershed markers”, one on each cell.",
        choices={
            "none": "none, do not part",
            "distance": "distance transform",
            "nucleus": later("nuclei"),
            "points": "points that I place",
        },
    ),
    "marker_distance": FieldText(
        "Watershed (in cell diameters)",
        "Distance",
        "Markers nearer to each other than this are one cell; lobes of one nucleus, for example. "
        "In leukocyte diameters. Raise it if cells are cut, lower it if they stay joined.",
        0.01,
    ),
    "marker_height": FieldText(
        "Watershed (in cell diameters)",
        "Height",
        "How deep the waist between two cells must be for the distance transform to part them "
        "(h-maxima). In leukocyte diameters. Raise it if cells are cut to pieces.",
        0.01,
    ),
    "border": FieldText(
        "Border",
        "Cut cells",
        "Whether cells that the border of the image cuts are kept or removed.",
        choices={"keep": later("keep"), "drop": later("remove")},
    ),
}

#: Which parameters act only with some kinds of markers.
ONLY_WITH = {
    "marker_distance": ("distance", "nucleus"),
    "marker_height": ("distance",),
}


_FILTER = "Parameters (*.json)"


class ParametersForm(RecordForm[PostprocessParams]):
    """All parameters of the post-processing, in groups that fold."""

    def __init__(self, params: PostprocessParams) -> None:
        super().__init__(params, TEXTS, RANGES, CHOICES)

    def without_effect(self, record: PostprocessParams) -> set[str]:
        """Return the parameters that have no effect with these markers and sizes."""
        unused = {name for name, kinds in ONLY_WITH.items() if record.watershed not in kinds}
        for name in ("opening", "closing"):
            if not getattr(record, f"{name}_size"):
                unused.add(f"{name}_shape")
        return unused


class WeightsForm(QWidget):
    """The weights of an ensemble's members, a slider for each; only their ratios count."""

    #: Emitted with the weights, a tuple, whenever the user changes one; never with all of them 0.
    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._sliders: list[QLabeledDoubleSlider] = []
        self._names: tuple[str, ...] = ()
        section = Section("Model weights")
        self._form = section.form
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(section)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members."""
        return self._names

    @property
    def sliders(self) -> list[QLabeledDoubleSlider]:
        """One for each member."""
        return list(self._sliders)

    def set_members(self, names: Sequence[str], weights: Sequence[float]) -> None:
        """Show members and their weights; `changed` is not emitted.

        Parameters
        ----------
        names : sequence of str
            One for each member.
        weights : sequence of float
            Not negative; shown with the largest as 1 if it is above.
        """
        largest = max([1.0, *weights])
        if tuple(names) == self._names:
            # A slider that is being pulled must not go.
            for slider, weight in zip(self._sliders, weights, strict=True):
                slider.blockSignals(True)
                slider.setValue(weight / largest)
                slider.blockSignals(False)
            return
        while self._form.rowCount():
            self._form.removeRow(0)
        self._sliders, self._names = [], tuple(names)
        for name, weight in zip(names, weights, strict=True):
            slider = number_slider(0, 1, 0.01)
            slider.setValue(weight / largest)
            slider.valueChanged.connect(self._emit)
            title = titled(
                name,
                tr(
                    "Share of the member “{name}” in the vote: its probability times this, divided "
                    "by the sum of all weights. 0 leaves it out.",
                    name=name,
                ),
                slider,
            )
            slider.setAccessibleName(tr("Weight of {name}", name=name))
            # A member alone has the whole vote, whatever its weight.
            slider.setEnabled(len(names) > 1)
            self._form.addRow(title, slider)
            self._sliders.append(slider)

    def weights(self) -> tuple[float, ...] | None:
        """Return the weights; None, for the model's own, if there are none or all are 0."""
        values = tuple(float(s.value()) for s in self._sliders)
        return values if any(values) else None

    def _emit(self) -> None:
        if self.weights() is None:
            # Someone must vote: the slider that was pulled to 0 last stays just above.
            sender = self.sender()
            if isinstance(sender, QLabeledDoubleSlider):
                sender.setValue(0.01)
            return
        self.changed.emit(self.weights())


class PresetButtons(QWidget):
    """Load, save, return to the defaults.

    Parameters
    ----------
    form : ParametersForm
        Whose parameters they are.

    Attributes
    ----------
    load, save, reset : QPushButton
    """

    #: Emitted with parameters that are now to be used; the form does not show them yet.
    chosen = Signal(object)

    def __init__(self, form: ParametersForm) -> None:
        super().__init__()
        self._form = form
        self.load = build.button("Load…", "Load parameters from a JSON file.", self._load)
        self.save = build.button("Save…", "Save these parameters to a JSON file.", self._save)
        self.reset = build.button(
            "Defaults",
            "Return to the parameters set in Preferences, or the package's own.",
            lambda: self.chosen.emit(read_preferences().params),
        )
        self.setLayout(build.row(self.load, self.save, self.reset))

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Load parameters"), "", tr(_FILTER))
        if path:
            with telling_errors():
                self.chosen.emit(load_preset(Path(path)))

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save parameters"), "parameters.json", tr(_FILTER)
        )
        if path:
            with telling_errors():
                save_preset(Path(path), self._form.record())
