"""The controls of *Map of the cells*, and the lists of cells in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qtpy.QtCore import QItemSelectionModel, QObject
from qtpy.QtWidgets import QMenu

from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.containers import Table
from napari_leukocyte.ui.controls.inputs import choice_box, swatch
from napari_leukocyte.ui.embedding_map.marks import MapLegend
from napari_leukocyte.ui.embedding_map.scatter import Scatter
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import CellClass

HERE, EVERYWHERE, SMEAR = "this", "all", "smear"
_TITLES = {"outliers": "Unlike the others", "suspects": "Class doubtful"}
_HOW = (
    "<p>Draw a loop around cells, or click one; Shift adds. The wheel zooms, the right button "
    "moves, a double click goes to the cell. Keys: arrows, Ctrl+A, Esc, Return, +, -, 0, and those "
    "of the classes.</p>"
)
#: Rows that are filled: nobody reads more.
MOST_ROWS = 500
#: Height of the map at least, px.
_MAP_HEIGHT = 300
_Flag = QItemSelectionModel.SelectionFlag


class CellMapForm(QObject):
    """The controls, from top to bottom.

    Attributes
    ----------
    scope : QComboBox
        Its data are `HERE`, `EVERYWHERE` and, with a smear open, `SMEAR`.
    go, similar, anew : QPushButton
    summary : WrappedText
    scatter : Scatter
    legend : MapLegend
    classify : QPushButton
        With a menu of classes.
    number : QSpinBox
        How many similar cells.
    outliers, suspects : CellList
    said : dict of str to WrappedText
        What is said instead of a list.
    """

    #: A class was chosen for the selected cells.
    class_chosen = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scope = build.tipped(
            choice_box({HERE: "This image", EVERYWHERE: "All open images"}),
            "Whose cells the map shows: images that have been segmented.",
        )
        self.scatter = Scatter()
        self.scatter.setMinimumHeight(_MAP_HEIGHT)
        self.scatter.setAccessibleDescription(tr("No cells"))
        self.legend, self.summary, self.how = MapLegend(), build.text(), build.text(_HOW)
        self.classify = build.button(
            "Classify as", "Give the selected cells a class, as one step to undo."
        )
        self._classes = QMenu(self.classify)
        self.classify.setMenu(self._classes)
        self.go = build.button("Show on image", "Bring the selected cell to the middle.")
        self.similar = build.button(
            "Find similar", "Also select the cells most like those selected."
        )
        self.number = build.whole_number(1, 500, 10, tip="How many similar cells are selected.")
        self.number.setAccessibleName(tr("Number of similar cells"))
        self.anew = build.button(
            "Recompute layout",
            "Lay all cells out together; cells that came later get better places.",
        )
        self.outliers = CellList(("Cell", "Class", "Distance"), "Cells unlike the others")
        self.suspects = CellList(("Cell", "Class", "Rather", "Belief"), "Doubtful classes")
        self.said = {name: build.text() for name in _TITLES}
        self._lists = {
            "outliers": build.section("", self.said["outliers"], self.outliers),
            "suspects": build.section("", self.said["suspects"], self.suspects),
        }
        self.body: list[build.Item] = [
            self.scatter,
            self.legend,
            self.summary,
            build.row(self.classify, self.go, self.anew, None),
            build.row(self.similar, self.number, None),
            *self._lists.values(),
            self.how,
        ]

    def offer_smear(self, there: bool) -> None:
        """Offer the cells of a whole smear, or no longer."""
        index = self.scope.findData(SMEAR)
        if there and index < 0:
            self.scope.addItem(tr("Whole smear"), SMEAR)
        elif not there and index >= 0:
            self.scope.removeItem(index)

    def set_classes(self, classes: Sequence[CellClass]) -> None:
        """Offer these classes."""
        self._classes.clear()
        for each in classes:
            key = f"\t{each.key.upper()}" if each.key else ""
            action = self._classes.addAction(
                swatch(each.color), f"{tr(each.name).capitalize()}{key}"
            )
            if action is not None:
                action.triggered.connect(lambda _=False, n=each.name: self.class_chosen.emit(n))
        self.scatter.keys = frozenset(c.key for c in classes if c.key)

    def show_map(self, shown: bool) -> None:
        """Show the map and all that belongs to it, or none of it."""
        buttons = (self.classify, self.go, self.similar, self.number, self.anew)
        texts = (self.legend, self.summary, self.how)
        build.show_only([self.scatter, *texts, *buttons, *self._lists.values()], shown)

    def show_list(self, name: str, number: int | None, said: str) -> None:
        """Say how many there are in a list, and something above it."""
        count = "" if number is None else f" ({number})"
        self._lists[name].heading.setText(f"{tr(_TITLES[name])}{count}")
        self.said[name].setText(said)
        self.said[name].setVisible(bool(said))


class CellList(Table):
    """Rows of a map's cells that are worth a look.

    Parameters
    ----------
    titles : sequence of str
        Of the columns.
    name : str
        For those who hear the window.
    """

    #: Emitted with the rows of the map that the user has selected here.
    picked = Signal(list)

    def __init__(self, titles: Sequence[str], name: str) -> None:
        super().__init__(titles, least=2, most=7, wide=0)
        self.setAccessibleName(tr(name))
        self.setTabKeyNavigation(False)  # the tabulator leaves it
        self._cells: list[int] = []
        self.itemSelectionChanged.connect(lambda: self.picked.emit(self.picked_cells()))

    def show_cells(self, cells: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Show cells: the row on the map, and what stands in the columns."""
        shown = cells[:MOST_ROWS]
        blocked = self.blockSignals(True)
        self.clearSelection()
        self._cells = [cell for cell, _ in shown]
        self.show_rows([texts for _, texts in shown])
        self.blockSignals(blocked)
        self.setVisible(bool(shown))

    def cells(self) -> list[int]:
        """Return the map's rows of all that are listed."""
        return list(self._cells)

    def picked_cells(self) -> list[int]:
        """Return the map's rows of those selected."""
        model = self.selectionModel()
        return [] if model is None else [self._cells[i.row()] for i in model.selectedRows()]

    def pick(self, cells: Collection[int]) -> None:
        """Select those of some cells that are listed; nothing is emitted."""
        model, content = self.selectionModel(), self.model()
        wanted = set(self._cells) & set(cells)
        if model is None or content is None or set(self.picked_cells()) == wanted:
            return
        blocked = self.blockSignals(True)
        model.clearSelection()
        for row, cell in enumerate(self._cells):
            if cell in wanted:
                model.select(content.index(row, 0), _Flag.Select | _Flag.Rows)
        self.blockSignals(blocked)
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()
