"""The dialog in which the user adds classes, changes them and takes them away."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.counting.own_classes import load_own_classes, own_class
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.inputs import SWATCH_PX, swatch
from napari_leukocyte.ui.own_classes import keep_own_classes
from napari_leukocyte.vocabulary import CellClass

_HEADERS = ("Name", "Colour", "Key", "Counts")
_NAME, _COLOR, _KEY, _COUNTS = range(len(_HEADERS))
#: Offered for new classes: those of Tol's muted scheme that the vocabulary leaves over
#: (https://sronpersonalpages.nl/~pault/).
_COLORS = ("#332288", "#117733", "#88CCEE", "#DDCC77", "#CC6677", "#AA4499")
_ABOUT = (
    "Classes beside those of the plugin, such as “blast”. A key gives its class to the selected "
    "cells. Cells whose class is taken away here keep it."
)


class OwnClassesDialog(QDialog):
    """Name, colour, key of each own class, and whether it counts in the differential.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    table : QTableWidget
        A row for each class.
    add, remove, save : QPushButton
    problem : QLabel
        Why nothing was saved, in one sentence.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Custom classes"))
        self.table = QTableWidget(0, len(_HEADERS))
        self.table.setHorizontalHeaderLabels([tr(head) for head in _HEADERS])
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        cast(QHeaderView, self.table.verticalHeader()).hide()
        header = cast(QHeaderView, self.table.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        about = QLabel(tr(_ABOUT))
        about.setWordWrap(True)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.add = QPushButton(tr("Add"))
        self.remove = QPushButton(tr("Remove"))
        self.remove.setToolTip(tr("Take the selected classes away."))
        row = QHBoxLayout()
        for button in (self.add, self.remove):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self.save = cast(QPushButton, buttons.button(QDialogButtonBox.StandardButton.Save))
        column = QVBoxLayout(self)
        column.addWidget(about)
        column.addWidget(self.table)
        column.addLayout(row)
        column.addWidget(self.problem)
        column.addWidget(buttons)
        self.resize(440, 320)
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(self._remove)
        self.table.itemSelectionChanged.connect(self._on_selection)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        try:
            for each in load_own_classes():
                self._append(each)
        except LeukocyteError as error:
            self.problem.setText(tr("{error} Saving replaces the file.", error=error))
        self._on_selection()

    def classes(self) -> tuple[CellClass, ...]:
        """Return what was entered.

        Raises
        ------
        ParameterError
            If a class is not as it must be; its row is selected then.
        """
        made: list[CellClass] = []
        for row in range(self.table.rowCount()):
            counted = self._item(row, _COUNTS).checkState() == Qt.CheckState.Checked
            name, key = self._item(row, _NAME).text(), self._item(row, _KEY).text().strip()
            try:
                made.append(own_class(name, self.color_button(row).color, key, counted, made))
            except LeukocyteError:
                self.table.selectRow(row)
                raise
        return tuple(made)

    def color_button(self, row: int) -> ColorButton:
        """Return the button that shows the colour of a row's class."""
        return cast(ColorButton, self.table.cellWidget(row, _COLOR))

    def accept(self) -> None:
        """Save, or say why not and stay open."""
        # Takes what is still being written: on a Mac no button takes the focus from it.
        self.table.setCurrentCell(-1, -1)
        try:
            keep_own_classes(self.classes())
        except LeukocyteError as error:
            self.problem.setText(tr(str(error)))
            return
        super().accept()

    def _add(self) -> None:
        used = {self.color_button(row).color for row in range(self.table.rowCount())}
        left = [color for color in _COLORS if color not in used]
        self._append(CellClass("", left[0] if left else _COLORS[0], ""))
        row = self.table.rowCount() - 1
        self.table.setCurrentCell(row, _NAME)
        self.table.editItem(self._item(row, _NAME))

    def _remove(self) -> None:
        for row in sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True):
            self.table.removeRow(row)
        self.problem.clear()

    def _append(self, given: CellClass) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        self.table.setItem(row, _NAME, QTableWidgetItem(given.name))
        # Below the button, so that the cell itself is not written in.
        below = QTableWidgetItem()
        below.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        self.table.setItem(row, _COLOR, below)
        self.table.setCellWidget(row, _COLOR, ColorButton(given.color, self.table))
        key = QTableWidgetItem(given.key.upper())
        key.setToolTip(tr("One letter that no other class has, or nothing."))
        self.table.setItem(row, _KEY, key)
        counts = QTableWidgetItem()
        counts.setFlags(
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsUserCheckable
        )
        counts.setCheckState(Qt.CheckState.Checked if given.counted else Qt.CheckState.Unchecked)
        counts.setToolTip(tr("Whether its cells are in the total of the differential."))
        self.table.setItem(row, _COUNTS, counts)

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        return cast(QTableWidgetItem, self.table.item(row, column))

    def _on_selection(self) -> None:
        self.remove.setEnabled(bool(self.table.selectedIndexes()))


class ColorButton(QToolButton):
    """Shows a colour; a click lets the user choose another.

    Parameters
    ----------
    color : str
        ``#rrggbb``.
    parent : QWidget
        The owner.

    Attributes
    ----------
    color : str
        The one that is shown, as ``#RRGGBB``.
    """

    def __init__(self, color: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
        self.setToolTip(tr("Choose another colour."))
        self._show(color)
        self.clicked.connect(self._choose)

    def _choose(self) -> None:
        chosen = QColorDialog.getColor(QColor(self.color), self, "Colour of the class")
        if chosen.isValid():
            self._show(chosen.name())

    def _show(self, color: str) -> None:
        self.color = color.upper()
        self.setIcon(swatch(self.color))


def edit_own_classes(parent: QWidget) -> None:
    """Let the user change the own classes; every widget is told of it."""
    dialog = OwnClassesDialog(parent)
    dialog.exec()
    dialog.deleteLater()
