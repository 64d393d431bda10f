"""Cells that are dragged to the group of another class."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import (
    QItemSelectionModel,
    QMimeData,
    QPoint,
    Qt,
)
from qtpy.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QWidget,
)

from napari_leukocyte.gallery.thumbnails import ThumbnailStyle
from napari_leukocyte.ui.review.gallery_model import dragged_cells
from napari_leukocyte.ui.review.grid_view import GridView
from napari_leukocyte.ui.signals import Signal

#: Sides of pictures that can be chosen, px.
SMALLEST, LARGEST = 48, 256
#: A turn of the wheel with Ctrl changes the side so much, px.
_ZOOM_STEP = 16
#: A drag within this of an edge scrolls, px.
_EDGE = 24
_Flag = QItemSelectionModel.SelectionFlag
_EMPTY = "No cells to show."


class DropView(GridView):
    """A grid of cells in which the selected ones can be dragged, also to a heading or group.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    """

    #: Emitted with the numbers of cells and the class of the group that they were dropped on.
    dropped = Signal(list, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)

    # -- dragging cells to a group --------------------------------------------------------

    def drag_data(self) -> QMimeData:
        """Return what a drag carries: the selected cells."""
        model = self.selectionModel()
        return self.cells.mimeData(model.selectedIndexes() if model else [])

    def startDrag(self, actions: Qt.DropAction) -> None:
        """Drag the selected cells."""
        labels = self.selected_labels
        if not labels:
            return
        drag = QDrag(self)
        drag.setMimeData(self.drag_data())
        row = self.currentIndex().row()
        cell = self.cells.cell_at(row) if row >= 0 else None
        look = ThumbnailStyle(64, self.cell_delegate.look.contrast)
        picture = None if cell is None else self.cell_delegate.picture(cell, look)
        if picture is not None:
            drag.setPixmap(picture)
        drag.exec(Qt.DropAction.CopyAction)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take cells."""
        self._follow_drag(event)

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Show the group that the cells would get into."""
        self._follow_drag(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """Show no group any more."""
        self._set_target(None)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Give cells the class of the group that they are dropped on."""
        self._set_target(None)
        if event is None:
            return
        labels = dragged_cells(event.mimeData())
        number = self._group_at(event)
        if labels and number is not None:
            event.acceptProposedAction()
            self.dropped.emit(labels, self.cells.groups[number].name)
        else:
            event.ignore()
        self.setState(QAbstractItemView.State.NoState)

    def _follow_drag(self, event: Any) -> None:
        if event is None:
            return
        if not dragged_cells(event.mimeData()):
            event.ignore()
            return
        self._scroll_at_edge(event.position().toPoint())
        number = self._group_at(event)
        self._set_target(number)
        if number is None:
            event.ignore()
        else:
            event.acceptProposedAction()

    def _group_at(self, event: QDropEvent) -> int | None:
        number = self.grid.group_at(int(event.position().y()) + self._offset())
        if number is None or self.cells.groups[number].kind != "class":
            return None
        return number

    def _set_target(self, number: int | None) -> None:
        if number != self._target:
            self._target = number
            self._paint_again()

    def _scroll_at_edge(self, point: QPoint) -> None:
        bar = self.verticalScrollBar()
        if bar is None:
            return
        if point.y() < _EDGE:
            bar.setValue(bar.value() - _EDGE)
        elif point.y() > self._viewport().height() - _EDGE:
            bar.setValue(bar.value() + _EDGE)
