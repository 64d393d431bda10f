"""The figures of a leukogram as a table, and sentences about them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import pandas as pd
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_leukocyte.counting.leukogram import PerHundred, rows_of
from napari_leukocyte.counting.presets import SUM_TITLES
from napari_leukocyte.counting.reference import Range
from napari_leukocyte.counting.settings import MOST_CELLS, cells_needed
from napari_leukocyte.language import decimal, later, tr, tr_n
from napari_leukocyte.ui.controls.inputs import swatch
from napari_leukocyte.ui.layers.objects_style import palette
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import PARTS, plural, tr_count, written

#: Columns of a leukogram: limits, %, that hold the classifier's errors beside that of counting.
WITH_ERRORS = ("errors_low", "errors_high")
_FLAGS = {"": "", "low": "▼ low", "high": "▲ high"}
_REASONS = {
    "": "",
    "low": "The whole interval lies below the reference range.",
    "high": "The whole interval lies above the reference range.",
}
_COLOR = Qt.ItemDataRole.UserRole
#: Name of a class as tables have it.
_NAME = Qt.ItemDataRole.UserRole + 1
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_DASH = "–"


#: Name of a class, its figures as texts, its range, its flag.
FiguresRow: TypeAlias = tuple[str, Sequence[str], Range | None, str]


class FiguresTable(QTableWidget):
    """A row for each class: its figures, its reference range and whether it lies outside.

    Parameters
    ----------
    headers : sequence of str
        Of the columns; the last two are the range and the flag.
    parent : QWidget, optional
        The owner.
    """

    #: The name of a class that was ticked or unticked, and whether it is ticked now.
    ticked = Signal(str, bool)

    def __init__(self, headers: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(0, len(headers), parent)
        self.setHorizontalHeaderLabels([tr(head) for head in headers])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        vertical = cast(QHeaderView, self.verticalHeader())
        horizontal = cast(QHeaderView, self.horizontalHeader())
        vertical.hide()
        vertical.setDefaultSectionSize(22)
        horizontal.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        horizontal.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        horizontal.setSectionsClickable(False)
        # Themes paint an empty box in the colour of the table.
        self.setStyleSheet("QTableView::indicator:unchecked { border: 1px solid #808080; }")
        self.itemChanged.connect(self._on_changed)

    def show_rows(
        self,
        rows: Sequence[FiguresRow],
        ticks: Mapping[str, bool] | None = None,
        ranges: bool = False,
    ) -> None:
        """Show the classes.

        Parameters
        ----------
        rows : sequence of (str, sequence of str, Range or None, str)
            Name of the class, its figures as texts, its range, its flag.
        ticks : mapping of str to bool, optional
            Gives each class a check box.
        ranges : bool
            Whether to show ranges and flags.
        """
        blocked = self.blockSignals(True)
        self.setRowCount(len(rows))
        self.setVisible(bool(rows))
        last = self.columnCount() - 1
        for column in (last - 1, last):
            self.setColumnHidden(column, not ranges)
        of_sums = {title: name for name, title in SUM_TITLES.items()}
        colors = palette(of_sums.get(name, name) for name, *_ in rows)
        colors |= {title: colors[name] for title, name in of_sums.items() if name in colors}
        for i, (name, figures, usual, flag) in enumerate(rows):
            item = self._put(i, 0, written(name))
            item.setData(_NAME, name)
            if item.data(_COLOR) != colors[name]:
                item.setData(_COLOR, colors[name])
                item.setIcon(swatch(colors[name]))
            if ticks is not None and name in ticks:
                self._make_checkable(
                    item,
                    ticks[name],
                    tr("Tick to count {cells} in the differential.", cells=plural(name)),
                )
            else:
                self._make_plain(item)
            texts = [*figures, "" if usual is None else decimal(str(usual))]
            for column, text in enumerate(texts, 1):
                self._put(i, column, text, _RIGHT)
            item = self._put(i, last, tr(_FLAGS[flag]))
            if item.toolTip() != tr(_REASONS[flag]):
                item.setToolTip(tr(_REASONS[flag]))
        self.blockSignals(blocked)
        self._fit()

    def texts(self) -> list[list[str]]:
        """Return what stands in the columns that are shown, row by row."""
        return [
            [
                "" if (cell := self.item(row, column)) is None else cell.text()
                for column in range(self.columnCount())
                if not self.isColumnHidden(column)
            ]
            for row in range(self.rowCount())
        ]

    def tick(self, name: str, ticked: bool) -> None:
        """Tick a class or take its tick away, as a click does."""
        for row in range(self.rowCount()):
            item = self.item(row, 0)
            if item is not None and item.data(_NAME) == name:
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
                return

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit again when the theme changes: its rows and letters may be larger."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._fit()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Fit again: a style is only complete when it is shown."""
        self._fit()
        super().showEvent(event)

    @staticmethod
    def _make_checkable(item: QTableWidgetItem, ticked: bool, tip: str) -> None:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable
        state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        # Whatever is set is painted again, also where it is what it was.
        if item.flags() != flags:
            item.setFlags(flags)
        if item.data(Qt.ItemDataRole.CheckStateRole) is None or item.checkState() != state:
            item.setCheckState(state)
        if item.toolTip() != tip:
            item.setToolTip(tip)

    @staticmethod
    def _make_plain(item: QTableWidgetItem) -> None:
        """Take away the check box of another class that stood here before."""
        if item.data(Qt.ItemDataRole.CheckStateRole) is not None:
            item.setData(Qt.ItemDataRole.CheckStateRole, None)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            item.setToolTip("")

    def _put(
        self, row: int, column: int, text: str, alignment: Qt.AlignmentFlag | None = None
    ) -> QTableWidgetItem:
        """Show a text; an item that is there is kept, since Qt measures new ones at length."""
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem(text)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            if alignment is not None:
                item.setTextAlignment(alignment)
            self.setItem(row, column, item)
        elif item.text() != text:
            item.setText(text)
        return item

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self.ticked.emit(str(item.data(_NAME)), item.checkState() == Qt.CheckState.Checked)

    def _fit(self) -> None:
        """Make the table just as high as its rows, and no narrower than they need."""
        header = cast(QHeaderView, self.horizontalHeader())
        rows = sum(self.rowHeight(i) for i in range(self.rowCount()))
        frame = 2 * self.frameWidth()
        self.setFixedHeight(header.sizeHint().height() + rows + frame + 2)
        shown = [c for c in range(self.columnCount()) if not self.isColumnHidden(c)]
        wanted = [max(self.sizeHintForColumn(c), header.sectionSizeHint(c)) for c in shown]
        self.setMinimumWidth(sum(wanted) + frame + 2)


