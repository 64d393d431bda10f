"""The gallery: cells are selected with mouse and keys."""

from __future__ import annotations

from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from qtpy.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QRubberBand,
    QWidget,
)

from napari_leukocyte.ui.key_names import key_of_event
from napari_leukocyte.ui.review.drop_view import DropView
from napari_leukocyte.ui.signals import Signal

#: Sides of pictures that can be chosen, px.
SMALLEST, LARGEST = 48, 256
#: A turn of the wheel with Ctrl changes the side so much, px.
_ZOOM_STEP = 16
#: A drag within this of an edge scrolls, px.
_EDGE = 24
_Flag = QItemSelectionModel.SelectionFlag
_EMPTY = "No cells to show."


class GalleryView(DropView):
    """A grid of cells that are selected with mouse and keys, and dragged to another group.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    """

    #: Emitted with the numbers of the selected cells when the user selects others.
    selected = Signal(list)
    #: Emitted with a key that means something to the host: see `set_keys`.
    pressed_key = Signal(str)
    #: Emitted with the number of a cell that was double-clicked.
    opened = Signal(int)
    #: Emitted with the side of pictures that the user asks for, px.
    zoomed = Signal(int)

    # Qt asks for some of these while the base class is still being made.
    _quiet = True
    _keys: frozenset[str] = frozenset()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._anchor: int | None = None
        self._band: QRubberBand | None = None
        self._band_from = QPoint()
        self._band_before = QItemSelection()
        self._quiet = False
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.doubleClicked.connect(self._on_double_click)

    # -- for the host ---------------------------------------------------------------------

    def set_keys(self, keys: frozenset[str]) -> None:
        """Take these keys, as `parse_key` writes them ("N", "1", "Space"), for `pressed_key`."""
        self._keys = keys

    @property
    def current_label(self) -> int | None:
        """Number of the cell that the keys are at."""
        index = self.currentIndex()
        return self.cells.label_at(index.row()) if index.isValid() else None

    def select_labels(self, labels: list[int], current: int | None = None) -> None:
        """Select cells, and scroll to one of them; nothing is emitted."""
        rows = sorted(row for n in labels if (row := self.cells.row_of(n)) is not None)
        selection = self._items(rows)
        model = self.selectionModel()
        if model is None:
            return
        row = None if current is None else self.cells.row_of(current)
        if row is None and rows:
            kept = self.currentIndex().row()
            row = kept if kept in rows else rows[0]
        self._quiet = True
        try:
            model.select(selection, _Flag.ClearAndSelect)
            if row is not None:
                self._anchor = row
                model.setCurrentIndex(self.cells.index(row), _Flag.NoUpdate)
                self.scrollTo(self.cells.index(row))
        finally:
            self._quiet = False

    def reset(self) -> None:
        """Forget where a selection began."""
        self._anchor = None
        super().reset()

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Tell the host what the user has selected."""
        super().selectionChanged(selected, deselected)
        if not self._quiet:
            self.selected.emit(self.selected_labels)

    # -- keys -----------------------------------------------------------------------------

    def _key_of(self, event: QKeyEvent) -> str | None:
        """Return the key if it is one of the host's."""
        key = key_of_event(event)
        if key is None or key in self._keys:
            return key
        # A letter means the same with Shift held; a digit or a space may need it.
        plain = key.removeprefix("Shift+")
        return plain if plain in self._keys else None

    def event(self, event: QEvent | None) -> bool:
        """Claim the host's keys before any shortcut of the window's."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and self._key_of(event) is not None
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Hand the host's keys on; extend the selection from where it began."""
        if event is None:
            return
        key = self._key_of(event)
        if key is not None:
            event.accept()
            self.pressed_key.emit(key)
            return
        move = _MOVES.get(Qt.Key(event.key()))
        if move is not None:
            index = self.moveCursor(move, event.modifiers())
            if index.isValid():
                self._go(index, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            event.accept()
        elif event.text().strip() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()  # no search by letters: they are classes
        else:
            super().keyPressEvent(event)

    def _go(self, index: QModelIndex, extend: bool) -> None:
        """Make a cell the current one, alone selected or with all from the anchor on."""
        model = self.selectionModel()
        if model is None:
            return
        if extend and self._anchor is not None:
            first, last = sorted((self._anchor, index.row()))
            chosen = QItemSelection(self.cells.index(first), self.cells.index(last))
        else:
            self._anchor = index.row()
            chosen = QItemSelection(index, index)
        model.setCurrentIndex(index, _Flag.NoUpdate)
        model.select(chosen, _Flag.ClearAndSelect)
        self.scrollTo(index)

    # -- the mouse ------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Select a cell, or begin a frame around some."""
        if event is None:
            return
        point = event.position().toPoint()
        index = self.indexAt(point)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        elif index.isValid() and shift:
            self._go(index, True)
        elif index.isValid():
            self._anchor = index.row()
            super().mousePressEvent(event)
        else:
            self._begin_band(point, event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Pull the frame, or begin to drag cells."""
        if event is None:
            return
        if self._band is None:
            if event.buttons() & Qt.MouseButton.LeftButton and not (
                event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            ):
                super().mouseMoveEvent(event)
            return
        point = event.position().toPoint()
        self._scroll_at_edge(point)
        begin = self._band_from - QPoint(0, self._offset())
        self._band.setGeometry(QRect(begin, point).normalized())
        self._select_in_band(point)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End the frame."""
        if self._band is None:
            super().mouseReleaseEvent(event)
            return
        self._band.hide()
        self._band.deleteLater()
        self._band = None

    def _begin_band(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        model = self.selectionModel()
        if model is None:
            return
        adding = modifiers & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        )
        self._band_before = QItemSelection(model.selection()) if adding else QItemSelection()
        self._band_from = point + QPoint(0, self._offset())
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self._viewport())
        self._band.setGeometry(QRect(point, QSize()))
        self._band.show()
        self._select_in_band(point)

    def _select_in_band(self, point: QPoint) -> None:
        model = self.selectionModel()
        if model is None:
            return
        y = point.y() + self._offset()
        if (point + QPoint(0, self._offset()) - self._band_from).manhattanLength() < 3:
            rows = []
        else:
            rows = self.grid.items_in(self._band_from.x(), self._band_from.y(), point.x(), y)
        chosen = self._items(rows)
        chosen.merge(self._band_before, _Flag.Select)
        if rows:
            self._anchor = rows[0]
            model.setCurrentIndex(self.cells.index(rows[0]), _Flag.NoUpdate)
        model.select(chosen, _Flag.ClearAndSelect)

    def _on_double_click(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(self.cells.label_at(index.row()))

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Scroll; with Ctrl, zoom."""
        if event is not None and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step = _ZOOM_STEP if event.angleDelta().y() > 0 else -_ZOOM_STEP
            side = min(max(self.cell_delegate.look.side + step, SMALLEST), LARGEST)
            self.zoomed.emit(side)
            event.accept()
        else:
            super().wheelEvent(event)


_Action = QAbstractItemView.CursorAction
_MOVES = {
    Qt.Key.Key_Left: _Action.MoveLeft,
    Qt.Key.Key_Right: _Action.MoveRight,
    Qt.Key.Key_Up: _Action.MoveUp,
    Qt.Key.Key_Down: _Action.MoveDown,
    Qt.Key.Key_PageUp: _Action.MovePageUp,
    Qt.Key.Key_PageDown: _Action.MovePageDown,
    Qt.Key.Key_Home: _Action.MoveHome,
    Qt.Key.Key_End: _Action.MoveEnd,
}
