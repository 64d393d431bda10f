"""The fields of a smear as a list: Qt's model of them, and how each is drawn."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPixmap
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_leukocyte.analysis.smear.fields import FieldState
from napari_leukocyte.analysis.smear.inspection import thumbnail_file
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.language import tr
from napari_leukocyte.ui.smear.texts import describe_counts, describe_state

#: Roles beside Qt's own: the FieldState, the line below the name, whether the field is shown in the
#: viewer, and whether it is being analysed.
STATE_ROLE = int(Qt.ItemDataRole.UserRole)
LINE_ROLE, SHOWN_ROLE, WORKING_ROLE = STATE_ROLE + 1, STATE_ROLE + 2, STATE_ROLE + 3


class FieldsModel(QAbstractListModel):
    """Lists the fields; small pictures are read when they come into view.

    Parameters
    ----------
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    smear : Smear or None
        Whose fields.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.smear: Smear | None = None
        self._pictures: dict[str, QPixmap] = {}
        self._shown: int | None = None
        self._working: int | None = None

    def set_smear(self, smear: Smear | None) -> None:
        """List the fields of another smear."""
        self.beginResetModel()
        self.smear = smear
        self._shown = self._working = None
        self._pictures.clear()
        self.endResetModel()

    @property
    def shown(self) -> int | None:
        """The field that is marked as shown."""
        return self._shown

    def set_shown(self, row: int | None) -> None:
        """Mark the field that the viewer shows."""
        former, self._shown = self._shown, row
        self.refresh(former, row)

    def set_working(self, row: int | None) -> None:
        """Mark the field that is being analysed."""
        former, self._working = self._working, row
        self.refresh(former, row)

    def refresh(self, *rows: int | None) -> None:
        """Have fields drawn anew."""
        for row in rows:
            if row is not None and 0 <= row < self.rowCount():
                index = self.index(row)
                self.dataChanged.emit(index, index)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of fields."""
        nested = parent is not None and parent.isValid()
        return 0 if self.smear is None or nested else len(self.smear)

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Return what is asked of a field."""
        smear, row = self.smear, index.row()
        if smear is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return smear.paths[row].name
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(smear.state(row).key)
        if role == STATE_ROLE:
            return smear.state(row)
        if role == LINE_ROLE:
            return self._line(smear, row)
        if role == SHOWN_ROLE:
            return row == self._shown
        if role == WORKING_ROLE:
            return row == self._working
        if role == Qt.ItemDataRole.ToolTipRole:
            state = smear.state(row)
            told = tr(state.problem) or describe_counts(state) or self._line(smear, row)
            return f"{smear.paths[row]}\n{told}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{smear.paths[row].name}, {self._line(smear, row)}"
        return None

    def _line(self, smear: Smear, row: int) -> str:
        double = smear.double_of(row)
        name = None if double is None else smear.paths[double].name
        return describe_state(smear.state(row), row == self._working, name)

    def _picture(self, key: str) -> QPixmap | None:
        if not key:
            return None
        picture = self._pictures.get(key)
        if picture is None:
            picture = QPixmap(str(thumbnail_file(key)))
            if not picture.isNull():
                self._pictures[key] = picture
        return None if picture.isNull() else picture


#: Sizes, px.
THUMBNAIL = QSize(64, 48)
_MARGIN, _SIGN, _BAR = 5, 13, 3
#: Opacity of what is less important.
_FAINT = 0.7
# Told apart by shape, and by colour also with a colour-blind eye (Okabe and Ito's).
_DONE, _UNDER_WAY, _WRONG = QColor("#009E73"), QColor("#56B4E9"), QColor("#D55E00")


