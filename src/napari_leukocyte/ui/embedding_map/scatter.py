"""The map itself: a mark for each cell, selected by click, lasso and keys."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QToolTip, QWidget

from napari_leukocyte.ui.embedding_map.canvas import MapCanvas, fit
from napari_leukocyte.ui.signals import Signal

#: A movement up to this, px, is still a click; and how near a mark must be to be meant, px.
CLICK_PX, NEAR_PX = 4.0, 9.0
#: One step of the wheel or key magnifies so much; a full turn of the wheel reports 120.
_ZOOM, _TURN = 1.2, 120.0
_LEFT = Qt.MouseButton.LeftButton
_DRAGS = Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_ZOOMS = {Qt.Key.Key_Plus: _ZOOM, Qt.Key.Key_Equal: _ZOOM, Qt.Key.Key_Minus: 1 / _ZOOM}


class Scatter(MapCanvas):
    """Shows cells as marks, and tells what the user does with them.

    Left: click selects, drag draws a lasso, Shift adds; a double click opens a cell, or on the
    ground shows all. Middle or right drag moves the map, the wheel zooms. Arrows go to the next
    mark, Ctrl+A selects all, Esc none, Return opens, + and - zoom, 0 shows all.
    """

    #: The user has selected these rows.
    selected = Signal(list)
    #: The user wants to see the cell of a row.
    opened = Signal(int)
    #: One of the host's keys, see `keys`.
    pressed_key = Signal(str)
    #: A tooltip is wanted for a row, at a place on the screen.
    asked = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keys: frozenset[str] = frozenset()
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None

    # -- mouse ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a click, a lasso or a movement of the map."""
        if event is None or not len(self.places):
            return
        QToolTip.hideText()
        if event.button() == _LEFT:
            self._pressed = event.position()
            self.set_lasso([])
        elif event.button() in _DRAGS:
            self._dragged = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Draw the lasso, or move the map."""
        if event is None:
            return
        here = event.position()
        if self._dragged is not None:
            by = here - self._dragged
            self._dragged = here
            self.look(self.view.moved(by.x(), by.y()))
        elif self._pressed is not None:
            far = here - self._pressed
            if self.lasso or max(abs(far.x()), abs(far.y())) > CLICK_PX:
                self.set_lasso([*(self.lasso or [self._pressed]), here])

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Select what was clicked or circled."""
        if event is None:
            return
        if event.button() in _DRAGS and self._dragged is not None:
            self._dragged = None
            self.unsetCursor()
        elif event.button() == _LEFT and self._pressed is not None:
            line, self._pressed = self.lasso, None
            self.set_lasso([])
            if line:
                from skimage.measure import points_in_poly  # slow to import

                polygon = np.array([(p.x(), p.y()) for p in line])
                found = np.flatnonzero(
                    points_in_poly(self.view.to_screen(self.places), polygon)
                ).tolist()
                self._select(found, add=bool(event.modifiers() & _SHIFT))
            else:
                self._click(event)

    def _click(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position())
        if event.modifiers() & (_SHIFT | Qt.KeyboardModifier.ControlModifier):
            if row is not None:
                self.current = row
                rows = set(np.flatnonzero(self.chosen).tolist()) ^ {row}
                self.selected.emit(sorted(rows))
        else:
            self.current = row
            self._select([] if row is None else [row], add=False)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Open a cell, or show all."""
        if event is None or event.button() != _LEFT:
            return
        row = self.row_at(event.position())
        if row is None:
            self.show_all()
        else:
            self.opened.emit(row)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom about the mouse."""
        if event is not None and len(self.places):
            here = event.position()
            factor = _ZOOM ** (event.angleDelta().y() / _TURN)
            self.look(self.view.zoomed(factor, here.x(), here.y()))
            event.accept()

    def row_at(self, point: QPointF) -> int | None:
        """Return the row of the mark at a place in the widget, or None."""
        if not len(self.places):
            return None
        away = self.view.to_screen(self.places) - (point.x(), point.y())
        distances = np.hypot(*away.T)
        nearest = int(np.argmin(distances))
        return nearest if distances[nearest] <= NEAR_PX else None

    # -- keys -----------------------------------------------------------------------------

    def event(self, event: QEvent | None) -> bool:
        """Claim the host's keys before any shortcut, and ask for tooltips."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            own = event.key() in (Qt.Key.Key_Escape, *_ARROWS, *_ZOOMS)
            if own or self._host_key(event):
                event.accept()
                return True
        if isinstance(event, QHelpEvent):
            row = self.row_at(QPointF(event.pos()))
            if row is None:
                QToolTip.hideText()
            else:
                self.asked.emit(row, event.globalPos())
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Act on a key."""
        if event is None:
            return
        key = Qt.Key(event.key())
        middle = self.rect().center()
        if key == Qt.Key.Key_Escape:
            if self._pressed is not None:
                self._pressed = None
                self.set_lasso([])
            else:
                self.selected.emit([])
        elif key in _ARROWS:
            self._go(_ARROWS[key], add=bool(event.modifiers() & _SHIFT))
        elif key in _ZOOMS and len(self.places):
            self.look(self.view.zoomed(_ZOOMS[key], middle.x(), middle.y()))
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.show_all()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.current is not None:
                self.opened.emit(self.current)
        elif key == Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.selected.emit(list(range(len(self.places))))
        elif pressed := self._host_key(event):
            self.pressed_key.emit(pressed)
        else:
            super().keyPressEvent(event)

    def _host_key(self, event: QKeyEvent) -> str:
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        text = event.text().lower()
        alone = plain in (Qt.KeyboardModifier.NoModifier, _SHIFT)
        return text if alone and text and text in self.keys else ""

    def _go(self, direction: tuple[int, int], *, add: bool) -> None:
        """Go to the next mark in a direction, or to the first that is selected."""
        if not len(self.places):
            return
        rows = np.flatnonzero(self.chosen)
        if self.current is None:
            self.current = int(rows[0]) if len(rows) else 0
        else:
            away = self.places - self.places[self.current]
            along = away @ np.array(direction, np.float64)
            across = np.abs(away @ np.array(direction[::-1], np.float64))
            # What lies within 45 degrees, and of that the nearest.
            ahead = np.flatnonzero((along > 0) & (across <= along))
            if not len(ahead):
                return
            self.current = int(ahead[np.argmin((along + across)[ahead])])
        self._select([self.current], add=add)

    def _select(self, rows: Iterable[int], *, add: bool) -> None:
        before = np.flatnonzero(self.chosen).tolist() if add else []
        self.selected.emit(sorted({*before, *rows}))

    # -- the view -------------------------------------------------------------------------

    def show_all(self) -> None:
        """Have all cells in sight."""
        self.look(fit(self.places, self.width(), self.height()), whole=True)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep all cells in sight, or the middle in the middle."""
        super().resizeEvent(event)
        if self.whole:
            self.show_all()
        else:
            self.look(self.view.resized(self.width(), self.height()))
