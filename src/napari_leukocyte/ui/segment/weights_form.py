"""One slider for each member of an ensemble: its weight in the vote."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_leukocyte.ui.controls.containers import Section
from napari_leukocyte.ui.controls.inputs import number_slider
from napari_leukocyte.ui.segment.parameters_form import TITLE_WIDTH
from napari_leukocyte.ui.signals import Signal


class WeightsForm(QWidget):
    """The weights of the members; only their ratios count.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    """

    #: Emitted with the weights, a tuple, whenever the user changes one; never with all of them 0.
    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sliders: list[QLabeledDoubleSlider] = []
        self._names: tuple[str, ...] = ()
        section = Section("Weights of the members")
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
            title = QLabel(name)
            title.setMinimumWidth(TITLE_WIDTH)
            for each in (title, slider):
                each.setToolTip(
                    f"<p>Share of the member “{name}” in the vote: its probability times this, "
                    "divided by the sum of all weights. 0 leaves it out.</p>"
                )
            slider.setAccessibleName(f"Weight of {name}")
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