class FieldDelegate(QStyledItemDelegate):
    """Draws the fields of a :class:`FieldsModel`."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of a field: as high as its picture or its three lines."""
        lines = 3 * QFontMetrics(option.font).lineSpacing()
        return QSize(200, max(THUMBNAIL.height(), lines) + 2 * _MARGIN)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw a field."""
        if painter is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area, palette = option.rect, option.palette
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.fillRect(area, palette.highlight() if chosen else palette.base())
        if index.data(SHOWN_ROLE):
            painter.fillRect(QRect(area.left(), area.top(), _BAR, area.height()), _UNDER_WAY)
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        ink = palette.color(role)
        picture = QRect(
            area.left() + _BAR + _MARGIN,
            area.top() + (area.height() - THUMBNAIL.height()) // 2,
            THUMBNAIL.width(),
            THUMBNAIL.height(),
        )
        _draw_picture(painter, picture, index.data(Qt.ItemDataRole.DecorationRole), ink)
        left = picture.right() + 2 * _MARGIN
        text = QRect(left, area.top(), area.right() - _MARGIN - left, area.height())
        self._draw_lines(painter, text, option.font, ink, index)
        painter.restore()

    def _draw_lines(
        self, painter: QPainter, area: QRect, font: QFont, ink: QColor, index: QModelIndex
    ) -> None:
        state: FieldState = index.data(STATE_ROLE)
        bold = QFont(font)
        bold.setBold(True)
        counts = describe_counts(state)
        lines = 3 if counts else 2
        step = QFontMetrics(font).lineSpacing()
        top = area.top() + (area.height() - lines * step) // 2
        painter.setPen(ink)
        _write(painter, bold, QRect(area.left(), top, area.width(), step), index.data())
        sign = QRectF(area.left() + 0.5, top + step + (step - _SIGN) / 2, _SIGN, _SIGN)
        draw_sign(painter, sign, state, ink, bool(index.data(WORKING_ROLE)))
        beside = QRect(area.left() + _SIGN + 5, top + step, area.width() - _SIGN - 5, step)
        painter.setPen(ink)
        _write(painter, font, beside, index.data(LINE_ROLE))
        if counts:
            painter.setOpacity(_FAINT)
            _write(painter, font, QRect(area.left(), top + 2 * step, area.width(), step), counts)


def draw_sign(
    painter: QPainter, area: QRectF, state: FieldState, ink: QColor, working: bool = False
) -> None:
    """Draw the sign of a state.

    Parameters
    ----------
    painter : QPainter
        With antialiasing.
    area : QRectF
        Where.
    state : FieldState
        An empty ring is new, a ring with a dot segmented, a part of a disc so much reviewed, a
        tick signed off, a cross can't be read.
    ink : QColor
        Of the ring.
    working : bool
        Whether it is being analysed, which three dots say.
    """
    painter.save()
    ring = area.adjusted(1, 1, -1, -1)
    centre = ring.center()
    if working:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_UNDER_WAY)
        for x in (0.15, 0.5, 0.85):
            painter.drawEllipse(QPointF(area.left() + x * area.width(), centre.y()), 2.0, 2.0)
    elif state.stage == "damaged":
        painter.setPen(QPen(_WRONG, 2.2))
        painter.drawLine(ring.topLeft(), ring.bottomRight())
        painter.drawLine(ring.topRight(), ring.bottomLeft())
    elif state.stage == "signed off":
        pen = QPen(_DONE, 2.6)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)  # PySide6 knows no keyword for it
        painter.setPen(pen)
        low = QPointF(ring.left() + 0.38 * ring.width(), ring.bottom() - 1)
        painter.drawLine(QPointF(ring.left(), centre.y()), low)
        painter.drawLine(low, QPointF(ring.right(), ring.top() + 1))
    elif state.stage != "unread":
        painter.setPen(QPen(ink, 1.2))
        painter.drawEllipse(ring)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_DONE)
        if state.objects and state.reviewed:
            # Clockwise from the top, in sixteenths of a degree.
            inner = ring.adjusted(1.5, 1.5, -1.5, -1.5)
            painter.drawPie(inner, 90 * 16, -round(360 * 16 * state.reviewed / state.objects))
        elif state.stage == "segmented":
            painter.setBrush(_UNDER_WAY)
            painter.drawEllipse(centre, 2.4, 2.4)
    painter.restore()


def _draw_picture(painter: QPainter, area: QRect, picture: Any, ink: QColor) -> None:
    if isinstance(picture, QPixmap):
        size = picture.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(area.topLeft(), size)
        place.moveCenter(area.center())
        painter.drawPixmap(place, picture)
    else:
        faint = QColor(ink)
        faint.setAlphaF(0.25)
        painter.setPen(QPen(faint, 1, Qt.PenStyle.DashLine))
        painter.drawRect(area.adjusted(1, 1, -1, -1))


def _write(painter: QPainter, font: QFont, area: QRect, text: str) -> None:
    painter.setFont(font)
    cut = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), cut)
