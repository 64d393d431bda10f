"""Buttons that load and save the parameters of a form, and return to the defaults."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.reporting.presets import load_preset, save_preset
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.segment.parameters_form import ParametersForm
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.signals import Signal

_FILTER = "Parameters (*.json)"


class PresetButtons(QWidget):
    """Load, save, return to the defaults.

    Parameters
    ----------
    form : ParametersForm
        Whose parameters they are.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    load, save, reset : QPushButton
    """

    #: Emitted with parameters that are now to be used; the form does not show them yet.
    chosen = Signal(object)

    def __init__(self, form: ParametersForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = form
        self.load = QPushButton("Load…")
        self.load.setToolTip("Load parameters from a JSON file.")
        self.load.clicked.connect(self._load)
        self.save = QPushButton("Save…")
        self.save.setToolTip("Save these parameters to a JSON file.")
        self.save.clicked.connect(self._save)
        self.reset = QPushButton("Defaults")
        self.reset.setToolTip("Return to the parameters set in Preferences, or the package's own.")
        self.reset.clicked.connect(lambda: self.chosen.emit(read_preferences().params))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for button in (self.load, self.save, self.reset):
            layout.addWidget(button, 1)

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load parameters", "", _FILTER)
        if path:
            try:
                self.chosen.emit(load_preset(Path(path)))
            except LeukocyteError as error:
                tell(error)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save parameters", "parameters.json", _FILTER)
        if path:
            try:
                save_preset(Path(path), self._form.params())
            except LeukocyteError as error:
                tell(error)
