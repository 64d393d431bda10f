"""What the widget *How sure* is made of; what happens is in `widget`."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.ui.controls.containers import Section, VerticalScroll, WrappedText
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.controls.inputs import choice_box, leave_wheel_to_form
from napari_leukocyte.uncertainty.calibration import DEFAULT_LEVEL, LEVEL_RANGE
from napari_leukocyte.uncertainty.domain_shift.reference import TITLES
from napari_leukocyte.vocabulary import DISCLAIMER

#: What the methods of standardising are called.
METHOD_TITLES = {
    "model": "as the classifier sees it",
    "reinhard": "Reinhard",
    "macenko": "Macenko (two stains)",
}
COLUMNS = ("Cell", "Class", "Set", "Strange")
#: The table shows so many rows before it scrolls.
_ROWS = 9


class TrustForm(QWidget):
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images can be chosen.
    parent : QWidget, optional
        In which it stands.

    Attributes
    ----------
    image : ImageChoice
        Whose session is followed.
    state, sentence, quality, calibrated, bound, changed : WrappedText
    check, recalibrate, forget, approve, preview, classify : QPushButton
    level : QSpinBox
        Percent.
    by_class : QCheckBox
    cells : QTableWidget
        Columns `COLUMNS`; the first item of a row holds the object's number as data.
    method, target : QComboBox
        Their data are a method and a set.
    progress : QProgressBar
    sections : tuple of Section
        What is hidden while there are no classified cells.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = ImageChoice(viewer, self)
        self.state, self.sentence, self.quality = (WrappedText(self) for _ in range(3))
        self.calibrated, self.bound, self.changed = (WrappedText(self) for _ in range(3))
        self.check = QPushButton("Check again", self)
        self.check.setToolTip("Compare image and cells with the classifier's training sets.")
        low, high = (round(100 * value) for value in LEVEL_RANGE)
        self.level = QSpinBox(self)
        self.level.setRange(low, high)
        self.level.setSuffix(" %")
        self.level.setValue(round(100 * DEFAULT_LEVEL))
        self.level.setToolTip("Share of cells, at least, whose set holds the true class.")
        leave_wheel_to_form(self.level)
        self.by_class = QCheckBox("for each class", self)
        self.by_class.setToolTip(
            "The level then holds for every class by itself. Rare classes stay in most sets."
        )
        self.recalibrate = QPushButton("Calibrate on reviewed cells", self)
        self.recalibrate.setToolTip(
            "<p>Review about 25 cells of each class, at random or all of an image; cells "
            "that were approved in bulk take no part.</p>"
        )
        self.forget = QPushButton("Forget own cells", self)
        self.forget.setToolTip("Go back to the calibration that ships with the classifier.")
        self.approve = QPushButton("Approve", self)
        self.approve.setToolTip("Confirm all cells with a single-class set, as one step to undo.")
        self.cells = _table(self)
        self.method = choice_box(METHOD_TITLES)
        self.method.setToolTip("How colours are standardised. Your image is never changed.")
        self.target = choice_box(TITLES)
        self.target.setCurrentIndex(max(0, self.target.findData("pbc")))
        self.target.setToolTip("The training set whose colours are wanted.")
        self.preview = QPushButton("Preview", self)
        self.preview.setCheckable(True)
        self.preview.setToolTip("Show the image in these colours, as a layer of its own.")
        self.classify = QPushButton("Classify in these colours", self)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.sections = self._sections()
        self._lay_out()

    def _sections(self) -> tuple[Section, ...]:
        home = Section("How far from home", self)
        for widget in (self.sentence, self.quality, self.check):
            home.form.addRow(widget)
        sure = Section("How sure", self)
        level = QHBoxLayout()
        level.addWidget(self.level)
        level.addWidget(self.by_class)
        level.addStretch(1)
        sure.form.addRow("Level", level)
        sure.form.addRow(self.calibrated)
        buttons = QHBoxLayout()
        buttons.addWidget(self.recalibrate)
        buttons.addWidget(self.forget)
        sure.form.addRow(buttons)
        sure.form.addRow(self.cells)
        for widget in (self.bound, self.approve):
            sure.form.addRow(widget)
        colors = Section("Standardised colours", self)
        colors.form.addRow("Method", self.method)
        colors.form.addRow("Colours of", self.target)
        both = QHBoxLayout()
        both.addWidget(self.preview)
        both.addWidget(self.classify)
        colors.form.addRow(both)
        colors.form.addRow(self.changed)
        return home, sure, colors

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", self.image.box)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addLayout(rows)
        for widget in (self.progress, self.state, *self.sections):
            column.addWidget(widget)
        disclaimer = WrappedText(inside)
        disclaimer.setText(DISCLAIMER)
        font = disclaimer.font()
        font.setItalic(True)
        disclaimer.setFont(font)
        column.addWidget(disclaimer)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(VerticalScroll(inside, parent=self))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def show_busy(self, busy: bool) -> None:
        """Show whether something is being computed; buttons that compute wait for its end."""
        self.progress.setRange(0, 0 if busy else 1)
        for button in (self.check, self.classify, self.preview, self.recalibrate):
            button.setEnabled(not busy)

    def show_nothing(self, why: str) -> None:
        """Show that nothing can be told, and why."""
        self.state.setText(why)
        self.state.show()
        for section in self.sections:
            section.hide()

    def show_all(self) -> None:
        """Show the sections."""
        self.state.hide()
        for section in self.sections:
            section.show()


def _table(parent: QWidget) -> QTableWidget:
    table = QTableWidget(0, len(COLUMNS), parent)
    table.setHorizontalHeaderLabels(list(COLUMNS))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSortingEnabled(True)
    # What needs a reader first.
    table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    rows, header = table.verticalHeader(), table.horizontalHeader()
    if rows is not None and header is not None:
        rows.hide()
        rows.setDefaultSectionSize(22)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        table.setMinimumHeight(22 * _ROWS)
    return table
