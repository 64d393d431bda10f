"""The painting of the map, and the part of it that is in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPointF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.ui.embedding_map.marks import shapes_of, sprite
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED

#: Space around all cells, px.
_MARGIN = 18.0
#: How far one may zoom in and out, over the scale at which all cells are in sight.
_LARGEST, _SMALLEST = 200.0, 0.25


@dataclass(frozen=True, eq=False)
class MapWindow:
    """The transform from places on the map to places in the widget.

    Attributes
    ----------
    width, height : float
        Of the widget, px.
    centre : ndarray
        (2,): what is in its middle.
    scale : float
        px for one unit of the map.
    whole : float
        The scale at which all is in sight.
    """

    width: float
    height: float
    centre: NDArray[np.float64]
    scale: float
    whole: float

    def to_screen(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N, 2) px of (N, 2) places."""
        middle = np.array([self.width, self.height]) / 2
        return np.asarray((places - self.centre) * self.scale + middle)

    def to_map(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N, 2) places of (N, 2) px."""
        middle = np.array([self.width, self.height]) / 2
        return np.asarray((points - middle) / self.scale + self.centre)

    def moved(self, x: float, y: float) -> MapWindow:
        """Return it with everything moved by so many px."""
        return replace(self, centre=self.centre - np.array([x, y]) / self.scale)

    def zoomed(self, factor: float, x: float, y: float) -> MapWindow:
        """Return it magnified; what is at a point, px, stays there."""
        scale = float(np.clip(self.scale * factor, _SMALLEST * self.whole, _LARGEST * self.whole))
        here = np.array([x, y])
        middle = np.array([self.width, self.height]) / 2
        under = self.to_map(here[np.newaxis])[0]
        return replace(self, scale=scale, centre=under - (here - middle) / scale)

    def resized(self, width: float, height: float) -> MapWindow:
        """Return it for a widget of another size, with the same in its middle."""
        return replace(self, width=width, height=height)


def fit(places: NDArray[np.float64], width: float, height: float) -> MapWindow:
    """Return the view in which all (N, 2) places are in sight."""
    low = places.min(axis=0) if len(places) else np.zeros(2)
    high = places.max(axis=0) if len(places) else np.zeros(2)
    room = np.maximum(np.array([width, height]) - 2 * _MARGIN, 1.0)
    span = high - low
    # Of one cell, or copies, any scale shows all.
    scales = [r / s for r, s in zip(room.tolist(), span.tolist(), strict=True) if s > 1e-12]
    scale = min(scales, default=1.0)
    return MapWindow(width, height, np.asarray((low + high) / 2, np.float64), scale, scale)


#: Radius of a mark, px, by how many there are at least.
_RADII = ((2000, 3.2), (400, 4.0), (0, 5.5))
_LASSO = QColor("#56B4E9")


class MapCanvas(QWidget):
    """Paints a mark for each cell.

    Attributes
    ----------
    places : ndarray
        (N, 2) float64.
    names : tuple of str
        The class of each, `UNCLASSIFIED` for none.
    chosen : ndarray
        (N,) bool: which are selected.
    current : int or None
        The row that the keys are at.
    view : MapWindow
        What is in sight.
    whole : bool
        Whether that is everything.
    lasso : list of QPointF
        What is being drawn.
    colors : dict of str to str
        ``#rrggbb`` by class.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.places: NDArray[np.float64] = np.zeros((0, 2))
        self.names: tuple[str, ...] = ()
        self.chosen: NDArray[np.bool_] = np.zeros(0, bool)
        self.current: int | None = None
        self.lasso: list[QPointF] = []
        self.colors: dict[str, str] = {}
        self.whole = True
        self.view: MapWindow = fit(self.places, 1, 1)
        self._marks: QPixmap | None = None
        self._rows_of: dict[str, NDArray[np.int64]] = {}
        self._sprites: dict[tuple[object, ...], QPixmap] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Map of the cells"))

    # -- what is shown --------------------------------------------------------------------

    def show_places(self, places: NDArray[np.float64], *, anew: bool) -> None:
        """Show other cells; classes and selection follow. With `anew` all come in sight."""
        self.places = places
        self.names = (UNCLASSIFIED,) * len(places)
        self.chosen = np.zeros(len(places), bool)
        self.current = None
        self.lasso = []
        self._sort()
        if anew or self.whole:
            self.look(fit(places, self.width(), self.height()), whole=True)
        self._again()

    def show_classes(self, names: Sequence[str], colors: dict[str, str]) -> None:
        """Show other classes of the same cells."""
        if tuple(names) == self.names and colors == self.colors:
            return
        self.names, self.colors = tuple(names), dict(colors)
        self._sort()
        self._again()

    def show_selection(self, chosen: NDArray[np.bool_]) -> None:
        """Show which are selected."""
        if not np.array_equal(chosen, self.chosen):
            self.chosen = chosen
            if self.current is not None and not chosen[self.current]:
                self.current = None
            self.update()
        self.setAccessibleDescription(
            tr("{n} cells, {n2} selected", n=len(self.places), n2=int(self.chosen.sum()))
        )

    def set_lasso(self, line: list[QPointF]) -> None:
        """Show a line that is being drawn."""
        self.lasso = line
        self.update()

    def look(self, view: MapWindow, *, whole: bool = False) -> None:
        """Show another part of the map."""
        self.view, self.whole = view, whole
        self._again()

    def _sort(self) -> None:
        names = np.array(self.names, object)
        self._rows_of = {n: np.flatnonzero(names == n) for n in dict.fromkeys(self.names)}

    def _again(self) -> None:
        self._marks = None
        self.update()

    # -- painting -------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Return a size that fits into a dock."""
        return QSize(360, 340)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which a lasso can be drawn."""
        return QSize(220, 200)

    def changeEvent(self, event: QEvent | None) -> None:
        """Paint in the colours of another theme."""
        super().changeEvent(event)
        self._sprites.clear()
        self._again()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the marks, those selected over them, the lasso, and where the keys are."""
        painter = QPainter(self)
        # What only the lasso and the selection change need not be drawn again.
        if self._marks is None:
            self._marks = self._paint_marks()
        painter.drawPixmap(0, 0, self._marks)
        screen = self.view.to_screen(self.places)
        text = self._text()
        for name, rows in self._rows_of.items():
            self._stamp(painter, screen, rows[self.chosen[rows]], name, text)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.lasso:
            fill = QColor(_LASSO)
            fill.setAlpha(50)
            painter.setBrush(fill)
            painter.setPen(QPen(_LASSO, 1.5, Qt.PenStyle.DashLine))
            painter.drawPolygon(QPolygonF(self.lasso))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        focus = self.hasFocus()
        if focus and self.current is not None and len(screen):
            painter.setPen(QPen(text, 1, Qt.PenStyle.DotLine))
            painter.drawEllipse(QPointF(*screen[self.current]), 13, 13)
        faint = QColor(_LASSO if focus else text)
        faint.setAlpha(200 if focus else 60)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_marks(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.palette().color(QPalette.ColorRole.Base))
        painter = QPainter(pixmap)
        screen = self.view.to_screen(self.places)
        for name, rows in self._rows_of.items():
            self._stamp(painter, screen, rows, name, None)
        painter.end()
        return pixmap

    def _stamp(
        self,
        painter: QPainter,
        screen: NDArray[np.float64],
        rows: NDArray[np.int64],
        name: str,
        ring: QColor | None,
    ) -> None:
        """Draw marks of one class, those that are in sight."""
        if not len(rows):
            return
        mark = self._sprite(name, ring)
        half = mark.width() / mark.devicePixelRatio() / 2
        corners = screen[rows] - half
        high = (self.width(), self.height())
        seen = ((corners > -2 * half) & (corners < high)).all(axis=1)
        draw = painter.drawPixmap
        for x, y in np.rint(corners[seen]).astype(int).tolist():
            draw(x, y, mark)

    def _sprite(self, name: str, ring: QColor | None) -> QPixmap:
        number = len(self.places)
        radius = next(r for least, r in _RADII if number >= least)
        shape = shapes_of(self.colors)[name] if name in self.colors else "open circle"
        ratio = self.devicePixelRatioF()
        color = self.colors.get(name, "#999999")
        key = (shape, color, radius, ring is None, ratio)
        found = self._sprites.get(key)
        if found is None:
            ground = self.palette().color(QPalette.ColorRole.Base)
            found = sprite(shape, color, radius, ratio, ground, ring)
            self._sprites[key] = found
        return found

    def _text(self) -> QColor:
        return self.palette().color(QPalette.ColorRole.WindowText)
