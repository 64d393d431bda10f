"""The table of the cells: class, prediction set and out-of-distribution score."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QTableWidget, QTableWidgetItem

#: Rows that are filled; a table widget gets slow with more, and nobody reads them.
MOST_ROWS = 2000
_NUMBER = Qt.ItemDataRole.UserRole


class _Number(QTableWidgetItem):
    """An item that is sorted by a number."""

    def __init__(self, shown: str, value: float) -> None:
        super().__init__(shown)
        self.setData(_NUMBER, value)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return float(self.data(_NUMBER)) < float(other.data(_NUMBER))


def show_cells(
    table: QTableWidget, objects: pd.DataFrame, sets: pd.DataFrame, ood: pd.DataFrame
) -> None:
    """Fill the table.

    Parameters
    ----------
    table : QTableWidget
        Of four columns.
    objects : pandas.DataFrame
        ``label``, ``class``, ``reviewed``.
    sets : pandas.DataFrame
        ``label`` and ``set``, see
        :func:`napari_leukocyte.uncertainty.approval.prediction_sets`.
    ood : pandas.DataFrame
        ``label``, ``ood_score``, ``wrong_share``.
    """
    joined = sets.merge(objects[["label", "class", "reviewed"]], on="label", how="inner")
    joined = joined.merge(ood, on="label", how="left")
    if len(joined) > MOST_ROWS:
        order = joined["ood_score"].fillna(-1).to_numpy().argsort()[::-1]
        joined = joined.iloc[order[:MOST_ROWS]]
    blocked = table.blockSignals(True)
    table.setSortingEnabled(False)
    table.setRowCount(len(joined))
    columns = ("label", "class", "reviewed", "set", "ood_score", "wrong_share")
    rows = zip(*(joined[name].tolist() for name in columns), strict=True)
    for row, (label, said, reviewed, names, share, wrong) in enumerate(rows):
        known = np.isfinite(share)
        how = _Number(f"{100 * share:.0f} %" if known else "", share if known else -1.0)
        if np.isfinite(wrong):
            how.setToolTip(
                f"{100 * wrong:.0f} % of cells as far out were wrong on sets left out of training."
            )
        class_ = QTableWidgetItem(f"{said} ✓" if reviewed else str(said))
        found = _Number(", ".join(names) if names else "none fits", float(len(names) or 99))
        found.setToolTip(found.text())
        for column, item in enumerate((_Number(str(label), label), class_, found, how)):
            table.setItem(row, column, item)
    table.setSortingEnabled(True)
    table.blockSignals(blocked)


def chosen_cells(table: QTableWidget) -> list[int]:
    """Return the numbers of the objects in the selected rows."""
    model = table.selectionModel()
    rows = [] if model is None else [index.row() for index in model.selectedRows()]
    return [int(item.data(_NUMBER)) for r in rows if (item := table.item(r, 0)) is not None]


def choose_cells(table: QTableWidget, labels: Collection[int]) -> None:
    """Select the rows of some objects, and show the first."""
    model = table.selectionModel()
    if model is None or set(chosen_cells(table)) == set(labels):
        return
    blocked = table.blockSignals(True)
    model.clearSelection()
    first = True
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for row in range(table.rowCount()):
        item = table.item(row, 0)
        if item is not None and int(item.data(_NUMBER)) in labels:
            model.select(table.model().index(row, 0), flags)  # type: ignore[union-attr]
            if first:
                table.scrollToItem(item)
                first = False
    table.blockSignals(blocked)
