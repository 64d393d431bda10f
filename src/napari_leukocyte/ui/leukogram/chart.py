"""The bar chart of a leukogram, with its limits and the reference ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_leukocyte.counting.leukogram import rows_of
from napari_leukocyte.counting.reference import Range
from napari_leukocyte.language import decimal, tr
from napari_leukocyte.ui.layers.objects_style import palette
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

#: Ends of the axis, %: the least that holds every limit is taken. Four steps each.
_ENDS = (20, 40, 60, 80, 100)
_ROW, _BAR, _CAP = 26, 14, 4
_MARGIN = 6


@dataclass(frozen=True)
class Bar:
    """One class.

    Attributes
    ----------
    name : str
        Of the class.
    count, total : int
        Cells of the class and all that count.
    percent, low, high : float
        Share and its 95 % limits, 0 to 100; the share is NaN if nothing was counted.
    usual : Range, optional
        Reference range of the share, %.
    """

    name: str
    count: int
    total: int
    percent: float
    low: float
    high: float
    usual: Range | None = None

    def __str__(self) -> str:
        if not self.total:
            return tr("{name}: no leukocyte has been counted yet.", name=tr(self.name).capitalize())
        text = tr(
            "{name}: {count} of {total} = {percent:.1f} %, "
            "95 % limits {low:.1f} to {high:.1f} % (Clopper-Pearson)",
            name=tr(self.name).capitalize(),
            count=self.count,
            total=self.total,
            percent=self.percent,
            low=self.low,
            high=self.high,
        )
        return (
            text
            if self.usual is None
            else tr("{text}; reference range {usual} %", text=text, usual=decimal(str(self.usual)))
        )


def bars_of(leukogram: pd.DataFrame | None, usual: Mapping[str, Range] | None = None) -> list[Bar]:
    """Return the bars of a leukogram: the classes that count, in their order."""
    if leukogram is None:
        return []
    ranges = usual or {}
    return [
        Bar(
            str(row["class"]),
            int(row["count"]),
            int(row["total"]),
            float(row["percent"]),
            float(row["ci_low"]),
            float(row["ci_high"]),
            ranges.get(str(row["class"])),
        )
        for row in rows_of(leukogram)
        if not math.isnan(row["ci_low"])  # or it does not count
    ]


def axis_end(bars: list[Bar]) -> int:
    """Return the end of an axis that holds every limit and range, %."""
    highest = max((b.high for b in bars if b.total), default=100.0)
    usual = [b.usual.high for b in bars if b.usual is not None and not math.isinf(b.usual.high)]
    highest = max([highest, *usual])
    return next((end for end in _ENDS if highest <= end), 100)


class LeukogramChart(QWidget):
    """Horizontal bars with whiskers; its colours are those of the theme, through the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[Bar] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_leukogram(
        self, leukogram: pd.DataFrame | None, usual: Mapping[str, Range] | None = None
    ) -> None:
        """Show a leukogram, or nothing; with reference ranges by class, %."""
        self._bars = bars_of(leukogram, usual)
        self.setAccessibleDescription("; ".join(map(str, self._bars)))
        self.setVisible(bool(self._bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size that holds all bars and the axis."""
        axis = self.fontMetrics().height() + 10
        return QSize(280, _ROW * max(len(self._bars), 1) + axis + 2 * _MARGIN)

    def bar_at(self, y: float) -> Bar | None:
        """Return the bar at a height, px from the upper edge."""
        row = math.floor((y - _MARGIN) / _ROW)
        return self._bars[row] if 0 <= row < len(self._bars) else None

    def event(self, event: QEvent | None) -> bool:
        """Show a bar's figures as its tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            bar = self.bar_at(event.pos().y())
            QToolTip.showText(event.globalPos(), str(bar) if bar else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the chart."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlphaF(0.25)
        metrics = painter.fontMetrics()
        # The usual names at least, so that the axis does not move when another class appears.
        names = {*LEUKOCYTE_NAMES, *(b.name for b in self._bars)}
        left = _MARGIN + max(metrics.horizontalAdvance(tr(n).capitalize()) for n in names) + 8
        right = self.width() - _MARGIN - metrics.horizontalAdvance("100 %") // 2
        bottom = _MARGIN + _ROW * len(self._bars)
        end = axis_end(self._bars)
        colors = palette(b.name for b in self._bars)

        def at(percent: float) -> float:
            return left + (right - left) * percent / end

        for i in range(5):
            tick = end * i // 4
            x = round(at(tick)) + 0.5
            painter.setPen(QPen(faint, 1))
            painter.drawLine(QPointF(x, _MARGIN), QPointF(x, bottom + 3))
            painter.setPen(ink)
            text = f"{tick} %" if i == 4 else str(tick)
            box = QRectF(x - 30, bottom + 4, 60, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        for row, bar in enumerate(self._bars):
            middle = _MARGIN + (row + 0.5) * _ROW
            box = QRectF(_MARGIN, middle - _ROW / 2, left - _MARGIN - 8, _ROW)
            painter.setPen(ink)
            vertical = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, vertical | Qt.AlignmentFlag.AlignRight, tr(bar.name).capitalize())
            if bar.usual is not None:
                first, last = at(min(bar.usual.low, end)), at(min(bar.usual.high, end))
                band = QRectF(first, middle - _ROW / 2 + 2, last - first, _ROW - 4)
                painter.fillRect(band, faint)
            if not bar.total:
                continue
            painter.setPen(QPen(ink, 1))
            painter.setBrush(QColor(colors[bar.name]))
            if bar.count:
                painter.drawRect(
                    QRectF(at(0) + 0.5, middle - _BAR / 2, at(bar.percent) - at(0), _BAR)
                )
            self._paint_limits(painter, (at(bar.low), at(bar.high)), middle, ink)

    def _paint_limits(
        self, painter: QPainter, limits: tuple[float, float], y: float, ink: QColor
    ) -> None:
        """Paint the whiskers, light beneath dark, so that they show on any bar."""
        low, high = limits
        ground = self.palette().color(QPalette.ColorRole.Window)
        for color, width in ((ground, 4.0), (ink, 1.6)):
            painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLine(QPointF(low, y), QPointF(high, y))
            for x in limits:
                painter.drawLine(QPointF(x, y - _CAP), QPointF(x, y + _CAP))
