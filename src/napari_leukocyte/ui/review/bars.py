"""The probabilities of the classes as bars."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_leukocyte.language import decimal, tr
from napari_leukocyte.vocabulary import written

#: Between two bars, and between a name and its bar, px.
_GAP, _SPACE = 3, 6


class ProbabilityBars(QWidget):
    """A bar for each class, the likeliest first.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: list[tuple[str, float]] = []
        self._colors: Mapping[str, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    @property
    def values(self) -> dict[str, float]:
        """The probabilities that are shown, the likeliest first."""
        return dict(self._values)

    def show_values(self, values: Mapping[str, float], colors: Mapping[str, str]) -> None:
        """Show probabilities, 0 to 1, by class; `colors` are ``#rrggbb``."""
        self._values = sorted(values.items(), key=lambda pair: -pair[1])
        self._colors = colors
        self.setToolTip(
            "\n".join(
                f"{written(name)}: " + decimal(f"{100 * p:.1f} %") for name, p in self._values
            )
        )
        self.updateGeometry()
        self.update()

    def _line(self) -> int:
        return self.fontMetrics().height()

    def sizeHint(self) -> QSize:
        """Return the size of all bars."""
        return QSize(180, max(1, len(self._values)) * (self._line() + _GAP))

    def minimumSizeHint(self) -> QSize:
        """Return the least size: all bars, short ones."""
        return QSize(140, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint names, bars and percentages."""
        if not self._values:
            return
        painter = QPainter(self)
        metrics = self.fontMetrics()
        names = max(metrics.horizontalAdvance(tr(n).capitalize()) for n, _ in self._values)
        names = min(names, self.width() // 2)
        number = metrics.horizontalAdvance("100 %") + _SPACE
        left, height = names + _SPACE, self._line()
        room = max(10, self.width() - left - number)
        ink = self.palette().text().color()
        for i, (name, value) in enumerate(self._values):
            y = i * (height + _GAP)
            painter.setPen(ink)
            middle = Qt.AlignmentFlag.AlignVCenter
            text = metrics.elidedText(tr(name).capitalize(), Qt.TextElideMode.ElideRight, names)
            painter.drawText(QRectF(0, y, names, height), middle | Qt.AlignmentFlag.AlignLeft, text)
            percent = f"{100 * value:.0f} %"
            painter.drawText(
                QRectF(self.width() - number, y, number, height),
                middle | Qt.AlignmentFlag.AlignRight,
                percent,
            )
            bar = QRectF(left, y + 2, max(1.0, room * value), height - 4)
            painter.setPen(QPen(QColor("#808080"), 1))
            painter.setBrush(QColor(self._colors.get(name, "#8A8A8A")))
            painter.drawRect(bar)
