"""Lists of cells that are worth a look; a click shows the cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_leukocyte.ui.signals import Signal

#: Rows that are filled: nobody reads more.
MOST_ROWS = 500
#: Rows in sight before it scrolls, at least and at most, and their height, px.
_FEWEST, _SEEN, _ROW = 2, 7, 22
_CELL = Qt.ItemDataRole.UserRole
_Flag = QItemSelectionModel.SelectionFlag


class CellList(QTableWidget):
    """Rows of a map's cells.

    Parameters
    ----------
    titles : sequence of str
        Of the columns.
    name : str
        For those who hear the window.
    parent : QWidget, optional
        The owner.
    """

    #: Emitted with the rows of the map that the user has selected here.
    picked = Signal(list)

    def __init__(self, titles: Sequence[str], name: str, parent: QWidget | None = None) -> None:
        super().__init__(0, len(titles), parent)
        self.setAccessibleName(name)
        self.setHorizontalHeaderLabels(list(titles))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)  # the tabulator leaves it
        rows, header = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and header is not None:
            rows.hide()
            rows.setDefaultSectionSize(_ROW)
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.itemSelectionChanged.connect(lambda: self.picked.emit(self.picked_cells()))

    def show_cells(self, cells: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Show cells: the row on the map, and what stands in the columns."""
        shown = cells[:MOST_ROWS]
        blocked = self.blockSignals(True)
        self.clearSelection()
        self.setRowCount(len(shown))
        for row, (cell, texts) in enumerate(shown):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setData(_CELL, cell)
                item.setToolTip(text)
                self.setItem(row, column, item)
        self.blockSignals(blocked)
        seen = min(_SEEN, max(_FEWEST, len(shown)))
        self.setFixedHeight(_ROW * (seen + 1) + 8)
        self.setVisible(bool(shown))

    def cells(self) -> list[int]:
        """Return the map's rows of all that are listed."""
        items = (self.item(row, 0) for row in range(self.rowCount()))
        return [int(item.data(_CELL)) for item in items if item is not None]

    def picked_cells(self) -> list[int]:
        """Return the map's rows of those selected."""
        model = self.selectionModel()
        rows = [] if model is None else [index.row() for index in model.selectedRows()]
        items = (self.item(row, 0) for row in rows)
        return [int(item.data(_CELL)) for item in items if item is not None]

    def pick(self, cells: Collection[int]) -> None:
        """Select those of some cells that are listed; nothing is emitted."""
        model, content = self.selectionModel(), self.model()
        listed = self.cells()
        wanted = set(listed) & set(cells)
        if model is None or content is None or set(self.picked_cells()) == wanted:
            return
        blocked = self.blockSignals(True)
        model.clearSelection()
        for row, cell in enumerate(listed):
            if cell in wanted:
                model.select(content.index(row, 0), _Flag.Select | _Flag.Rows)
        self.blockSignals(blocked)
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()
