"""A small chart of lines: learning curves and a training's curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_leukocyte.language import decimal, tr

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 20, 32
_DOT = 2.5


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes
    ----------
    name : str
        In the legend.
    points : tuple of (float, float)
        x and y, by rising x.
    color : str
        ``#rrggbb``.
    expected : tuple of float, optional
        x, y, low and high of what is expected beyond the last point.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    color: str
    expected: tuple[float, float, float, float] | None = None


class LineChart(QWidget):
    """Draws lines over one axis.

    Parameters
    ----------
    x_title, y_title : str
        Of the axes.
    parent : QWidget, optional
        The owner.
    """

    def __init__(self, x_title: str, y_title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._x_title, self._y_title = tr(x_title), tr(y_title)
        self.series: tuple[Series, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_series(self, series: Sequence[Series]) -> None:
        """Draw other lines; those without a point are left out."""
        self.series = tuple(s for s in series if s.points)
        described = [f"{s.name}: " + decimal(f"{s.points[-1][1]:.3f}") for s in self.series]
        self.setAccessibleDescription("; ".join(described))
        self.setToolTip("\n".join(described))
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that fits into a dock."""
        return QSize(280, 150)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which it can be read."""
        return QSize(200, 130)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw axes, lines and legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        area = QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM)
        values = [(x, y) for s in self.series for x, y in s.points]
        for s in self.series:
            if s.expected is not None:
                x, _, low, high = s.expected
                values += [(x, low), (x, high)]
        values = [v for v in values if all(map(math.isfinite, v))]
        x_range = _range([v[0] for v in values], at_least=1.0)
        y_range = _range([v[1] for v in values], at_least=0.05)
        self._draw_axes(painter, area, text, x_range, y_range)

        def place(x: float, y: float) -> QPointF:
            return QPointF(
                area.left() + area.width() * (x - x_range[0]) / (x_range[1] - x_range[0]),
                area.bottom() - area.height() * (y - y_range[0]) / (y_range[1] - y_range[0]),
            )

        for s in self.series:
            color = QColor(s.color)
            painter.setPen(QPen(color, 1.6))
            placed = [place(x, y) for x, y in s.points if math.isfinite(x + y)]
            for one, other in pairwise(placed):
                painter.drawLine(one, other)
            painter.setBrush(color)
            for point in placed:
                painter.drawEllipse(point, _DOT, _DOT)
            if s.expected is not None and placed:
                x, y, low, high = s.expected
                painter.setPen(QPen(color, 1.2, Qt.PenStyle.DashLine))
                painter.drawLine(placed[-1], place(x, y))
                painter.drawLine(place(x, low), place(x, high))
        self._draw_legend(painter, text)
        painter.end()

    def _draw_axes(
        self,
        painter: QPainter,
        area: QRectF,
        text: QColor,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
    ) -> None:
        faint = QColor(text)
        faint.setAlphaF(0.35)
        painter.setPen(QPen(faint, 1))
        painter.drawRect(area)
        painter.setPen(text)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for part in (0.0, 0.5, 1.0):
            y = area.bottom() - part * area.height()
            value = y_range[0] + part * (y_range[1] - y_range[0])
            painter.drawText(QRectF(0, y - 8, _LEFT - 5, 16), int(right), decimal(f"{value:.2f}"))
        for part, where in (
            (0.0, Qt.AlignmentFlag.AlignLeft),
            (1.0, Qt.AlignmentFlag.AlignRight),
        ):
            value = x_range[0] + part * (x_range[1] - x_range[0])
            box = QRectF(area.left(), area.bottom() + 1, area.width(), 15)
            painter.drawText(box, int(where), f"{value:.0f}")
        title = QRectF(area.left(), area.bottom() + 14, area.width(), 16)
        painter.drawText(title, int(Qt.AlignmentFlag.AlignHCenter), self._x_title)
        if not self.series:
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), tr("Nothing measured yet"))

    def _draw_legend(self, painter: QPainter, text: QColor) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(text)
        painter.drawText(4, metrics.ascent() + 2, self._y_title)
        x = self.width() - _RIGHT
        for s in reversed(self.series):
            x -= metrics.horizontalAdvance(s.name)
            painter.setPen(text)
            painter.drawText(x, metrics.ascent() + 2, s.name)
            x -= 16
            painter.setPen(QPen(QColor(s.color), 2))
            painter.drawLine(x, 10, x + 11, 10)
            x -= 8


def _range(values: Sequence[float], at_least: float) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = max(at_least - (high - low), 0) / 2
    return low - room, high + room