def as_sums(rows: Iterable[FiguresRow]) -> list[FiguresRow]:
    """Return rows of sums under the titles that sums have."""
    return [(SUM_TITLES[name], cells, limits, note) for name, cells, limits, note in rows]


def percent_rows(
    assessed: pd.DataFrame, usual: Mapping[str, Range], without_range: Collection[str] = ()
) -> list[FiguresRow]:
    """Return the rows of percentages: count, share, limits, and limits with errors, %."""
    return [
        (
            str(row["class"]),
            (
                str(int(row["count"])),
                *_share(row, "percent", "ci_low", "ci_high", 1),
                _limits(row, *WITH_ERRORS, 1) if set(WITH_ERRORS) <= set(row) else _DASH,
            ),
            None if row["class"] in without_range else usual.get(str(row["class"])),
            str(row["flag"]),
        )
        for row in rows_of(assessed)
    ]


def absolute_rows(
    assessed: pd.DataFrame,
    usual: Mapping[str, Range],
    counted: Collection[str],
    without_range: Collection[str] = (),
) -> list[FiguresRow]:
    """Return the rows of absolute counts and their limits, 10⁹/L, of the classes that count."""
    return [
        (
            str(row["class"]),
            _share(row, "absolute", "absolute_low", "absolute_high", 2),
            None if row["class"] in without_range else usual.get(str(row["class"])),
            str(row["absolute_flag"]),
        )
        for row in rows_of(assessed)
        if row["class"] in counted
    ]


