"""How a class is marked on the map: by colour and by shape, for any colour vision."""

from __future__ import annotations

import math
from collections.abc import Iterable

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from napari_leukocyte import vocabulary
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED

#: Corners at a radius of 1, as (corners, turn in parts of a circle, inner radius or 0).
_POLYGONS = {
    "square": (4, 0.125, 0.0),
    "diamond": (4, 0.0, 0.0),
    "triangle up": (3, -0.25, 0.0),
    "triangle down": (3, 0.25, 0.0),
    "pentagon": (5, -0.25, 0.0),
    "star": (5, -0.25, 0.45),
    "hexagon": (6, 0.0, 0.0),
    "four-pointed star": (4, 0.0, 0.4),
}
_CROSSES = {"plus": 0.0, "cross": 45.0}
#: In the order of the vocabulary; own classes take what follows, in turn.
SHAPES = ("circle", *_POLYGONS, *_CROSSES)
_OF_VOCABULARY = (
    "circle",
    "square",
    "diamond",
    "triangle up",
    "triangle down",
    "pentagon",
    "star",
    "plus",
    "hexagon",
    "cross",
    "four-pointed star",
)
#: Half the side of the square in which a mark is drawn, over its radius: outlines need space.
_AROUND = 1.5


def shapes_of(names: Iterable[str]) -> dict[str, str]:
    """Return the shape of each class; what has none is an open circle."""
    known = dict(zip((c.name for c in vocabulary.CLASSES), _OF_VOCABULARY, strict=True))
    others = sorted(set(names) - set(known) - {UNCLASSIFIED})
    own = {name: SHAPES[i % len(SHAPES)] for i, name in enumerate(others)}
    return {**known, **own, UNCLASSIFIED: "open circle"}


def draw_mark(
    painter: QPainter, centre: QPointF, radius: float, shape: str, fill: QColor, line: QPen
) -> None:
    """Draw a mark; all shapes cover about the same area."""
    painter.setPen(line)
    painter.setBrush(fill)
    if shape == "open circle":
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(fill, max(1.2, 0.35 * radius)))
        painter.drawEllipse(centre, 0.8 * radius, 0.8 * radius)
    elif shape == "circle":
        painter.drawEllipse(centre, radius, radius)
    elif shape in _CROSSES:
        arm, half = 1.25 * radius, 0.42 * radius
        path = QPainterPath()
        path.addRect(QRectF(-arm, -half, 2 * arm, 2 * half))
        other = QPainterPath()
        other.addRect(QRectF(-half, -arm, 2 * half, 2 * arm))
        painter.save()
        painter.translate(centre)
        painter.rotate(_CROSSES[shape])
        painter.drawPath(path.united(other))
        painter.restore()
    else:
        corners, turn, inner = _POLYGONS[shape]
        points = 2 * corners if inner else corners
        outer = radius * (1.5 if inner else _circumradius(corners))
        polygon = QPolygonF()
        for i in range(points):
            r = outer * inner if inner and i % 2 else outer
            angle = 2 * math.pi * (turn + i / points)
            polygon.append(centre + QPointF(r * math.cos(angle), r * math.sin(angle)))
        painter.drawPolygon(polygon)


def _circumradius(corners: int) -> float:
    """Return that of a regular polygon with the area of a circle of radius 1."""
    return math.sqrt(2 * math.pi / (corners * math.sin(2 * math.pi / corners)))


def sprite(
    shape: str, color: str, radius: float, ratio: float, ground: QColor, chosen: QColor | None
) -> QPixmap:
    """Return the picture of a mark.

    Parameters
    ----------
    shape : str
        See `SHAPES`.
    color : str
        ``#rrggbb``.
    radius : float
        In px of the widget.
    ratio : float
        Pixels of the screen to a px of the widget.
    ground : QColor
        What the outline keeps it apart from its neighbours with.
    chosen : QColor or None
        Of the ring about a selected one.
    """
    side = 2 * math.ceil(_AROUND * radius + (4 if chosen is not None else 1))
    pixmap = QPixmap(round(side * ratio), round(side * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    centre = QPointF(side / 2, side / 2)
    if chosen is not None:
        # Two rings: one of them is seen on any ground and over any colour.
        for width, ring in ((4.5, ground), (2.0, chosen)):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ring, width))
            painter.drawEllipse(centre, 1.25 * radius + 1.5, 1.25 * radius + 1.5)
    draw_mark(painter, centre, radius, shape, QColor(color), QPen(ground, 0.8))
    painter.end()
    return pixmap


def icon(shape: str, color: str) -> QIcon:
    """Return a mark as an icon, with an outline that shows it on any ground."""
    return QIcon(sprite(shape, color, 5.0, 2.0, QColor("#808080"), None))
