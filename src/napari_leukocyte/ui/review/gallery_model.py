"""The cells of a gallery as Qt's model: a flat list, in groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qtpy.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, Qt

from napari_leukocyte.gallery.arrange import Group
from napari_leukocyte.gallery.cells import CellTable, GalleryCell
from napari_leukocyte.language import tr
from napari_leukocyte.vocabulary import written

#: Type of what is dragged: numbers of cells, with spaces between.
MIME = "application/x-napari-leukocyte-cells"
CELL_ROLE = Qt.ItemDataRole.UserRole
#: Said of a cell when the mouse rests on it.
_HIDDEN = "read blindly: say a class"


class GalleryModel(QAbstractListModel):
    """The cells that are shown, one after the other.

    Parameters
    ----------
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    groups : list of Group
        In which they stand.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.groups: list[Group] = []
        self._labels: list[int] = []
        self._row: dict[int, int] = {}
        self._cells: CellTable | None = None

    def show_cells(self, cells: CellTable | None, groups: Sequence[Group]) -> bool:
        """Show other cells, or the same in another state; say whether any stands elsewhere."""
        self._cells = cells
        if list(groups) == self.groups:
            if self._labels:
                self.dataChanged.emit(self.index(0), self.index(len(self._labels) - 1))
            return False
        self.beginResetModel()
        self.groups = list(groups)
        self._labels = [label for group in groups for label in group.labels]
        self._row = {label: row for row, label in enumerate(self._labels)}
        self.endResetModel()
        return True

    @property
    def labels(self) -> Sequence[int]:
        """Numbers of the cells that are shown, in order."""
        return self._labels

    def row_of(self, label: int) -> int | None:
        """Return where a cell stands; None if it is not shown."""
        return self._row.get(label)

    def label_at(self, row: int) -> int:
        """Return the number of the cell in a row."""
        return self._labels[row]

    def cell_at(self, row: int) -> GalleryCell | None:
        """Return the cell in a row; None if it has just gone."""
        label = self._labels[row]
        if self._cells is None or label not in self._cells:
            return None
        return self._cells[label]

    # -- what Qt asks ---------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many cells are shown."""
        return 0 if parent is not None and parent.isValid() else len(self._labels)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell, or a text on it."""
        if not index.isValid() or index.row() >= len(self._labels):
            return None
        if role == CELL_ROLE:
            return self.cell_at(index.row())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            cell = self.cell_at(index.row())
            return None if cell is None else describe_cell(cell)
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Every cell can be selected and dragged."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsDragEnabled
            | Qt.ItemFlag.ItemNeverHasChildren
        )

    def mimeTypes(self) -> list[str]:
        """Return the type of what is dragged."""
        return [MIME]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Return what is dragged."""
        data = QMimeData()
        numbers = " ".join(str(self._labels[index.row()]) for index in indexes)
        data.setData(MIME, numbers.encode("ascii"))
        return data


def dragged_cells(data: QMimeData | None) -> list[int]:
    """Return the numbers of the cells that are dragged; none if it is something else."""
    if data is None or not data.hasFormat(MIME):
        return []
    words = bytes(data.data(MIME).data()).split()
    return [int(word) for word in words if word.removeprefix(b"-").isdigit()]


def describe_cell(cell: GalleryCell) -> str:
    """Return a line on a cell."""
    if cell.candidate:
        score = f"{100 * cell.confidence:.0f} %"
        return tr(
            "Candidate, score {score}: click, or press Enter or the key of a class, to take it.",
            score=score,
        )
    text = tr("Cell {label}: ", label=cell.place.label)
    if cell.hidden:
        return text + tr(_HIDDEN)
    text += written(cell.class_name) if cell.class_name else tr("not classified")
    if cell.disagrees:
        text += tr(" (model: {predicted})", predicted=written(str(cell.predicted)))
    if cell.confidence == cell.confidence:
        text += f", {100 * cell.confidence:.0f} %"
    reviewed, edited = tr("reviewed"), tr("edited")
    marks = [name for name, on in ((reviewed, cell.reviewed), (edited, cell.edited)) if on]
    flags = [tr(flag) for flag in cell.flags.split("; ")] if cell.flags else []
    return "; ".join([text, *marks, *flags])
