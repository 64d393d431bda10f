"""Pictures of cells in rows below headings."""

from __future__ import annotations

from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from qtpy.QtGui import (
    QColor,
    QFont,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from napari_leukocyte.gallery.arrange import Group
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle
from napari_leukocyte.language import tr
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.review.gallery_delegate import MARGIN, CellDelegate
from napari_leukocyte.ui.review.gallery_model import GalleryModel
from napari_leukocyte.ui.review.grid import Box, Grid

#: Sides of pictures that can be chosen, px.
SMALLEST, LARGEST = 48, 256
#: A turn of the wheel with Ctrl changes the side so much, px.
_ZOOM_STEP = 16
#: A drag within this of an edge scrolls, px.
_EDGE = 24
_Flag = QItemSelectionModel.SelectionFlag
_EMPTY = "No cells to show."


class GridView(QAbstractItemView):
    """Shows a `GalleryModel`.

    Qt's own list view knows no headings, and lays ten thousand items out one by one.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    cells : GalleryModel
        Its model.
    cell_delegate : CellDelegate
        Paints it.
    empty_text : str
        Said where there is no cell.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells = GalleryModel(self)
        self._paint_soon = QTimer(self)
        self._paint_soon.setSingleShot(True)
        self._paint_soon.timeout.connect(self._paint_again)
        self.cell_delegate = CellDelegate(self, self._cut_later)
        self._grid: Grid | None = None
        self._target: int | None = None
        self.empty_text = _EMPTY
        self.setModel(self.cells)
        self.setItemDelegate(self.cell_delegate)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Or its coming would make columns go, and that the bar again.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setMinimumSize(160, 120)

    def set_look(self, look: ThumbnailStyle) -> None:
        """Show pictures another way."""
        if look != self.cell_delegate.look:
            resized = look.side != self.cell_delegate.look.side
            self.cell_delegate.look = look
            if resized:
                self._lay_out_anew()
            self._paint_again()

    def show_cells_again(self) -> None:
        """Lay out and paint anew after the model was filled."""
        self._lay_out_anew()
        self._paint_again()

    # -- layout ---------------------------------------------------------------------------

    @property
    def grid(self) -> Grid:
        """Where the cells lie, from the top of the first heading."""
        if self._grid is None:
            groups = self.cells.groups
            plain = all(group.kind == "all" for group in groups)
            heading = 0 if plain else self._heading_height()
            width = self._viewport().width()
            item = self.cell_delegate.item_size(self.font())
            self._grid = Grid([len(g.labels) for g in groups], width, item, heading)
        return self._grid

    def _heading_height(self) -> int:
        return self.fontMetrics().height() + 10

    def _viewport(self) -> QWidget:
        viewport = self.viewport()
        assert viewport is not None  # noqa: S101 - Qt always has one
        return viewport

    def _offset(self) -> int:
        bar = self.verticalScrollBar()
        return 0 if bar is None else bar.value()

    def _rect(self, box: Box) -> QRect:
        return QRect(box.x, box.y - self._offset(), box.width, box.height)

    def _lay_out_anew(self) -> None:
        self._grid = None
        self.updateGeometries()

    def _cut_later(self) -> None:
        if not self._paint_soon.isActive():
            self._paint_soon.start(0)

    def _paint_again(self) -> None:
        self._viewport().update()

    # -- what Qt asks of a view -----------------------------------------------------------

    def visualRect(self, index: QModelIndex) -> QRect:
        """Return where a cell shows."""
        if not index.isValid() or index.row() >= self.grid.count:
            return QRect()
        return self._rect(self.grid.box(index.row()))

    def scrollTo(
        self,
        index: QModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Scroll no further than is needed to see a cell, and its heading if it is below one."""
        bar = self.verticalScrollBar()
        if bar is None or not index.isValid() or index.row() >= self.grid.count:
            return
        grid, row = self.grid, index.row()
        box = grid.box(row)
        top = box.y
        head = grid.heading_box(grid.group_of(row))
        if head.y + head.height == top:
            top = head.y
        page = self._viewport().height()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(box.y - (page - box.height) // 2)
        elif top < bar.value():
            bar.setValue(top)
        elif box.y + box.height > bar.value() + page:
            bar.setValue(box.y + box.height - page)

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the cell at a place of the viewport."""
        row = self.grid.item_at(point.x(), point.y() + self._offset())
        return QModelIndex() if row is None else self.cells.index(row)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Return where a key leads."""
        count = self.grid.count
        if not count:
            return QModelIndex()
        if not self.currentIndex().isValid():
            return self.cells.index(0)
        row = self.currentIndex().row()
        moves = QAbstractItemView.CursorAction
        page = max(1, self._viewport().height() // self.grid.item_height - 1)
        if action in (moves.MoveLeft, moves.MovePrevious):
            row -= 1
        elif action in (moves.MoveRight, moves.MoveNext):
            row += 1
        elif action == moves.MoveHome:
            row = 0
        elif action == moves.MoveEnd:
            row = count - 1
        else:
            rows = {moves.MoveUp: -1, moves.MoveDown: 1, moves.MovePageUp: -page}.get(action, page)
            row = self.grid.above_or_below(row, rows)
        return self.cells.index(min(max(row, 0), count - 1))

    def horizontalOffset(self) -> int:
        """Return how far it is scrolled to the right: never."""
        return 0

    def verticalOffset(self) -> int:
        """Return how far it is scrolled down, px."""
        return self._offset()

    def isIndexHidden(self, index: QModelIndex) -> bool:
        """No cell is hidden that is in the model."""
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select the cells that a rectangle of the viewport touches."""
        model = self.selectionModel()
        if model is not None:
            down = self._offset()
            corners = (rect.left(), rect.top() + down, rect.right(), rect.bottom() + down)
            model.select(self._items(self.grid.items_in(*corners)), command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """Return where selected cells show: only those in sight, however many there are."""
        region = QRegion()
        down = self._offset()
        for row in self.grid.items_between(down, down + self._viewport().height()):
            if selection.contains(self.cells.index(row)):
                region += self._rect(self.grid.box(row))
        return region

    def updateGeometries(self) -> None:
        """Fit the scroll bar to what there is to scroll."""
        super().updateGeometries()
        bar = self.verticalScrollBar()
        if bar is not None:
            page = self._viewport().height()
            bar.setPageStep(page)
            bar.setSingleStep(max(8, self.grid.item_height // 3))
            bar.setRange(0, max(0, self.grid.height - page))

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Show another part: only what comes into sight is painted."""
        viewport = self._viewport()
        if abs(dy) < viewport.height():
            viewport.scroll(0, dy)
        else:
            viewport.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the current cell in sight."""
        super().resizeEvent(event)
        self._lay_out_anew()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def reset(self) -> None:
        """Forget the layout with the cells."""
        self._grid = None
        super().reset()

    def sizeHint(self) -> QSize:
        """Return a size at which three cells stand side by side."""
        width, height = self.cell_delegate.item_size(self.font())
        return QSize(3 * width + 24, 3 * height)

    @property
    def selected_labels(self) -> list[int]:
        """Numbers of the selected cells, in the gallery's order."""
        model = self.selectionModel()
        rows = sorted(index.row() for index in model.selectedIndexes()) if model else []
        return [self.cells.label_at(row) for row in rows]

    # -- painting -------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the cells in sight."""
        if event is None:
            return
        viewport = self._viewport()
        painter = QPainter(viewport)
        area = event.rect()
        down = self._offset()
        top, bottom = area.top() + down, area.bottom() + down + 1
        grid = self.grid
        if not grid.count:
            painter.setPen(self.palette().text().color())
            box = viewport.rect().adjusted(16, 16, -16, -16)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, int(flags), tr(self.empty_text))
            return
        for group in grid.groups_between(top, bottom):
            self._paint_heading(painter, group)
        self.cell_delegate.begin_frame()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.font = self.font()
        plain = option.state & ~(QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus)
        model = self.selectionModel()
        current = self.currentIndex().row() if self.hasFocus() else -1
        for row in grid.items_between(top, bottom):
            rect = self._rect(grid.box(row))
            if not rect.intersects(area):
                continue
            index = self.cells.index(row)
            option.rect = rect
            option.state = plain
            if model is not None and model.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if row == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            self.cell_delegate.paint(painter, option, index)

    def _paint_heading(self, painter: QPainter, number: int) -> None:
        grid = self.grid
        if not grid.heading:
            return
        group = self.cells.groups[number]
        rect = self._rect(grid.heading_box(number))
        if number == self._target:
            painter.fillRect(rect, self.palette().highlight())
        text = rect.adjusted(MARGIN, 4, -MARGIN, 0)
        color = self.cell_delegate.colors.get(group.name or UNCLASSIFIED)
        if group.kind in ("class", "unclassified") and color:
            size = self.fontMetrics().ascent()
            y = text.center().y() - size // 2
            painter.fillRect(QRect(text.left(), y, size, size), QColor(color))
            text.setLeft(text.left() + size + 6)
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self.palette().text().color())
        title = f"{title_of(group)}  {len(group.labels)}"
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

    def _items(self, rows: list[int]) -> QItemSelection:
        selection = QItemSelection()
        for first, last in _runs(rows):
            selection.select(self.cells.index(first), self.cells.index(last))
        return selection


def title_of(group: Group) -> str:
    """Return the heading of a group."""
    if group.kind == "hidden":
        return tr("To be read blindly")
    if group.kind == "candidates":
        return tr("Candidates: click to take")
    if group.kind == "all":
        return tr("Cells")
    return tr(group.name or UNCLASSIFIED).capitalize()


def _runs(rows: list[int]) -> list[tuple[int, int]]:
    """Return first and last of the runs in increasing numbers."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][1] == row - 1:
            runs[-1] = runs[-1][0], row
        else:
            runs.append((row, row))
    return runs