def _share(row: Mapping[Any, Any], value: str, low: str, high: str, digits: int) -> tuple[str, str]:
    if math.isnan(row[value]):
        return _DASH, _DASH
    return decimal(f"{row[value]:.{digits}f}"), _limits(row, low, high, digits)


def _limits(row: Mapping[Any, Any], low: str, high: str, digits: int) -> str:
    if math.isnan(row[low]):
        return _DASH
    return decimal(f"{row[low]:.{digits}f} – {row[high]:.{digits}f}")


def describe_total(leukogram: pd.DataFrame | None, unclassified: int) -> str:
    """Say, as rich text, how many cells count and what else there is."""
    total = total_of(leukogram)
    parts = [tr_n("<b>n = {n}</b> leukocyte", "<b>n = {n}</b> leukocytes", total)]
    if leukogram is not None:
        parts += [
            tr("{cells}, not in the count", cells=counted(int(row["count"]), str(row["class"])))
            for row in rows_of(leukogram)
            if row["count"] and math.isnan(row["ci_low"])
        ]
    if unclassified:
        parts.append(tr("{n} unclassified", n=unclassified))
    return " · ".join(parts)


def describe_erythroblasts(found: PerHundred) -> str:
    """Say how many erythroblasts there are to 100 leukocytes; nothing if there are none."""
    if not found.count:
        return ""
    if math.isnan(found.per_100):
        return tr("Erythroblasts: {n}, beside no leukocytes", n=found.count)
    return tr(
        "Erythroblasts: <b>{share:.1f} per 100 leukocytes</b> (95 % limits {low:.1f} – {high:.1f})",
        share=found.per_100,
        low=found.ci_low,
        high=found.ci_high,
    )


def describe_cells_needed(leukogram: pd.DataFrame | None, name: str, percent: float) -> str:
    """Say whether enough cells were counted to decide if a class is above a share, in percent."""
    total = total_of(leukogram)
    cells, share = plural(name), decimal(f"{percent:g} %")
    if leukogram is None or not total:
        return "No cell has been counted yet."
    counts = dict(zip(leukogram["class"].tolist(), leukogram["count"].tolist(), strict=True))
    found = sum(int(counts.get(part, 0)) for part in (name, *PARTS.get(name, ())))
    now = decimal(f"{100 * found / total:.1f} %")
    needed = cells_needed(found, total, percent / 100)
    if needed == 0:
        where = later("above") if found > percent / 100 * total else later("below")
        return tr(
            "Yes: {cells}, now {now}, are {where} {share}.",
            cells=cells,
            now=now,
            where=tr(where),
            share=share,
        )
    if needed is None and found == percent / 100 * total:
        return tr(
            "No: {cells} are just at {share}, so that no number of cells decides it.",
            cells=cells,
            share=share,
        )
    if needed is None:
        return tr(
            "No: it takes more than {most} more cells, if {cells} stay at {now}.",
            most=MOST_CELLS,
            cells=cells,
            now=now,
        )
    more = tr_n("1 more cell", "{n} more cells", needed)
    return tr("No: it takes {more}, if {cells} stay at {now}.", more=more, cells=cells, now=now)


def counted(number: int, name: str) -> str:
    """Return a number of cells of a class, as in "2 smudge cells"."""
    return tr_count(number, name)


def describe_progress(total: int, target: int) -> str:
    """Say how much of the target was counted."""
    return tr("{total} of {target} cells", total=total, target=target)


def total_of(leukogram: pd.DataFrame | None) -> int:
    """Return how many cells count."""
    return 0 if leukogram is None or leukogram.empty else int(leukogram["total"].iloc[0])
