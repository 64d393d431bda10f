"""Builders for what docks are made of: texts, buttons, fields, rows, forms, sections.

The texts that they are given stand in English; the builders show them in the language in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QBoxLayout,
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.containers import Section, WrappedText
from napari_leukocyte.ui.controls.inputs import leave_wheel_to_form, write_numbers
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import DISCLAIMER

#: What can stand in a row or a column: a text becomes a label, None takes the room that is left.
Item = QWidget | QLayout | str | None
#: A row of a form: with a title before it, or alone.
Row = tuple[str, QWidget | QLayout] | QWidget | QLayout
W = TypeVar("W", bound=QWidget)

#: Distance between what stands in a dock, px.
SPACING = 6
#: A tooltip longer than this many letters is broken into lines.
_LONG = 70


# -- parts --------------------------------------------------------------------------------


def tipped(widget: W, tip: str) -> W:
    """Give a widget a tooltip, in lines if it is long; return the widget."""
    tip = tr(tip)
    # Qt breaks only rich text.
    widget.setToolTip(f"<p>{tip}</p>" if len(tip) > _LONG and not tip.startswith("<") else tip)
    return widget


def text(
    said: str = "",
    *,
    bold: bool = False,
    italic: bool = False,
    size: float = 1.0,
    lines: int = 0,
) -> WrappedText:
    """Make a text whose lines break, that can be copied and is never cut.

    Parameters
    ----------
    said : str
        At first.
    bold, italic : bool
        How it is written.
    size : float
        Of its letters, as a factor.
    lines : int
        That have room at least.
    """
    label = WrappedText(lines=lines)
    font = label.font()
    font.setBold(bold)
    font.setItalic(italic)
    font.setPointSizeF(size * font.pointSizeF())
    label.setFont(font)
    label.setText(said)
    return label


def heading(title: str) -> QLabel:
    """Make a line in bold letters that stands above something."""
    label = QLabel(tr(title))
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setContentsMargins(0, 6, 0, 0)
    return label


def disclaimer() -> WrappedText:
    """Make the sentence that stands wherever results are shown."""
    return text(DISCLAIMER, italic=True)


def small_button(title: str, tip: str = "", act: Callable[[], object] | None = None) -> QToolButton:
    """Make a button that is as small as its title."""
    made = tipped(QToolButton(), tip)
    made.setText(tr(title))
    if act is not None:
        made.clicked.connect(lambda: act())
    return made


def button(title: str, tip: str = "", act: Callable[[], object] | None = None) -> QPushButton:
    """Make a button.

    Parameters
    ----------
    title : str
        On it.
    tip : str
        Its tooltip.
    act : callable, optional
        Called without arguments when it is clicked.
    """
    made = tipped(QPushButton(tr(title)), tip)
    if act is not None:
        made.clicked.connect(lambda: act())
    return made


def check(title: str, tip: str = "", *, on: bool = False) -> QCheckBox:
    """Make a check box."""
    box = tipped(QCheckBox(tr(title)), tip)
    box.setChecked(on)
    return box


def line(hint: str = "", tip: str = "") -> QLineEdit:
    """Make a field for one line of text, with a hint that shows while it is empty."""
    made = tipped(QLineEdit(), tip)
    made.setPlaceholderText(tr(hint))
    return made


def whole_number(low: int, high: int, value: int, *, unit: str = "", tip: str = "") -> QSpinBox:
    """Make a field for a whole number between two others."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(tr(unit))
    return _number_field(box, tip)


def number(
    low: float, high: float, value: float, *, decimals: int = 1, unit: str = "", tip: str = ""
) -> QDoubleSpinBox:
    """Make a field for a number between two others; it counts once it is typed to the end."""
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(tr(unit))
    box.setKeyboardTracking(False)
    return _number_field(box, tip)


S = TypeVar("S", bound=QAbstractSpinBox)


def _number_field(box: S, tip: str) -> S:
    write_numbers(box)
    leave_wheel_to_form(box)
    return tipped(box, tip)


class FolderLine(QWidget):
    """A field for the path of a folder, and a button that lets the user look for one.

    Parameters
    ----------
    hint : str
        Shown while it is empty.
    question : str
        Title of the window in which the user looks.

    Attributes
    ----------
    field : QLineEdit
    browse : QToolButton
    """

    #: The user chose a folder, or has typed one to the end.
    chosen = Signal()

    def __init__(self, hint: str, question: str) -> None:
        super().__init__()
        self._question = question
        self.field = line(hint)
        self.browse = small_button("…", f"{tr(question)}…", self._ask)
        self.field.editingFinished.connect(self.chosen)
        self.setLayout(row(self.field, self.browse))

    def text(self) -> str:
        """Return what stands in the field, without space around it."""
        return self.field.text().strip()

    def setText(self, path: str) -> None:
        """Write into the field; `chosen` is not emitted."""
        self.field.setText(path)

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr(self._question), self.text())
        if folder:
            self.setText(folder)
            self.chosen.emit()


# -- arrangement --------------------------------------------------------------------------


def row(*items: Item, stretch: Sequence[int] = ()) -> QHBoxLayout:
    """Put things side by side.

    Parameters
    ----------
    *items : QWidget, QLayout, str or None
        From left to right. None takes the room that is left.
    stretch : sequence of int, optional
        How the room is shared. By default those get it that can use it, such as lists, fields and
        bars; where none can, and nothing is None, all get the same.
    """
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    shares = list(stretch) or [_share(item) for item in items]
    if not any(shares) and None not in items:
        shares = [1] * len(items)
    for item, share in zip(items, shares, strict=True):
        add_to(layout, item, share)
    return layout


def column(*items: Item, margins: int = 0, spacing: int = SPACING) -> QVBoxLayout:
    """Put things below each other; None takes the room that is left."""
    layout = QVBoxLayout()
    layout.setContentsMargins(margins, margins, margins, margins)
    layout.setSpacing(spacing)
    for item in items:
        add_to(layout, item, 0)
    return layout


def form(*rows: Row) -> QFormLayout:
    """Put rows below each other whose titles stand in one column."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setVerticalSpacing(4)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    add_rows(layout, *rows)
    return layout


def add_rows(layout: QFormLayout, *rows: Row) -> None:
    """Add rows to a form, or to that of a section."""
    for each in rows:
        if isinstance(each, tuple):
            title, field = each
            layout.addRow(tr(title), field)
        else:
            layout.addRow(each)


def section(title: str, *rows: Row, folded: bool = False) -> Section:
    """Make a group of rows that a click on its title folds."""
    made = Section(title)
    add_rows(made.form, *rows)
    made.heading.setChecked(not folded)
    return made


def holder(layout: QLayout) -> QWidget:
    """Make a widget of a layout, so that it can be hidden, greyed or scrolled as one."""
    widget = QWidget()
    widget.setLayout(layout)
    return widget


def _share(item: Item) -> int:
    if not isinstance(item, QWidget):
        return 0
    return int(bool(item.sizePolicy().expandingDirections() & Qt.Orientation.Horizontal))


def add_to(layout: QBoxLayout, item: Item, share: int = 0) -> None:
    """Add something to a row or a column; None takes the room that is left."""
    if item is None:
        layout.addStretch(1)
    elif isinstance(item, str):
        layout.addWidget(QLabel(tr(item)), share)
    elif isinstance(item, QLayout):
        layout.addLayout(item, share)
    else:
        layout.addWidget(item, share)


def show_only(widgets: Sequence[QWidget], shown: bool) -> None:
    """Show some widgets, or hide all of them."""
    for widget in widgets:
        widget.setVisible(shown)
