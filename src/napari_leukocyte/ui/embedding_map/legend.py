"""The classes on the map with their marks and counts; a click selects the cells of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QToolButton, QWidget
from superqt import QFlowLayout

from napari_leukocyte.ui.embedding_map.marks import icon, shapes_of
from napari_leukocyte.ui.signals import Signal

_ICON_PX = 16


class MapLegend(QWidget):
    """A button for each class that a cell of the map has.

    Attributes
    ----------
    buttons : dict of str to QToolButton
        By class.
    """

    #: Emitted with the class that was clicked.
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(2)
        self._flow.setVerticalSpacing(1)
        self.buttons: dict[str, QToolButton] = {}
        self._colors: dict[str, str] = {}

    def show_classes(self, names: Sequence[str], colors: Mapping[str, str]) -> None:
        """Show the classes of cells, in the order of the colours, and how many have each."""
        counts = Counter(names)
        present = {name: colors[name] for name in colors if counts[name]}
        if present != self._colors:
            self._build(present)
        for name, button in self.buttons.items():
            button.setText(f"{name.capitalize()}  {counts[name]}")

    def _build(self, colors: dict[str, str]) -> None:
        for old in self.buttons.values():
            self._flow.removeWidget(old)
            old.deleteLater()
        self.buttons, self._colors = {}, colors
        shapes = shapes_of(colors)
        for name, color in colors.items():
            button = QToolButton(self)
            button.setIcon(icon(shapes[name], color))
            button.setIconSize(QSize(_ICON_PX, _ICON_PX))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setAutoRaise(True)
            button.setToolTip(f"Select the cells of the class “{name}”.")
            button.clicked.connect(lambda _=False, n=name: self.chosen.emit(n))
            self._flow.addWidget(button)
            self.buttons[name] = button
