"""The colour of a class as an icon."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap

SWATCH_PX = 14
# Between the grounds of a dark theme and of a light one.
_OUTLINE = QColor("#808080")


def swatch(color: str) -> QIcon:
    """Return a disc of a colour, with an outline that shows it on any ground."""
    ratio = 2  # for screens with two pixels to a point
    pixmap = QPixmap(SWATCH_PX * ratio, SWATCH_PX * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_OUTLINE)
    painter.setBrush(QColor(color))
    painter.drawEllipse(1, 1, SWATCH_PX - 2, SWATCH_PX - 2)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Disabled)  # or Qt would grey it
    return icon
