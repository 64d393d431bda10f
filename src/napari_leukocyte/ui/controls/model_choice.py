"""A drop-down list of models, and a button that tells all about the chosen one."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.card import headline
from napari_leukocyte.models.manifest import Kind, Manifest
from napari_leukocyte.models.registry import DiscoveredModels, discover_models
from napari_leukocyte.ui.controls.model_card import ModelCard, reason_as_html, short_html
from napari_leukocyte.ui.controls.sliders import choice_box
from napari_leukocyte.ui.jobs import tell


class ModelChoice(QWidget):
    """Chooses one of the models of a kind.

    Models that can't be used are listed too, in grey, with the reason as their tooltip.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        What the models do.
    wanted : str
        Name of the model chosen at first; the default one stands for a name that there is not.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    box : QComboBox
        The list; its data are names, None for what can't be used.
    about : QToolButton
        Opens the card of the chosen model.
    card : ModelCard or None
        The window with it, from its first opening on.
    """

    #: Emitted when another model, or none, is chosen.
    changed = Signal()

    def __init__(self, kind: Kind, wanted: str = "default", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: Kind = kind
        self._found = DiscoveredModels()
        self.card: ModelCard | None = None
        self.box = choice_box({})
        self.box.currentIndexChanged.connect(self._on_index)
        self.about = QToolButton()
        self.about.setText("About…")
        self.about.setToolTip("What this model is, what was measured, and what it fails on.")
        self.about.clicked.connect(self.show_card)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.box, 1)
        row.addWidget(self.about)
        self.refresh()
        self.choose(wanted)

    def model(self) -> Manifest | None:
        """Return the chosen model; None if there is none."""
        name = self.box.currentData()
        return next((m for m in self._found.models if m.name == name), None)

    def choose(self, name: str) -> None:
        """Choose a model by its name, if there is one of that name."""
        index = self.box.findData(name)
        if index >= 0:
            self.box.setCurrentIndex(index)

    def refresh(self) -> None:
        """List the models again: one may have come or gone. The choice stays if it can."""
        try:
            found = discover_models(self._kind)
        except LeukocyteError as error:
            tell(error)
            found = DiscoveredModels()
        # Figures take no part in the comparison of models, but the card shows them.
        same = found == self._found and [m.figures for m in found.models] == [
            m.figures for m in self._found.models
        ]
        if same:
            return
        former = self.model()
        self._found = found
        blocked = self.box.blockSignals(True)
        self._list()
        self.box.setCurrentIndex(0 if found.models else -1)
        if former is not None:
            self.choose(former.name)
        self.box.blockSignals(blocked)
        self._on_index()

    def show_card(self) -> None:
        """Open the window with the card of the chosen model."""
        if self.card is None:
            self.card = ModelCard(self)
            self.card.reload.clicked.connect(self.refresh)
        self._fill_card()
        self.card.show()
        self.card.raise_()

    def _list(self) -> None:
        self.box.clear()
        for model in self._found.models:
            figures = headline(model)
            self.box.addItem(f"{model.name} · {figures}" if figures else model.name, model.name)
            self._set_tooltip(short_html(model))
        items = cast(QStandardItemModel, self.box.model())
        for each in self._found.unusable:
            self.box.addItem(f"{each.name} · can't be used")
            self._set_tooltip(reason_as_html(each))
            item = items.item(self.box.count() - 1)
            if item is not None:
                item.setEnabled(False)
        view = self.box.view()
        if view is not None:
            # In a narrow dock the list itself may be wider than the box.
            view.setMinimumWidth(view.sizeHintForColumn(0) + 8)

    def _set_tooltip(self, text: str) -> None:
        self.box.setItemData(self.box.count() - 1, text, Qt.ItemDataRole.ToolTipRole)

    def _fill_card(self) -> None:
        if self.card is not None:
            self.card.fill(self.model(), self._found.unusable)

    def _on_index(self, index: int = 0) -> None:
        model = self.model()
        self.box.setToolTip("" if model is None else short_html(model))
        self._fill_card()
        self.changed.emit()
