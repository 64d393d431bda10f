"""The painter of the gallery's cells."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_leukocyte.gallery.cells import GalleryCell
from napari_leukocyte.gallery.thumbnails import Thumbnails, ThumbnailStyle
from napari_leukocyte.language import tr
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED, abbreviate
from napari_leukocyte.ui.review.gallery_model import CELL_ROLE
from napari_leukocyte.vocabulary import COLORS

#: Room around a cell, width of its frame, and of the rim between frame and picture, px.
MARGIN, FRAME, _RIM = 4, 3, 1
_BADGE = 15
#: Pictures are cut while a frame is painted, but no longer than this, s: at 30 frames a second a
#: frame has 33 ms.
CUTTING = 0.010
#: What cannot be shown has no colour.
_NEUTRAL = QColor("#8A8A8A")
_TICK, _FLAG, _PENCIL = QColor("#1B9E4B"), QColor("#D62728"), QColor("#5A3FC0")
_PAPER, _INK = QColor("#FFFFFF"), QColor("#1E1E1E")


def to_pixmap(picture: NDArray[np.uint8]) -> QPixmap:
    """Return a picture, (S, S, 3) uint8 RGB and contiguous, as Qt paints it quickest."""
    height, width = picture.shape[:2]
    image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)


class CellDelegate(QStyledItemDelegate):
    """Paints a picture in a frame of its class's colour, with marks and a caption.

    Parameters
    ----------
    parent : QWidget
        The gallery.
    cut_later : callable
        Called if a picture could not be cut in time: the gallery must be painted again soon.

    Attributes
    ----------
    look : ThumbnailStyle
        How pictures look.
    colors : mapping of str to str
        ``#rrggbb`` of the classes.
    """

    def __init__(self, parent: QWidget, cut_later: Callable[[], object]) -> None:
        super().__init__(parent)
        self.look = ThumbnailStyle()
        self.colors: Mapping[str, str] = COLORS
        self._cut_later = cut_later
        self._picture: Callable[[GalleryCell, ThumbnailStyle, bool], QPixmap | None] = lambda *_: (
            None
        )
        self._deadline = 0.0

    def set_source(
        self, thumbnails: Thumbnails[QPixmap] | None, labels: object = None, extent: float = 1.0
    ) -> None:
        """Take pictures from somewhere else.

        Parameters
        ----------
        thumbnails : Thumbnails or None
            Of pixmaps.
        labels : ndarray
            (H, W) int32: the masks.
        extent : float
            Side of what a picture shows, px.
        """
        if thumbnails is None or not isinstance(labels, np.ndarray):
            self._picture = lambda *_: None
            return
        masks, source = labels, thumbnails

        def picture(cell: GalleryCell, look: ThumbnailStyle, now: bool) -> QPixmap | None:
            found = source.find(cell.place, look, extent)
            if found is None and now:
                found = source.cut(masks, cell.place, look, extent)
            return found

        self._picture = picture

    def set_pictures(
        self, picture: Callable[[GalleryCell, ThumbnailStyle, bool], QPixmap | None]
    ) -> None:
        """Take pictures from a function.

        Parameters
        ----------
        picture : callable
            Called with a cell, a style, and whether there is time to make the picture now; it
            returns the picture, or None if that comes later.
        """
        self._picture = picture

    def picture(self, cell: GalleryCell, look: ThumbnailStyle) -> QPixmap | None:
        """Return the picture of a cell in any look; cut now if need be."""
        return self._picture(cell, look, True)

    def begin_frame(self) -> None:
        """Start the time in which pictures are cut."""
        self._deadline = time.perf_counter() + CUTTING

    def color_of(self, cell: GalleryCell) -> QColor:
        """Return the colour of a cell's frame."""
        if cell.hidden or cell.candidate:
            return _NEUTRAL
        name = cell.class_name or UNCLASSIFIED
        color = self.colors.get(name)
        return QColor(color) if color else _NEUTRAL

    def item_size(self, font: QFont) -> tuple[int, int]:
        """Return width and height of a cell with all around it, px."""
        around = 2 * (MARGIN + FRAME + _RIM)
        line = QFontMetrics(caption_font(font)).height()
        return self.look.side + around, self.look.side + around + line

    # -- what Qt asks ---------------------------------------------------------------------

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of a cell; all have the same."""
        return QSize(*self.item_size(option.font))

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint one cell."""
        cell = index.data(CELL_ROLE)
        if painter is None or not isinstance(cell, GalleryCell):
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        current = bool(option.state & QStyle.StateFlag.State_HasFocus)
        whole = option.rect.adjusted(1, 1, -1, -1)
        if selected:
            painter.fillRect(whole, option.palette.text())
            painter.fillRect(whole.adjusted(2, 2, -2, -2), option.palette.highlight())
        corner = option.rect.topLeft()
        side = self.look.side
        outer = QRect(
            corner.x() + MARGIN, corner.y() + MARGIN, side + 2 * FRAME + 2, side + 2 * FRAME + 2
        )
        painter.fillRect(outer, self.color_of(cell))
        inner = outer.adjusted(FRAME, FRAME, -FRAME, -FRAME)
        painter.fillRect(inner, _INK)
        place = inner.adjusted(_RIM, _RIM, -_RIM, -_RIM)
        self._paint_picture(painter, cell, place)
        self._paint_marks(painter, cell, place)
        self._paint_caption(painter, cell, option, outer, selected)
        if current:
            painter.setPen(QPen(option.palette.text().color(), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(whole.adjusted(0, 0, -1, -1))

    # -- the parts ------------------------------------------------------------------------

    def _paint_picture(self, painter: QPainter, cell: GalleryCell, place: QRect) -> None:
        pixmap = self._picture(cell, self.look, time.perf_counter() < self._deadline)
        if pixmap is None:
            painter.fillRect(place, QColor("#D8D2D6"))
            self._cut_later()
        else:
            painter.drawPixmap(place.topLeft(), pixmap)

    def _paint_marks(self, painter: QPainter, cell: GalleryCell, place: QRect) -> None:
        marks = [
            draw
            for draw, on in (
                (draw_tick, cell.reviewed),
                (draw_flag, bool(cell.flags)),
                (draw_pencil, cell.edited),
            )
            if on
        ]
        if not marks:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = place.right() + 1 - _BADGE
        for draw in marks:
            draw(painter, QRectF(x, place.top(), _BADGE, _BADGE))
            x -= _BADGE + 1
        painter.restore()

    def _paint_caption(
        self,
        painter: QPainter,
        cell: GalleryCell,
        option: QStyleOptionViewItem,
        outer: QRect,
        selected: bool,
    ) -> None:
        palette = option.palette
        painter.setFont(caption_font(option.font))
        painter.setPen((palette.highlightedText() if selected else palette.text()).color())
        line = QRect(
            outer.left(), outer.bottom() + 1, outer.width(), option.rect.bottom() - outer.bottom()
        )
        left, right = captions(cell)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, left)
        # Of two classes that differ nothing is covered; the details say the confidence.
        if painter.fontMetrics().horizontalAdvance(f"{left} {right}") <= line.width():
            painter.drawText(
                line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, right
            )


def captions(cell: GalleryCell) -> tuple[str, str]:
    """Return what stands below a cell: its class, and how sure the model is."""
    if cell.candidate:
        return tr("candidate"), f"{100 * cell.confidence:.0f} %"
    if cell.hidden:
        return tr("blind"), ""
    left = abbreviate(cell.class_name or UNCLASSIFIED)
    if cell.disagrees:
        left += f" ≠ {abbreviate(cell.predicted or UNCLASSIFIED)}"
    known = cell.confidence == cell.confidence
    return left, f"{100 * cell.confidence:.0f} %" if known else ""


def caption_font(font: QFont) -> QFont:
    """Return the font of captions: somewhat smaller."""
    small = QFont(font)
    small.setPointSizeF(max(6.0, 0.82 * font.pointSizeF()))
    return small


def draw_tick(painter: QPainter, box: QRectF) -> None:
    """Draw the mark of a cell that is reviewed."""
    _badge(painter, box, _TICK)
    x, y, s = box.x(), box.y(), box.width()
    pen = QPen(_PAPER, s / 7)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    points = [(0.27, 0.53), (0.43, 0.70), (0.74, 0.32)]
    painter.drawPolyline(QPolygonF([QPointF(x + a * s, y + b * s) for a, b in points]))


def draw_flag(painter: QPainter, box: QRectF) -> None:
    """Draw the mark of a cell that has a flag."""
    _badge(painter, box, _PAPER)
    x, y, s = box.x(), box.y(), box.width()
    painter.setPen(QPen(_INK, s / 12))
    painter.drawLine(QPointF(x + 0.34 * s, y + 0.22 * s), QPointF(x + 0.34 * s, y + 0.80 * s))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_FLAG)
    points = [(0.36, 0.22), (0.78, 0.38), (0.36, 0.54)]
    painter.drawPolygon(QPolygonF([QPointF(x + a * s, y + b * s) for a, b in points]))


def draw_pencil(painter: QPainter, box: QRectF) -> None:
    """Draw the mark of a cell whose mask was changed by hand."""
    _badge(painter, box, _PAPER)
    x, y, s = box.x(), box.y(), box.width()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PENCIL)
    shaft = [(0.36, 0.55), (0.64, 0.24), (0.76, 0.36), (0.48, 0.67)]
    tip = [(0.32, 0.60), (0.43, 0.71), (0.25, 0.77)]
    for points in (shaft, tip):
        painter.drawPolygon(QPolygonF([QPointF(x + a * s, y + b * s) for a, b in points]))


def _badge(painter: QPainter, box: QRectF, color: QColor) -> None:
    painter.setPen(QPen(_INK, 0.8))
    painter.setBrush(color)
    painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
