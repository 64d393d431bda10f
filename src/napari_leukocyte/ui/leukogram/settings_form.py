"""The controls of a differential count: target, ranges, total, and how many more cells."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_leukocyte.counting.reference import SHIPPED, ReferenceRanges, list_ranges
from napari_leukocyte.counting.settings import MOST_LEUKOCYTES, TARGETS, DifferentialSettings
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.ui.controls.inputs import choice_box, leave_wheel_to_form
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.leukogram.ranges_dialog import RangesDialog
from napari_leukocyte.ui.leukogram.texts import describe_progress
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import EOSINOPHIL

_NO_RANGES = "No reference ranges"
#: Where an eosinophil count begins to be called raised by many.
_USUAL_QUESTION = 5.0


class SettingsForm(QWidget):
    """Target with progress, reference ranges, total of leukocytes, and the share to tell from.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    target, reference, question : QComboBox
        Their data are a number of cells, a name of ranges ("" for none) and a name of a class.
    progress : QProgressBar
    edit : QPushButton
    source, answer : QLabel
    leukocytes : QDoubleSpinBox
        10^9/L; 0 stands for unknown.
    share : QDoubleSpinBox
        %.
    """

    #: The user changed a setting.
    changed = Signal()
    #: The user asks about another class or share.
    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ranges: dict[str, ReferenceRanges] = {}
        self.target = choice_box({str(n): str(n) for n in TARGETS})
        self.target.setMinimumContentsLength(4)
        self.target.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.progress = QProgressBar()
        self.progress.setTextVisible(True)
        self.reference = choice_box({})
        self.edit = QPushButton("Edit…")
        self.edit.setToolTip("Change these ranges, or make your laboratory's own.")
        self.source = _small(self)
        self.leukocytes = _number(MOST_LEUKOCYTES, 2, " × 10⁹/L")
        self.leukocytes.setSpecialValueText("unknown")
        self.leukocytes.setToolTip(
            "<p>Total of leukocytes from another method, for absolute counts. If that method also "
            "counts erythroblasts, correct the total for them first.</p>"
        )
        self.question = choice_box({})
        for box in (self.reference, self.question):
            box.setMinimumContentsLength(6)
        self.share = _number(100, 1, " %")
        self.share.setValue(_USUAL_QUESTION)
        self.answer = _small(self)
        self._lay_out()
        self.list_ranges()
        self.target.currentIndexChanged.connect(self.changed)
        self.reference.currentIndexChanged.connect(self.changed)
        self.leukocytes.valueChanged.connect(self.changed)
        self.edit.clicked.connect(self.edit_ranges)
        self.question.currentIndexChanged.connect(self.asked)
        self.share.valueChanged.connect(self.asked)

    @property
    def ranges(self) -> ReferenceRanges | None:
        """The chosen reference ranges."""
        return self._ranges.get(self.reference.currentData() or "")

    def settings(self, former: DifferentialSettings) -> DifferentialSettings:
        """Return settings with what is chosen here and all else as before."""
        ranges = self.ranges
        return replace(
            former,
            target=int(self.target.currentData()),
            reference=None if ranges is None else ranges.name,
            leukocytes=self.leukocytes.value() or None,
        )

    def show_settings(self, settings: DifferentialSettings) -> None:
        """Show settings; ranges that no longer exist become none."""
        for widget in (self.target, self.reference, self.leukocytes):
            widget.blockSignals(True)
        self.target.setCurrentIndex(self.target.findData(str(settings.target)))
        self.reference.setCurrentIndex(max(0, self.reference.findData(settings.reference or "")))
        self.leukocytes.setValue(settings.leukocytes or 0)
        for widget in (self.target, self.reference, self.leukocytes):
            widget.blockSignals(False)
        ranges = self.ranges
        self.source.setText("" if ranges is None else ranges.source)
        self.source.setVisible(ranges is not None)

    def show_progress(self, total: int, target: int) -> None:
        """Show how much of the target was counted."""
        self.progress.setMaximum(target)
        self.progress.setValue(min(total, target))
        self.progress.setFormat(describe_progress(total, target))

    def show_classes(self, names: list[str]) -> None:
        """Offer the classes that can be asked about."""
        if names == [self.question.itemData(i) for i in range(self.question.count())]:
            return
        former = self.question.currentData() or EOSINOPHIL.name
        self.question.blockSignals(True)
        self.question.clear()
        for name in names:
            self.question.addItem(name.capitalize(), name)
        self.question.setCurrentIndex(max(0, self.question.findData(former)))
        self.question.blockSignals(False)

    def list_ranges(self) -> None:
        """Look again which reference ranges there are."""
        try:
            found = list_ranges()
        except LeukocyteError as error:
            tell(error)
            found = SHIPPED
        former = self.reference.currentData() or ""
        self._ranges = {r.name: r for r in found}
        self.reference.blockSignals(True)
        self.reference.clear()
        self.reference.addItem(_NO_RANGES, "")
        for name in self._ranges:
            self.reference.addItem(name, name)
        self.reference.setCurrentIndex(max(0, self.reference.findData(former)))
        self.reference.blockSignals(False)

    def edit_ranges(self) -> None:
        """Let the user change the ranges or make new ones, and choose what was saved."""
        dialog = RangesDialog(self.ranges, self)
        if dialog.exec():
            saved = dialog.saved
            self.list_ranges()
            index = 0 if saved is None else self.reference.findData(saved.name)
            self.reference.setCurrentIndex(max(0, index))
            # Also where the name is the same and the figures are others.
            self.changed.emit()
        dialog.deleteLater()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Target", _row(self.target, self.progress))
        form.addRow("Leukocytes", self.leukocytes)
        form.addRow("Compare with", _row(self.reference, self.edit))
        form.addRow(self.source)
        form.addRow("Tell", _row(self.question, QLabel("from"), self.share))
        form.addRow(self.answer)


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        stretch = 1 if isinstance(widget, (QProgressBar, QComboBox)) else 0
        row.addWidget(widget, stretch)
    return row


def _small(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    font = label.font()
    font.setPointSizeF(0.9 * font.pointSizeF())
    label.setFont(font)
    return label


def _number(highest: float, digits: int, unit: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0, highest)
    box.setDecimals(digits)
    box.setSuffix(unit)
    box.setKeyboardTracking(False)
    leave_wheel_to_form(box)
    return box
