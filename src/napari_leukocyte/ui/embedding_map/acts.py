"""Actions on the map: select, go to cells, find similar ones, give classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_leukocyte.interpretation.embedding_map.neighbours import most_similar
from napari_leukocyte.ui.embedding_map.across_images import Pages, Together
from napari_leukocyte.ui.reader_name import reader_now
from napari_leukocyte.ui.review.texts import cells as in_words
from napari_leukocyte.ui.undo import install_undo

if TYPE_CHECKING:
    from napari_leukocyte.ui.embedding_map.widget import CellMapWidget


class Acts:
    """Turns clicks and keys into selections and commands of the sessions.

    Parameters
    ----------
    widget : CellMapWidget
        In which it happens.

    Attributes
    ----------
    selecting : bool
        Whether the sessions are being told of a selection one by one.
    """

    def __init__(self, widget: CellMapWidget) -> None:
        self._widget = widget
        self._pages, self._together = Pages(widget.viewer), Together()
        self.selecting = False

    def connect_form(self) -> None:
        """Listen to what the user does."""
        form = self._widget.form
        form.similar.clicked.connect(lambda: self.find_similar())
        form.go.clicked.connect(lambda: self._go_to_selected())
        form.class_chosen.connect(self.classify)
        form.legend.chosen.connect(self._select_class)
        form.scatter.selected.connect(self.select)
        form.scatter.opened.connect(self.go_to)
        form.scatter.pressed_key.connect(self._on_key)
        form.outliers.picked.connect(self._pick)
        form.suspects.picked.connect(self._pick)
        for shortcut, again in zip(
            install_undo(self._widget, lambda: None), (False, True), strict=True
        ):
            shortcut.activated.connect(lambda a=again: self.step_back(again=a))

    def select(self, rows: list[int]) -> None:
        """Select the cells of these rows everywhere, and no others."""
        shown = self._widget.shown
        if shown is None:
            return
        picks = shown.picks(rows)
        self.selecting = True
        try:
            for session in shown.wanted.sessions:
                session.select(picks.get(session, []))
        finally:
            self.selecting = False
        self._widget.show_selection()

    def selected_rows(self) -> list[int]:
        """Return the rows of the selected cells."""
        shown = self._widget.shown
        return [] if shown is None else shown.selection().nonzero()[0].tolist()

    def find_similar(self) -> None:
        """Select, beside the selected cells, those most like them."""
        shown, rows = self._widget.shown, self.selected_rows()
        if shown is not None and rows:
            number = self._widget.form.number.value()
            found = most_similar(shown.map.cells.vectors, rows, number).tolist()
            self.select([*rows, *found])

    def classify(self, name: str) -> None:
        """Give the selected cells a class."""
        shown, rows = self._widget.shown, self.selected_rows()
        if shown is None or not rows:
            return
        if self._together.classify(shown.picks(rows), name, reader_now()):
            self._widget.viewer.status = f"{in_words(len(rows))}: {name}."
            self._widget.update_now()

    def go_to(self, row: int) -> None:
        """Select a cell, and show it on its image."""
        shown = self._widget.shown
        found = None if shown is None else shown.cell(row)
        if found is None:
            return
        session, cell = found
        self.select([row])
        if session is not self._widget.chosen_session:
            self._pages.activate(session)
        self._pages.show(session, cell.place)

    def step_back(self, *, again: bool = False) -> None:
        """Undo the last command, or do it again."""
        self._together.step_back(self._widget.chosen_session, again=again)

    def _go_to_selected(self) -> None:
        """Show the cell that the keys are at, or the first; the selection stays."""
        rows, current = self.selected_rows(), self._widget.form.scatter.current
        if rows:
            self.go_to(rows[0] if current is None or current not in rows else current)
            self.select(rows)

    def _pick(self, rows: list[int]) -> None:
        if len(rows) == 1:
            self.go_to(rows[0])
        else:
            self.select(rows)

    def _select_class(self, name: str) -> None:
        shown = self._widget.shown
        if shown is not None:
            self.select([i for i, known in enumerate(shown.names) if known == name])

    def _on_key(self, key: str) -> None:
        name = next((c.name for c in self._widget.classes if c.key == key), None)
        if name is not None:
            self.classify(name)
