"""The cells of a whole smear as one list: looked at, and reviewed, whichever field is open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
import pandas as pd
from psygnal import Signal

from napari_leukocyte.analysis.smear.command_history import CellCommand, CellPlace, CommandHistory
from napari_leukocyte.analysis.smear.field_tables import FieldTables, Tables, no_cells
from napari_leukocyte.analysis.smear.reading import hold_reviews
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.counting.settings import not_counted
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.language import later
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL, probabilities_of
from napari_leukocyte.session.predictions import Uncertainty, review_order
from napari_leukocyte.session.reviews import Review
from napari_leukocyte.session.session import Session


class SmearCells:
    """The cells of all fields of a smear, numbered once, with what can be said of them.

    What is said of a cell is written into the journal of its field before the call returns; a field
    whose session is open gets it through that session, so that its views follow. Reading is done
    in `read`, which may run in a thread; all else belongs into one thread.

    Parameters
    ----------
    smear : Smear
        Whose fields.

    Attributes
    ----------
    reader : str
        Who works here; written into reviews.
    fields : FieldTables
        Where the tables of the fields come from.
    history : CommandHistory
        What was said through this list.
    """

    #: Emitted with the numbers of the cells of which something else is said now, or with None.
    table_changed = Signal(object)
    selection_changed = Signal()

    def __init__(self, smear: Smear) -> None:
        self.smear = smear
        self.reader = ""
        self.fields = FieldTables(smear)
        self.history = CommandHistory()
        self._tables: dict[int, pd.DataFrame] = {}
        self._numbers: dict[CellPlace, int] = {}
        self._places: dict[int, CellPlace] = {}
        self._selection: frozenset[int] = frozenset()
        self._joined: pd.DataFrame | None = None
        self._revision = 0

    def read(
        self, progress: Progress = silent, deliver: Callable[[Tables], object] | None = None
    ) -> Tables:
        """Read the tables that have changed, for `take`; see :meth:`FieldTables.read`."""
        return self.fields.read(progress, deliver)

    def take(self, tables: Tables) -> None:
        """Show tables that `read` has found."""
        for field, table in tables.items():
            self._tables[field] = self.fields.take(field, table)
        gone = set(self._tables) - set(self.smear.counted())
        for field in gone:
            del self._tables[field]
        if tables or gone:
            self._changed(None)

    def refresh(self, field: int) -> None:
        """Show what a field's own session, or its journal, says now."""
        self._tables[field] = self.fields.refresh(field)
        self._changed(None)

    # -- the cells --------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """A number that grows with every change."""
        return self._revision

    def __len__(self) -> int:
        return len(self.table())

    def table(self) -> pd.DataFrame:
        """Return the cells of all fields.

        Returns
        -------
        pandas.DataFrame
            The columns of :meth:`napari_leukocyte.session.session.Session.table`; ``label`` is the
            cell's number in the smear, which stays the same while this object lives. Then
            ``field``, the index of its field, and ``label_in_field``.
        """
        if self._joined is None:
            some = {f: t for f, t in sorted(self._tables.items()) if len(t)}
            joined = pd.concat(list(some.values()) or [no_cells()], ignore_index=True)
            labels = joined[LABEL].to_numpy()
            fields = np.repeat(np.array(list(some), np.int64), [len(t) for t in some.values()])
            places = zip(fields.tolist(), labels.tolist(), strict=True)
            numbers = np.array([self._number(CellPlace(f, n)) for f, n in places], np.int64)
            self._joined = joined.assign(label=numbers, field=fields, label_in_field=labels)
        return self._joined.copy(deep=False)

    def field_table(self, field: int) -> pd.DataFrame:
        """Return the cells of a field, by their numbers there; without rows if none are known."""
        found = self._tables.get(field)
        return no_cells() if found is None else found

    def place(self, number: int) -> CellPlace:
        """Return where a cell is; raises KeyError if there never was one of this number."""
        return self._places[number]

    def number(self, field: int, label: int) -> int:
        """Return the number in the smear of a field's cell."""
        return self._number(CellPlace(field, label))

    def _number(self, place: CellPlace) -> int:
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self._numbers) + 1
            self._places[number] = place
        return number

    def review_order(self, counted: Collection[str] | None = None) -> list[int]:
        """List the cells that are not reviewed, first what would change the smear's count most.

        See :func:`napari_leukocyte.session.predictions.review_order`.
        """
        table = self.table()
        labels = table[LABEL].to_numpy()
        waiting = ~table["reviewed"].to_numpy(bool)
        unknown = table["class"].isna().to_numpy()
        guessed = table[table["predicted"].notna()].set_index(LABEL)
        columns = probabilities_of(guessed)
        said = guessed[["confidence", *columns]].assign(**{"class": guessed["predicted"]})
        return review_order(
            Uncertainty.of(said) if len(said) else None,
            count_classes(table),
            labels[waiting],
            labels[waiting & unknown].tolist(),
            not_counted(counted),
        )

    @property
    def selection(self) -> frozenset[int]:
        """Numbers of the selected cells."""
        return self._selection

    def select(self, numbers: Iterable[int]) -> None:
        """Select cells; those that do not exist are passed over."""
        chosen = frozenset(int(n) for n in numbers) & self._places.keys()
        if chosen != self._selection:
            self._selection = frozenset(chosen)
            self.selection_changed.emit()

    # -- what is said of them ---------------------------------------------------------------

    def set_class(self, labels: Iterable[int], name: str) -> None:
        """Give cells a class; see `Session.set_class`.

        Raises
        ------
        ParameterError, OutputError, SessionInUse
            If it can't be said of all of them; then it is said of none.
        """
        self._say(
            labels,
            lambda s, own: s.set_class(own, name),
            later("Classify as {name}", name=later(name)),
        )

    def clear_class(self, labels: Iterable[int]) -> None:
        """Take back what the reader said of classes; see `set_class` for what is raised."""
        self._say(labels, lambda s, own: s.clear_class(own), later("Take the class back"))

    def approve(self, labels: Iterable[int], note: str = "") -> None:
        """Confirm the classes of cells; see `set_class` for what is raised."""
        self._say(labels, lambda s, own: s.approve(own, note), later("Confirm"))

    def set_flag(self, labels: Iterable[int], flag: str, on: bool = True) -> None:
        """Flag cells, or take the flag away; see `set_class` for what is raised."""
        self._say(
            labels,
            lambda s, own: s.set_flag(own, flag, on),
            later("Flag: {flag}", flag=later(flag)),
        )

    def set_note(self, label: int, text: str) -> None:
        """Note something of a cell; see `set_class` for what is raised."""
        self._say([label], lambda s, own: s.set_note(own[0], text), later("Note"))

    def _by_field(self, numbers: Iterable[int]) -> dict[int, list[int]]:
        fields: dict[int, list[int]] = {}
        for number in numbers:
            place = self._places.get(int(number))
            if place is None:
                raise ParameterError("There is no cell {number} in the smear.", number=number)
            fields.setdefault(place.field, []).append(place.label)
        return fields

    def _say(
        self,
        numbers: Iterable[int],
        command: Callable[[Session, Sequence[int]], object],
        what: str,
    ) -> None:
        fields = self._by_field(numbers)
        before: dict[int, dict[int, Review | None]] = {}
        after: dict[int, dict[int, Review | None]] = {}

        def act(field: int, session: Session) -> None:
            labels = fields[field]
            session.reader = self.reader or session.reader
            old = {n: session.reviews.get(n) for n in labels}
            command(session, labels)
            before[field], after[field] = old, {n: session.reviews.get(n) for n in labels}

        self._in_fields(list(fields), act, lambda field, s: s.restore_reviews(before[field], what))
        if before != after:
            self.history.note(CellCommand(what, before, after))

    @property
    def undo_text(self) -> str:
        """What `undo` would take back; empty if there is nothing."""
        return self.history.undo_text

    @property
    def redo_text(self) -> str:
        """What `redo` would say again; empty if there is nothing."""
        return self.history.redo_text

    def undo(self) -> frozenset[int]:
        """Take back what was said last through this list; return the cells that it was about.

        Raises
        ------
        ParameterError
            If something else was said of one of them since.
        """
        return self.history.undo(self._step)

    def redo(self) -> frozenset[int]:
        """Say again what was taken back last; see `undo`."""
        return self.history.redo(self._step)

    def _step(self, command: CellCommand, back: bool) -> frozenset[int]:
        now, then = (command.after, command.before) if back else (command.before, command.after)
        did = later("Undo “{what}”", what=command.what)
        if not back:
            did = later("Redo “{what}”", what=command.what)

        def act(field: int, session: Session) -> None:
            if any(session.reviews.get(n) != review for n, review in now[field].items()):
                raise ParameterError(
                    "This can't be undone here: the cell was changed again afterwards."
                )
            session.restore_reviews(then[field], did)

        self._in_fields(list(now), act, lambda field, s: s.restore_reviews(now[field], did))
        return frozenset(self.number(f, n) for f, labels in now.items() for n in labels)

    def _in_fields(
        self,
        fields: Sequence[int],
        act: Callable[[int, Session], object],
        take_back: Callable[[int, Session], object],
    ) -> None:
        """Do something in every field's session, or in none if one of them fails."""
        done: list[int] = []
        try:
            for field in fields:
                self._in_field(field, act)
                done.append(field)
        except LeukocyteError:
            for field in done:
                self._in_field(field, take_back)
            raise
        finally:
            for field in fields:
                self._tables[field] = self.fields.refresh(field)
            self._changed(
                frozenset(self.number(f, int(n)) for f in fields for n in self._tables[f][LABEL])
            )

    def _in_field(self, field: int, act: Callable[[int, Session], object]) -> None:
        session = self.fields.open_session(field)
        if session is not None:
            act(field, session)
            return
        with hold_reviews(self.smear.state(field).key, self.smear.paths[field].name) as held:
            act(field, held)

    def _changed(self, numbers: frozenset[int] | None) -> None:
        self._joined = None
        self._revision += 1
        self.table_changed.emit(numbers)
