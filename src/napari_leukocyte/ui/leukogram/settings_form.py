"""The settings of a differential count, and the dialog for reference ranges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_leukocyte.counting.leukogram import DEFAULT_COUNTED, in_order
from napari_leukocyte.counting.presets import PRESETS, preset_in_use
from napari_leukocyte.counting.reference import (
    SHIPPED,
    Range,
    ReferenceRanges,
    delete_ranges,
    list_ranges,
    save_ranges,
)
from napari_leukocyte.counting.settings import MOST_LEUKOCYTES, TARGETS, DifferentialSettings
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.leukogram.table import describe_progress
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import EOSINOPHIL, plural, written

_HEADERS = ("from, %", "to, %", "from, 10⁹/L", "to, 10⁹/L")
#: Around what stands in the dialog, px.
_MARGIN = 9
_NO_RANGES = "No reference ranges"
#: Where an eosinophil count begins to be called raised by many.
_PRESETS_HELP = (
    "<p>Which classes you are offered. <i>Extended</i> divides neutrophils into segmented and band "
    "ones, immature granulocytes into their stages, and tells reactive lymphocytes, blasts and "
    "plasma cells. No model does: what it calls a neutrophil stays one until you divide it, and "
    "sums hold both.</p>"
)
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
    preset : QComboBox
        Which classes a reader is offered.
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
    #: The user wants other classes to be offered; carries the name of the preset.
    preset_chosen = Signal(str)
    #: The user asks about another class or share.
    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ranges: dict[str, ReferenceRanges] = {}
        self.preset = choice_box({p.name: p.title for p in PRESETS})
        self.preset.setToolTip(tr(_PRESETS_HELP))
        self.target = choice_box({str(n): str(n) for n in TARGETS})
        self.target.setMinimumContentsLength(4)
        self.target.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.progress = QProgressBar()
        self.progress.setTextVisible(True)
        self.reference = choice_box({})
        self.edit = build.button(
            "Edit…", "Change these ranges, or make your laboratory's own.", self.edit_ranges
        )
        self.source, self.answer = build.text(size=0.9), build.text(size=0.9)
        self.leukocytes = build.number(
            0,
            MOST_LEUKOCYTES,
            0,
            decimals=2,
            tip="Total of leukocytes from another method, for absolute counts. If that method also "
            "counts erythroblasts, correct the total for them first.",
        )
        self.leukocytes.setSpecialValueText("–")
        self.question = choice_box({})
        for box in (self.reference, self.question):
            box.setMinimumContentsLength(6)
        self.share = build.number(0, 100, _USUAL_QUESTION, unit=" %")
        self.setLayout(
            build.form(
                ("Classes", self.preset),
                ("Target", build.row(self.target, self.progress, stretch=(0, 1))),
                ("WBC (10⁹/L)", self.leukocytes),
                ("Compare with", build.row(self.reference, self.edit)),
                self.source,
                build.text("Enough cells to decide whether"),
                build.row(self.question, "are above", self.share, "?", stretch=(1, 0, 0, 0)),
                self.answer,
            )
        )
        self.list_ranges()
        self.show_preset()
        self.preset.activated.connect(
            lambda _: self.preset_chosen.emit(str(self.preset.currentData()))
        )
        self.target.currentIndexChanged.connect(self.changed)
        self.reference.currentIndexChanged.connect(self.changed)
        self.leukocytes.valueChanged.connect(self.changed)
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
            target=next(n for n in TARGETS if str(n) == self.target.currentData()),
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

    def show_preset(self) -> None:
        """Show which classes are offered now."""
        self.preset.setCurrentIndex(max(0, self.preset.findData(preset_in_use().name)))

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
            self.question.addItem(plural(name), name)
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
        self.reference.addItem(tr(_NO_RANGES), "")
        for name in self._ranges:
            self.reference.addItem(tr(name), name)
        self.reference.setCurrentIndex(max(0, self.reference.findData(former)))
        self.reference.setToolTip(
            tr(
                "Ranges that counts are compared with, such as those of your laboratory: choose "
                "one, or write your own with “Edit…”."
            )
        )
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


class RangesDialog(QDialog):
    """Name, source and figures of reference ranges; an empty cell leaves that end open.

    Parameters
    ----------
    ranges : ReferenceRanges or None
        What to begin with; shipped ones can't be replaced and get another name.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    saved : ReferenceRanges or None
        What was saved once the dialog was accepted; None after ranges were deleted.
    name, source : QLineEdit
    table : QTableWidget
    problem : QLabel
    delete : QPushButton
    """

    def __init__(self, ranges: ReferenceRanges | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Reference ranges"))
        self.saved: ReferenceRanges | None = None
        shipped = ranges is None or ranges in SHIPPED
        self._former = None if shipped else ranges
        self.name = QLineEdit(tr("My laboratory") if ranges is None or shipped else ranges.name)
        self.source = QLineEdit("" if ranges is None else ranges.source)
        self.source.setPlaceholderText(tr("Where the figures come from"))
        given = () if ranges is None else (*ranges.percent, *ranges.absolute)
        self._classes = in_order({*DEFAULT_COUNTED, *given})
        self.table = QTableWidget(len(self._classes), len(_HEADERS))
        self.table.setHorizontalHeaderLabels([tr(head) for head in _HEADERS])
        self.table.setVerticalHeaderLabels([written(n) for n in self._classes])
        header = cast(QHeaderView, self.table.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._fill(ranges)
        self.problem = build.text()
        self.delete = build.button("Delete", act=self._delete)
        self.delete.setEnabled(self._former is not None)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.addButton(self.delete, QDialogButtonBox.ButtonRole.DestructiveRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        rows = build.form(("Name", self.name), ("Source", self.source))
        self.setLayout(
            build.column(
                rows, self.table, build.disclaimer(), self.problem, buttons, margins=_MARGIN
            )
        )
        self.resize(560, 400)

    def ranges(self) -> ReferenceRanges:
        """Return what was entered.

        Raises
        ------
        ParameterError
            If it is no set of ranges.
        """
        return ReferenceRanges(
            self.name.text().strip(), self.source.text().strip(), self._column(0), self._column(2)
        )

    def accept(self) -> None:
        """Save, or say why not and stay open."""
        try:
            self.saved = self.ranges()
            save_ranges(self.saved)
        except LeukocyteError as error:
            self.saved = None
            self.problem.setText(tr(str(error)))
            return
        super().accept()

    def _delete(self) -> None:
        if self._former is not None:
            try:
                delete_ranges(self._former.name)
            except LeukocyteError as error:
                self.problem.setText(tr(str(error)))
                return
            super().accept()

    def _fill(self, ranges: ReferenceRanges | None) -> None:
        for row, name in enumerate(self._classes):
            texts: list[str] = []
            for usual in () if ranges is None else (ranges.percent, ranges.absolute):
                texts += _texts(usual.get(name))
            for column in range(len(_HEADERS)):
                text = texts[column] if texts else ""
                self.table.setItem(row, column, QTableWidgetItem(text))

    def _column(self, first: int) -> dict[str, Range]:
        found: dict[str, Range] = {}
        for row, name in enumerate(self._classes):
            ends = [self._number(row, first), self._number(row, first + 1)]
            if any(end is not None for end in ends):
                low, high = ends
                found[name] = Range(0.0 if low is None else low, math.inf if high is None else high)
        return found

    def _number(self, row: int, column: int) -> float | None:
        item = self.table.item(row, column)
        text = "" if item is None else item.text().strip()
        if not text:
            return None
        try:
            return float(text.replace(",", "."))
        except ValueError as error:
            raise ParameterError(
                tr(
                    "{text!r} is not a number ({name}, {column}).",
                    text=text[:20],
                    name=tr(self._classes[row]),
                    column=tr(_HEADERS[column]),
                )
            ) from error


def _texts(usual: Range | None) -> Sequence[str]:
    if usual is None:
        return "", ""
    return f"{usual.low:g}", "" if math.isinf(usual.high) else f"{usual.high:g}"
