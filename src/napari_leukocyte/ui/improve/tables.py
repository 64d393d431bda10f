"""Tables of the widget."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

#: Rows shown before it scrolls.
_MOST_ROWS = 9


class Table(QTableWidget):
    """A table to read: rows are chosen as a whole, nothing is edited.

    Parameters
    ----------
    heads : sequence of str
        Of the columns.
    parent : QWidget, optional
        The owner.
    """

    def __init__(self, heads: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(0, len(heads), parent)
        self.setHorizontalHeaderLabels(list(heads))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(20)
        if columns is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setStretchLastSection(True)

    def show_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Show other rows; it becomes as high as they are, up to a limit."""
        self.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(i, j, item)
        head = self.horizontalHeader()
        height = 4 + (head.sizeHint().height() if head is not None else 0)
        self.setFixedHeight(height + 20 * min(_MOST_ROWS, max(1, len(rows))) + 14)

    def rows(self) -> list[list[str]]:
        """Return what is shown."""
        return [
            [item.text() if (item := self.item(i, j)) else "" for j in range(self.columnCount())]
            for i in range(self.rowCount())
        ]
