"""A scroll area for a dock: it scrolls up and down, never sideways."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget


class VerticalScroll(QScrollArea):
    """Scrolls up and down, and is always as wide as what it holds.

    Parameters
    ----------
    inside : QWidget
        What it holds.
    least : int
        Height below which it does not get, px.
    parent : QWidget, optional
        The owner.
    """

    def __init__(self, inside: QWidget, least: int = 120, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least = least
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Take over a new width of what is inside; Qt itself only does so once."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size below which something would be cut off at the right."""
        inside, bar = self.widget(), self.verticalScrollBar()
        width = 0 if inside is None else inside.minimumSizeHint().width()
        return QSize(width + (0 if bar is None else bar.sizeHint().width()), self._least)
