"""The dialog in which reference ranges are changed and saved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.counting.leukogram import DEFAULT_COUNTED, in_order
from napari_leukocyte.counting.reference import (
    SHIPPED,
    Range,
    ReferenceRanges,
    delete_ranges,
    save_ranges,
)
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.vocabulary import DISCLAIMER

_HEADERS = ("from, %", "to, %", "from, 10⁹/L", "to, 10⁹/L")


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
        self.setWindowTitle("Reference ranges")
        self.saved: ReferenceRanges | None = None
        shipped = ranges is None or ranges in SHIPPED
        self._former = None if shipped else ranges
        self.name = QLineEdit("My laboratory" if ranges is None or shipped else ranges.name)
        self.source = QLineEdit("" if ranges is None else ranges.source)
        self.source.setPlaceholderText("Where the figures come from")
        given = () if ranges is None else (*ranges.percent, *ranges.absolute)
        self._classes = in_order({*DEFAULT_COUNTED, *given})
        self.table = QTableWidget(len(self._classes), len(_HEADERS))
        self.table.setHorizontalHeaderLabels(list(_HEADERS))
        self.table.setVerticalHeaderLabels([n.capitalize() for n in self._classes])
        header = cast(QHeaderView, self.table.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._fill(ranges)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.delete = QPushButton("Delete")
        self.delete.setEnabled(self._former is not None)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.addButton(self.delete, QDialogButtonBox.ButtonRole.DestructiveRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.delete.clicked.connect(self._delete)
        form = QFormLayout()
        form.addRow("Name", self.name)
        form.addRow("Source", self.source)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.table)
        column.addWidget(QLabel(DISCLAIMER))
        column.addWidget(self.problem)
        column.addWidget(buttons)
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
            self.problem.setText(str(error))
            return
        super().accept()

    def _delete(self) -> None:
        if self._former is not None:
            try:
                delete_ranges(self._former.name)
            except LeukocyteError as error:
                self.problem.setText(str(error))
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
                f"{text[:20]!r} is no number ({self._classes[row]}, {_HEADERS[column]})."
            ) from error


def _texts(usual: Range | None) -> Sequence[str]:
    if usual is None:
        return "", ""
    return f"{usual.low:g}", "" if math.isinf(usual.high) else f"{usual.high:g}"
