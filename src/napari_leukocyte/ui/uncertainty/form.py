"""The controls of *How sure*, and the table of the cells in them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QTableWidgetItem

from napari_leukocyte.language import tr
from napari_leukocyte.schema import LABEL
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.containers import Table
from napari_leukocyte.uncertainty.calibration import DEFAULT_LEVEL, LEVEL_RANGE
from napari_leukocyte.vocabulary import written

COLUMNS = ("Cell", "Class", "Set", "Unusual")
_SET, _UNUSUAL = 2, 3
#: Height of the table, px.
_HEIGHT = 198
#: Rows that are filled; a table widget gets slow with more, and nobody reads them.
MOST_ROWS = 2000
_NUMBER = Qt.ItemDataRole.UserRole


class UncertaintyForm:
    """The controls, from top to bottom.

    Attributes
    ----------
    sentence, quality, calibrated, bound : WrappedText
    check, recalibrate, forget, approve : QPushButton
    level : QSpinBox
        Percent.
    by_class : QCheckBox
    cells : CellsTable
    sections : tuple of Section
        What is hidden while there are no classified cells.
    """

    def __init__(self) -> None:
        self.sentence, self.quality, self.calibrated = build.text(), build.text(), build.text()
        self.bound = build.text()
        self.check = build.button(
            "Check again", "Compare image and cells with the classifier's training sets."
        )
        low, high = (round(100 * value) for value in LEVEL_RANGE)
        self.level = build.whole_number(
            low,
            high,
            round(100 * DEFAULT_LEVEL),
            unit=" %",
            tip="Share of cells, at least, whose set holds the true class.",
        )
        self.by_class = build.check(
            "for each class",
            "The level then holds for every class by itself. Rare classes stay in most sets.",
        )
        self.recalibrate = build.button(
            "Calibrate on reviewed cells",
            "Review about 25 cells of each class, at random or all of an image; cells that were "
            "approved in bulk take no part.",
        )
        self.forget = build.button(
            "Forget own cells", "Go back to the calibration that ships with the classifier."
        )
        self.approve = build.button(
            "Approve", "Confirm all cells with a single-class set, as one step to undo."
        )
        self.cells = CellsTable()
        self.sections = (
            build.section(
                "Is this image like the training images?", self.sentence, self.quality, self.check
            ),
            build.section(
                "How sure",
                ("Level", build.row(self.level, self.by_class, None)),
                self.calibrated,
                build.row(self.recalibrate, self.forget),
                self.cells,
                self.bound,
                self.approve,
            ),
        )


class CellsTable(Table):
    """Cells with their class, their set, and how unusual they are, the most unusual first."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, wide=_SET)
        self.setMinimumHeight(_HEIGHT)
        self.setSortingEnabled(True)
        # What needs a reader first.
        self.sortByColumn(_UNUSUAL, Qt.SortOrder.DescendingOrder)

    def show_cells(self, objects: pd.DataFrame, sets: pd.DataFrame, ood: pd.DataFrame) -> None:
        """Fill the table.

        Parameters
        ----------
        objects : pandas.DataFrame
            ``label``, ``class``, ``reviewed``.
        sets : pandas.DataFrame
            ``label`` and ``set``, see
            :func:`napari_leukocyte.uncertainty.approval.prediction_sets`.
        ood : pandas.DataFrame
            ``label``, ``ood_score``, ``wrong_share``.
        """
        joined = sets.merge(objects[[LABEL, "class", "reviewed"]], on=LABEL, how="inner")
        joined = joined.merge(ood, on=LABEL, how="left")
        if len(joined) > MOST_ROWS:
            order = joined["ood_score"].fillna(-1).to_numpy().argsort()[::-1]
            joined = joined.iloc[order[:MOST_ROWS]]
        blocked = self.blockSignals(True)
        self.setSortingEnabled(False)
        self.setRowCount(len(joined))
        columns = (LABEL, "class", "reviewed", "set", "ood_score", "wrong_share")
        rows = zip(*(joined[name].tolist() for name in columns), strict=True)
        for row, (label, said, reviewed, names, share, wrong) in enumerate(rows):
            known = np.isfinite(share)
            how = _Number(f"{100 * share:.0f} %" if known else "", share if known else -1.0)
            if np.isfinite(wrong):
                how.setToolTip(
                    tr(
                        "{wrong:.0f} % of cells as far from the training data were wrong on sets "
                        "left out of it.",
                        wrong=100 * wrong,
                    )
                )
            class_ = QTableWidgetItem(written(str(said)) + " ✓" * bool(reviewed))
            found = _Number(
                ", ".join(map(written, names)) if names else tr("none fits"),
                float(len(names) or 99),
            )
            found.setToolTip(found.text())
            for column, item in enumerate((_Number(str(label), label), class_, found, how)):
                self.setItem(row, column, item)
        self.setSortingEnabled(True)
        self.blockSignals(blocked)

    def chosen(self) -> list[int]:
        """Return the numbers of the objects in the selected rows."""
        model = self.selectionModel()
        rows = [] if model is None else [index.row() for index in model.selectedRows()]
        return [int(item.data(_NUMBER)) for r in rows if (item := self.item(r, 0)) is not None]

    def choose(self, labels: Collection[int]) -> None:
        """Select the rows of some objects, and show the first; nobody is told."""
        selection, cells = self.selectionModel(), self.model()
        if selection is None or cells is None or set(self.chosen()) == set(labels):
            return
        blocked = self.blockSignals(True)
        selection.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        first = True
        for row in range(self.rowCount()):
            item = self.item(row, 0)
            if item is not None and int(item.data(_NUMBER)) in labels:
                selection.select(cells.index(row, 0), flags)
                if first:
                    self.scrollToItem(item)
                first = False
        self.blockSignals(blocked)


class _Number(QTableWidgetItem):
    """An item that is sorted by a number."""

    def __init__(self, shown: str, value: float) -> None:
        super().__init__(shown)
        self.setData(_NUMBER, value)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return float(self.data(_NUMBER)) < float(other.data(_NUMBER))
