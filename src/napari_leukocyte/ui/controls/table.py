"""A table to read, as high as its rows."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_leukocyte.language import tr

#: Height of a row, and of what a header needs beside its own text, px.
_ROW, _FRAME = 22, 18


class Table(QTableWidget):
    """A table to read: rows are chosen as a whole, nothing is edited.

    Parameters
    ----------
    heads : sequence of str
        Of the columns.
    least, most : int
        Rows that have room at least, and before it scrolls.
    wide : int
        The column that takes the room that is left; the last one by default.
    parent : QWidget, optional
        The owner.
    """

    def __init__(
        self,
        heads: Sequence[str],
        *,
        least: int = 1,
        most: int = 9,
        wide: int = -1,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(0, len(heads), parent)
        self._least, self._most = least, most
        self.setHorizontalHeaderLabels([tr(head) for head in heads])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(_ROW)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(wide % len(heads), QHeaderView.ResizeMode.Stretch)

    def show_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Show other rows; it becomes as high as they are, up to its limit."""
        self.setRowCount(len(rows))
        for i, texts in enumerate(rows):
            for j, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(i, j, item)
        self.fit()

    def fit(self) -> None:
        """Become as high as the rows are, up to the limit."""
        head = self.horizontalHeader()
        height = _FRAME + (0 if head is None else head.sizeHint().height())
        self.setFixedHeight(height + _ROW * min(self._most, max(self._least, self.rowCount())))

    def rows(self) -> list[list[str]]:
        """Return what is shown."""
        return [
            [item.text() if (item := self.item(i, j)) else "" for j in range(self.columnCount())]
            for i in range(self.rowCount())
        ]
