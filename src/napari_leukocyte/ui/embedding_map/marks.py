"""Marks of classes by colour and shape, for any colour vision, and the legend with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QToolButton, QWidget
from superqt import QFlowLayout

from napari_leukocyte import vocabulary
from napari_leukocyte.language import tr
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.signals import Signal

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


_ICON_PX = 16


class MapLegend(QWidget):
    """A button for each class that a cell of the map has.

    Attributes
    ----------
    buttons : dict of str to QToolButton
        By class.
    """

    #: Emitted with the class that was clicked.
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(2)
        self._flow.setVerticalSpacing(1)
        self.buttons: dict[str, QToolButton] = {}
        self._colors: dict[str, str] = {}

    def show_classes(self, names: Sequence[str], colors: Mapping[str, str]) -> None:
        """Show the classes of cells, in the order of the colours, and how many have each."""
        counts = Counter(names)
        present = {name: colors[name] for name in colors if counts[name]}
        if present != self._colors:
            self._build(present)
        for name, button in self.buttons.items():
            button.setText(f"{tr(name).capitalize()}  {counts[name]}")

    def _build(self, colors: dict[str, str]) -> None:
        for old in self.buttons.values():
            self._flow.removeWidget(old)
            old.deleteLater()
        self.buttons, self._colors = {}, colors
        shapes = shapes_of(colors)
        for name, color in colors.items():
            button = QToolButton(self)
            button.setIcon(icon(shapes[name], color))
            button.setIconSize(QSize(_ICON_PX, _ICON_PX))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setAutoRaise(True)
            button.setToolTip(tr("Select the cells of the class “{name}”.", name=tr(name)))
            button.clicked.connect(lambda _=False, n=name: self.chosen.emit(n))
            self._flow.addWidget(button)
            self.buttons[name] = button
