"""The leukogram as a table and as a chart."""

from __future__ import annotations

import math
from typing import Any, cast

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES
from napari_leukocyte.widgets.classify.legend import swatch
from napari_leukocyte.widgets.classify.leukogram_chart import LeukogramChart
from napari_leukocyte.widgets.layers.objects_style import palette

_HEADERS = ("Class", "Count", "%", "95 % limits")


def leukogram_tsv(leukogram: pd.DataFrame) -> str:
    """Return a leukogram as text that a spreadsheet takes when it is pasted.

    Parameters
    ----------
    leukogram : pandas.DataFrame
        As from :func:`napari_leukocyte.counting.leukogram.count`.

    Returns
    -------
    str
        A line of column names and one for each class, tabs between, percentages with two decimals.
    """
    return str(leukogram.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.2f"))


class LeukogramView(QWidget):
    """Shows a leukogram: table, chart, what is not in it, and what it may be used for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, len(_HEADERS), self)
        self.table.setHorizontalHeaderLabels(list(_HEADERS))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setShowGrid(False)
        vertical = cast(QHeaderView, self.table.verticalHeader())
        horizontal = cast(QHeaderView, self.table.horizontalHeader())
        vertical.hide()
        vertical.setDefaultSectionSize(22)
        horizontal.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        horizontal.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        horizontal.setSectionsClickable(False)
        self.chart = LeukogramChart(self)
        self.summary = QLabel(self)
        self.summary.setWordWrap(True)
        disclaimer = QLabel(DISCLAIMER, self)
        disclaimer.setWordWrap(True)
        font = disclaimer.font()
        font.setItalic(True)
        disclaimer.setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.table, self.chart, self.summary, disclaimer):
            layout.addWidget(widget)
        self._leukogram: pd.DataFrame | None = None
        self.show_leukogram(None, 0)

    @property
    def leukogram(self) -> pd.DataFrame | None:
        """What is shown; None before there is anything to count."""
        return self._leukogram

    def show_leukogram(self, leukogram: pd.DataFrame | None, unclassified: int) -> None:
        """Show a leukogram.

        Parameters
        ----------
        leukogram : pandas.DataFrame or None
            As from :func:`napari_leukocyte.counting.leukogram.count`.
        unclassified : int
            Number of objects without a class.
        """
        self._leukogram = leukogram
        rows = [] if leukogram is None else leukogram.to_dict("records")
        self.table.setVisible(bool(rows))
        self.table.setRowCount(len(rows))
        colors = palette(str(row["class"]) for row in rows)
        for i, row in enumerate(rows):
            name = str(row["class"])
            cells = (name, str(int(row["count"])), *_percentages(row))
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                else:
                    item.setIcon(swatch(colors[name]))
                self.table.setItem(i, column, item)
        self._fit_table()
        self.chart.show_leukogram(leukogram)
        self.summary.setText(_summary(leukogram, unclassified))

    def copy(self) -> None:
        """Put the leukogram on the clipboard."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None and self._leukogram is not None:
            clipboard.setText(leukogram_tsv(self._leukogram))

    def _fit_table(self) -> None:
        """Make the table just as high as its rows; it is never long."""
        header = cast(QHeaderView, self.table.horizontalHeader())
        rows = sum(self.table.rowHeight(i) for i in range(self.table.rowCount()))
        frame = 2 * self.table.frameWidth()
        self.table.setFixedHeight(header.sizeHint().height() + rows + frame + 2)


def _percentages(row: dict[Any, Any]) -> tuple[str, str]:
    if math.isnan(row["percent"]):
        return "–", "–"
    return f"{row['percent']:.1f}", f"{row['ci_low']:.1f} – {row['ci_high']:.1f}"


def _summary(leukogram: pd.DataFrame | None, unclassified: int) -> str:
    total = 0 if leukogram is None or leukogram.empty else int(leukogram["total"].iloc[0])
    parts = [f"<b>n = {total}</b> leukocyte{'' if total == 1 else 's'}"]
    if leukogram is not None:
        for name, number in zip(leukogram["class"], leukogram["count"], strict=True):
            if name not in LEUKOCYTE_NAMES:
                parts.append(f"{number} {name}, not in the count")
    if unclassified:
        parts.append(f"{unclassified} unclassified")
    return " · ".join(parts)
