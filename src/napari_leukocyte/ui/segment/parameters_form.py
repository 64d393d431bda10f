"""The fields of parameters and weights, and the buttons that load and save parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_leukocyte.language import tr
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
from napari_leukocyte.ui.controls.record_form import RecordForm, titled
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.segment.parameter_texts import ONLY_WITH, TEXTS
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.signals import Signal

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
