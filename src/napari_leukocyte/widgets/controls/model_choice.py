"""A drop-down list of segmentation models."""

from __future__ import annotations

from qtpy.QtCore import QObject, Qt, Signal  # type: ignore[attr-defined]

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import list_models
from napari_leukocyte.widgets.controls.sliders import choice_box
from napari_leukocyte.widgets.jobs import tell
from napari_leukocyte.widgets.segment.texts import describe_model


class ModelChoice(QObject):
    """Chooses one of the models that there are.

    Parameters
    ----------
    wanted : str
        Name of the model chosen at first; the default one stands for a name that there is not.
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    box : QComboBox
        The list.
    """

    #: Emitted when another model, or none, is chosen.
    changed = Signal()

    def __init__(self, wanted: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._models: dict[str, Manifest] = {}
        self.box = choice_box({})
        self.box.currentIndexChanged.connect(self._on_index)
        self.refresh()
        self.choose(wanted)

    def model(self) -> Manifest | None:
        """Return the chosen model; None if there is none."""
        return self._models.get(str(self.box.currentData()))

    def choose(self, name: str) -> None:
        """Choose a model by its name, if there is one of that name."""
        index = self.box.findData(name)
        if index >= 0:
            self.box.setCurrentIndex(index)

    def refresh(self) -> None:
        """List the models again: training may have added one. The choice stays if it can."""
        try:
            models = list_models("segmentation")
        except LeukocyteError as error:
            tell(error)
            models = []
        if models == list(self._models.values()):
            return
        former = self.box.currentData()
        self._models = {m.name: m for m in models}
        blocked = self.box.blockSignals(True)
        self.box.clear()
        for index, model in enumerate(models):
            self.box.addItem(model.name, model.name)
            self.box.setItemData(index, describe_model(model), Qt.ItemDataRole.ToolTipRole)
        self.box.setCurrentIndex(max(0, self.box.findData(former)) if models else -1)
        self.box.blockSignals(blocked)
        self._on_index()

    def _on_index(self, index: int = 0) -> None:
        model = self.model()
        self.box.setToolTip("" if model is None else describe_model(model))
        self.changed.emit()
