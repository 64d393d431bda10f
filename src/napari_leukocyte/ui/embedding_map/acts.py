"""Actions on the map: select, go to cells, find similar ones, give classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.embedding_map.neighbours import most_similar
from napari_leukocyte.language import tr
from napari_leukocyte.session.reviews import tidy
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.embedding_map.across_images import Pages, SmearField, Together
from napari_leukocyte.ui.embedding_map.form import CellMapForm
from napari_leukocyte.ui.embedding_map.shown import MapSource, ShownMap
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.open_smear import OpenSmear
from napari_leukocyte.ui.reader_name import reader_now
from napari_leukocyte.ui.review.field_opener import FieldOpener
from napari_leukocyte.ui.review.texts import cells as in_words
from napari_leukocyte.vocabulary import CellClass


class MapView(Protocol):
    """A view of a map of cells."""

    @property
    def shown(self) -> ShownMap | None:
        """The map that is shown."""

    @property
    def chosen_session(self) -> Session | None:
        """The session of the chosen image."""

    @property
    def smear(self) -> OpenSmear | None:
        """The smear whose cells are shown; None if they are those of images."""

    @property
    def classes(self) -> Sequence[CellClass]:
        """That can be given."""

    def update_now(self) -> None:
        """Show the cells as they are."""

    def show_selection(self) -> None:
        """Show which cells are selected."""


class Acts:
    """Turns clicks and keys into selections and commands of the sessions.

    Parameters
    ----------
    view : MapView
        Of the cells.
    form : CellMapForm
        Its controls.
    viewer : napari.Viewer
        In which cells are shown on their images.

    Attributes
    ----------
    selecting : bool
        Whether the sessions are being told of a selection one by one.
    """

    def __init__(self, view: MapView, form: CellMapForm, viewer: Any) -> None:
        self._view, self._form, self._viewer = view, form, viewer
        self._pages, self._together = Pages(viewer), Together()
        self._opener = FieldOpener(viewer, form)
        self.selecting = False
        form.similar.clicked.connect(lambda: self.find_similar())
        form.go.clicked.connect(lambda: self._go_to_selected())
        form.class_chosen.connect(self.classify)
        form.legend.chosen.connect(self._select_class)
        form.scatter.selected.connect(self.select)
        form.scatter.opened.connect(self.go_to)
        form.scatter.pressed_key.connect(self._on_key)
        form.outliers.picked.connect(self._pick)
        form.suspects.picked.connect(self._pick)

    def select(self, rows: list[int]) -> None:
        """Select the cells of these rows everywhere, and no others."""
        shown = self._view.shown
        if shown is None:
            return
        picks = shown.picks(rows)
        smear = self._view.smear
        self.selecting = True
        try:
            if smear is not None:
                smear.cells.select(_in_smear(picks))
            for session in shown.wanted.sessions:
                if isinstance(session, Session):
                    session.select(picks.get(session, []))
        finally:
            self.selecting = False
        self._view.show_selection()

    def selected_rows(self) -> list[int]:
        """Return the rows of the selected cells."""
        shown = self._view.shown
        return [] if shown is None else shown.selection().nonzero()[0].tolist()

    def find_similar(self) -> None:
        """Select, beside the selected cells, those most like them."""
        shown, rows = self._view.shown, self.selected_rows()
        if shown is not None and rows:
            number = self._form.number.value()
            found = most_similar(shown.map.cells.vectors, rows, number).tolist()
            self.select([*rows, *found])

    def classify(self, name: str) -> None:
        """Give the selected cells a class."""
        shown, rows = self._view.shown, self.selected_rows()
        if shown is None or not rows:
            return
        picks = shown.picks(rows)
        if self._classify(picks, name):
            self._viewer.status = f"{in_words(len(rows))}: {tr(name)}."
            self._view.update_now()

    def _classify(self, picks: Mapping[MapSource, Sequence[int]], name: str) -> bool:
        smear = self._view.smear
        if smear is None:
            sessions = {s: labels for s, labels in picks.items() if isinstance(s, Session)}
            return self._together.classify(sessions, name, reader_now())
        try:
            smear.cells.reader = tidy(reader_now())
            smear.cells.set_class(_in_smear(picks), name)
        except LeukocyteError as error:
            tell(error)
            return False
        return True

    def go_to(self, row: int) -> None:
        """Select a cell, and show it on its image; in a smear its field is opened."""
        shown = self._view.shown
        found = None if shown is None else shown.cell(row)
        if found is None:
            return
        session, cell = found
        self.select([row])
        smear = self._view.smear
        if isinstance(session, SmearField):
            if smear is not None:
                self._opener.go(smear, session.field, cell.place.label)
            return
        if session is not self._view.chosen_session:
            self._pages.activate(session)
        self._pages.show(session, cell.place)

    def step_back(self, *, again: bool = False) -> None:
        """Undo the last command, or do it again."""
        smear = self._view.smear
        if smear is None:
            self._together.step_back(self._view.chosen_session, again=again)
            return
        try:
            if again:
                smear.cells.redo()
            else:
                smear.cells.undo()
        except LeukocyteError as error:
            tell(error)

    def _go_to_selected(self) -> None:
        """Show the cell that the keys are at, or the first; the selection stays."""
        rows, current = self.selected_rows(), self._form.scatter.current
        if rows:
            self.go_to(rows[0] if current is None or current not in rows else current)
            self.select(rows)

    def _pick(self, rows: list[int]) -> None:
        if len(rows) == 1:
            self.go_to(rows[0])
        else:
            self.select(rows)

    def _select_class(self, name: str) -> None:
        shown = self._view.shown
        if shown is not None:
            self.select([i for i, known in enumerate(shown.names) if known == name])

    def _on_key(self, key: str) -> None:
        name = next((c.name for c in self._view.classes if c.key == key), None)
        if name is not None:
            self.classify(name)


def _in_smear(picks: Mapping[MapSource, Sequence[int]]) -> list[int]:
    """Return the numbers in the smear of cells of its fields."""
    fields = {s: labels for s, labels in picks.items() if isinstance(s, SmearField)}
    return [number for field, labels in fields.items() for number in field.numbers(labels)]
