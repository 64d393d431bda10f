"""Rows that fold, an area that scrolls up and down, text that is never cut, a table to read."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QFrame,
    QHeaderView,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.language import tr

#: Height of a row, and of what a header needs beside its own text, px.
_ROW, _FRAME = 22, 18


class Table(QTableWidget):
    """A table to read: rows are chosen as a whole, nothing is edited.

    Parameters
    ----------
    heads : sequence of str
        Of the columns.
    least, most : int
        Rows that have room at least, and before it scrolls.
    wide : int
        The column that takes the room that is left; the last one by default.
    parent : QWidget, optional
        The owner.
    """

    def __init__(
        self,
        heads: Sequence[str],
        *,
        least: int = 1,
        most: int = 9,
        wide: int = -1,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(0, len(heads), parent)
        self._least, self._most = least, most
        self.setHorizontalHeaderLabels([tr(head) for head in heads])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(_ROW)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(wide % len(heads), QHeaderView.ResizeMode.Stretch)

    def show_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Show other rows; it becomes as high as they are, up to its limit."""
        self.setRowCount(len(rows))
        for i, texts in enumerate(rows):
            for j, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(i, j, item)
        self.fit()

    def fit(self) -> None:
        """Become as high as the rows are, up to the limit."""
        head = self.horizontalHeader()
        height = _FRAME + (0 if head is None else head.sizeHint().height())
        self.setFixedHeight(height + _ROW * min(self._most, max(self._least, self.rowCount())))

    def rows(self) -> list[list[str]]:
        """Return what is shown."""
        return [
            [item.text() if (item := self.item(i, j)) else "" for j in range(self.columnCount())]
            for i in range(self.rowCount())
        ]


#: Room that themes leave beside a scroll bar, px.
_BESIDE = 5


class Section(QWidget):
    """A heading, and below it a form that a click on the heading hides.

    It has the height of what it shows at any time, also when rows come and go.

    Parameters
    ----------
    title : str
        The heading.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    heading : QToolButton
        Checked while the form is shown.
    form : QFormLayout
        To be filled.
    """

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QToolButton()
        self.heading.setText(tr(title))
        self.heading.setCheckable(True)
        self.heading.setChecked(True)
        self.heading.setAutoRaise(True)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # The theme paints what is checked in the colour of a pressed button.
        self.heading.setStyleSheet(
            "QToolButton, QToolButton:checked { background: transparent; border: none; "
            "font-weight: bold; padding: 2px 0px; text-align: left; }"
        )
        self._content = QWidget()
        self.form = QFormLayout(self._content)
        self.form.setContentsMargins(10, 0, 4, 2)
        self.form.setVerticalSpacing(3)
        self.form.setHorizontalSpacing(6)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.heading)
        layout.addWidget(self._content)
        self.heading.toggled.connect(self._fold)
        self._fold(True)

    def _fold(self, shown: bool) -> None:
        self._content.setVisible(shown)
        self.heading.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)


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

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take over a new width of what is inside; Qt itself only does so once."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        """Return the size below which something would be cut off at the right."""
        inside, bar = self.widget(), self.verticalScrollBar()
        width = 0 if inside is None else inside.minimumSizeHint().width()
        return QSize(width + (0 if bar is None else bar.sizeHint().width() + _BESIDE), self._least)


class WrappedText(QLabel):
    """A label whose lines break, that can be copied, and that is just as high as its lines.

    Qt's forms ask a label for its height before they know its width, and then leave it at that.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    lines : int
        That have room at least, so that what is below does not move with every text.
    """

    def __init__(self, parent: QWidget | None = None, lines: int = 0) -> None:
        super().__init__(parent)
        self._lines = lines
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def setText(self, text: str | None) -> None:
        """Show a text, in the language in use."""
        super().setText(tr(text or ""))
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit to the new width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit to another theme: its letters may be larger."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._fit()

    def _fit(self) -> None:
        height = self.heightForWidth(self.width())
        height = max(height, self._lines * self.fontMetrics().lineSpacing())
        # Nor higher: Qt's own wish for a text is made for a width of its own choice.
        if height != self.minimumHeight():
            self.setFixedHeight(max(0, height))
