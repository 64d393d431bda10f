"""The cells of a whole smear as one list: looked at, and reviewed, whichever field is open."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from psygnal import Signal

from napari_leukocyte.analysis.smear.persistence import KeptCells, Stamp, read_cells, write_cells
from napari_leukocyte.analysis.smear.reading import hold_reviews
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.counting.settings import not_counted
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.gallery.cells import mask_predictions
from napari_leukocyte.language import later
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL, probabilities_of
from napari_leukocyte.session.blinding import FILE_NAME as BLIND
from napari_leukocyte.session.blinding import hidden_in
from napari_leukocyte.session.objects import object_table
from napari_leukocyte.session.predictions import Uncertainty, review_order
from napari_leukocyte.session.restoring import JOURNAL, restore, sessions_folder
from napari_leukocyte.session.reviews import Review
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import open_here

#: With so many fields read anew, the file that spares the next opening that is written again.
_WORTH_KEEPING = 20
#: What was read is delivered for the first time after so long, s; then after twice as long, and so
#: on: each time everything is arranged anew.
_FIRST_DELIVERY = 0.3
#: By field; None for one whose session is open.
Tables: TypeAlias = Mapping[int, pd.DataFrame | None]


@dataclass(frozen=True)
class CellPlace:
    """The place of a cell in a smear.

    Attributes
    ----------
    field : int
        Index of its field.
    label : int
        Its number there.
    """

    field: int
    label: int


@dataclass(frozen=True, eq=False)
class _Command:
    """A command: the reviews before and after it, so that it can be taken back.

    Attributes
    ----------
    what : str
        As it is shown behind *Undo*.
    before, after : mapping of int to mapping
        By field: the reviews of the cells that it was about, None where there was none.
    """

    what: str
    before: Mapping[int, Mapping[int, Review | None]]
    after: Mapping[int, Mapping[int, Review | None]]


@dataclass(frozen=True, eq=False)
class _Taken:
    """A command that made cells of candidates.

    Attributes
    ----------
    what : str
        As it is shown behind *Undo*.
    cells : tuple of CellPlace
        They.
    """

    what: str
    cells: tuple[CellPlace, ...]


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
    """

    #: Emitted with the numbers of the cells of which something else is said now, or with None.
    table_changed = Signal(object)
    selection_changed = Signal()

    def __init__(self, smear: Smear) -> None:
        self.smear = smear
        self.reader = ""
        self._tables: dict[int, pd.DataFrame] = {}
        self._stamps: dict[int, Stamp] = {}
        # What `read` has seen of fields before it read them, and what is in the file.
        self._seen: dict[int, Stamp] = {}
        self._kept: dict[str, KeptCells] | None = None
        self._newly_read = 0
        self._numbers: dict[CellPlace, int] = {}
        self._places: dict[int, CellPlace] = {}
        self._selection: frozenset[int] = frozenset()
        self._done: list[_Command | _Taken] = []
        self._undone: list[_Command] = []
        self._joined: pd.DataFrame | None = None
        self._revision = 0

    # -- reading ----------------------------------------------------------------------------

    def read(
        self, progress: Progress = silent, deliver: Callable[[Tables], object] | None = None
    ) -> Tables:
        """Read the tables of the fields whose journal has changed; give them to `take`.

        Parameters
        ----------
        progress : callable
            Called before each field; it may raise :class:`~napari_leukocyte.errors.Cancelled`.
        deliver : callable
            Called with what was read so far and not delivered yet, soon and then ever more rarely,
            so that something can be shown while thousands of cells are read.

        Returns
        -------
        mapping of int to pandas.DataFrame or None
            What was not delivered, by field: as from
            :meth:`napari_leukocyte.session.session.Session.table`, masked where a blind read hides
            what the model said. Fields that can't be read have no rows. None for a field whose
            session is open, which belongs to the thread of its views.
        """
        found: dict[int, pd.DataFrame | None] = {}
        fields = self.smear.counted()
        if self._kept is None:
            self._kept = read_cells(self.smear.cells_file)
        wait = _FIRST_DELIVERY
        due = time.monotonic() + wait
        for number, field in enumerate(fields):
            progress(number, len(fields), "Reading cells")
            stamp = self.stamp(field)
            if field not in self._stamps or stamp != self._stamps[field]:
                # Before it is read: what changes meanwhile is seen the next time.
                self._seen[field] = stamp
                is_open = self._open_session(field) is not None
                found[field] = None if is_open else self._recall(field, stamp, self._kept)
            if deliver is not None and found and time.monotonic() > due:
                deliver(found)
                found, wait = {}, 2 * wait
                due = time.monotonic() + wait
        if self._newly_read >= min(_WORTH_KEEPING, len(fields)):
            self._newly_read = 0
            keys = [self.smear.state(field).key for field in fields]
            write_cells(self.smear.cells_file, {k: self._kept[k] for k in keys if k in self._kept})
        return found

    def _recall(self, field: int, stamp: Stamp, kept: dict[str, KeptCells]) -> pd.DataFrame:
        """Return what is kept of a field that nobody has open, if it is still so; else read it."""
        key = self.smear.state(field).key
        known = kept.get(key)
        if known is None or known.stamp != stamp:
            known = KeptCells(stamp, _table_on_disk(self._folder(field)))
            if key:  # the field has been looked at
                kept[key] = known
                self._newly_read += 1
        return known.table

    def take(self, tables: Tables) -> None:
        """Show tables that `read` has found."""
        for field, table in tables.items():
            seen = self._seen.pop(field, None)
            self._stamps[field] = self.stamp(field) if table is None or seen is None else seen
            self._tables[field] = self._read(field) if table is None else table
        gone = set(self._tables) - set(self.smear.counted())
        for field in gone:
            del self._tables[field]
        if tables or gone:
            self._changed(None)

    def refresh(self, field: int) -> None:
        """Show what a field's own session, or its journal, says now."""
        self._seen[field] = self.stamp(field)
        self.take({field: self._read(field)})

    def _read(self, field: int) -> pd.DataFrame:
        session = self._open_session(field)
        return _table_on_disk(self._folder(field)) if session is None else session.shown_table()

    def _folder(self, field: int) -> Path:
        return sessions_folder() / self.smear.state(field).key

    def stamp(self, field: int) -> Stamp:
        """Return the time and size of a field's journal and of its blind read."""
        return tuple(_stamp(self._folder(field) / name) for name in (JOURNAL, BLIND))

    def _open_session(self, field: int) -> Session | None:
        key = self.smear.state(field).key
        return open_here(key) if key else None

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
            joined = pd.concat(list(some.values()) or [_no_cells()], ignore_index=True)
            labels = joined[LABEL].to_numpy()
            fields = np.repeat(np.array(list(some), np.int64), [len(t) for t in some.values()])
            places = zip(fields.tolist(), labels.tolist(), strict=True)
            numbers = np.array([self._number(CellPlace(f, n)) for f, n in places], np.int64)
            self._joined = joined.assign(label=numbers, field=fields, label_in_field=labels)
        return self._joined.copy(deep=False)

    def field_table(self, field: int) -> pd.DataFrame:
        """Return the cells of a field, by their numbers there; without rows if none are known."""
        found = self._tables.get(field)
        return _no_cells() if found is None else found

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

    @property
    def undo_text(self) -> str:
        """What `undo` would take back; empty if there is nothing."""
        return self._done[-1].what if self._done else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again; empty if there is nothing."""
        return self._undone[-1].what if self._undone else ""

    @property
    def taken_last(self) -> tuple[CellPlace, ...]:
        """The cells that are to be candidates again before `undo` can take back anything else.

        See :meth:`napari_leukocyte.analysis.smear.candidates.SmearCandidates.give_back`.
        """
        last = self._done[-1] if self._done else None
        return last.cells if isinstance(last, _Taken) else ()

    def note_taken(self, places: Iterable[tuple[int, int]]) -> None:
        """Note that candidates were made cells, by field and number there: a command of its own."""
        cells = tuple(CellPlace(*place) for place in places)
        if cells:
            self._done.append(_Taken(later("Take a candidate"), cells))
            self._undone.clear()

    def note_given_back(self) -> None:
        """Note that the cells of `taken_last` are candidates again; that can't be done again."""
        if self.taken_last:
            self._done.pop()
            self._undone.clear()

    def undo(self) -> frozenset[int]:
        """Take back what was said last through this list; return the cells that it was about.

        Nothing is taken back while there are cells in `taken_last`.

        Raises
        ------
        ParameterError
            If something else was said of one of them since.
        """
        command = self._done[-1] if self._done else None
        if not isinstance(command, _Command):
            return frozenset()
        changed = self._step(command, back=True)
        self._undone.append(command)
        self._done.pop()
        return changed

    def redo(self) -> frozenset[int]:
        """Say again what was taken back last; see `undo`."""
        if not self._undone:
            return frozenset()
        command = self._undone[-1]
        changed = self._step(command, back=False)
        self._done.append(command)
        self._undone.pop()
        return changed

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
            self._done.append(_Command(what, before, after))
            self._undone.clear()

    def _step(self, command: _Command, *, back: bool) -> frozenset[int]:
        now, then = (command.after, command.before) if back else (command.before, command.after)
        did = later("Undo “{what}”", what=command.what)
        if not back:
            did = later("Redo “{what}”", what=command.what)

        def act(field: int, session: Session) -> None:
            if any(session.reviews.get(n) != review for n, review in now[field].items()):
                raise ParameterError(
                    "This can't be undone here: something else was said of the cell since."
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
                self._tables[field] = self._read(field)
                self._stamps[field] = self.stamp(field)
            self._changed(
                frozenset(self.number(f, int(n)) for f in fields for n in self._tables[f][LABEL])
            )

    def _in_field(self, field: int, act: Callable[[int, Session], object]) -> None:
        session = self._open_session(field)
        if session is not None:
            act(field, session)
            return
        with hold_reviews(self.smear.state(field).key, self.smear.paths[field].name) as held:
            act(field, held)

    def _changed(self, numbers: frozenset[int] | None) -> None:
        self._joined = None
        self._revision += 1
        self.table_changed.emit(numbers)


def _table_on_disk(folder: Path) -> pd.DataFrame:
    """Return the table of a field as its journal says, and as far as a blind read lets it be shown.

    Without rows if there is none.
    """
    try:
        restored = restore(folder)
    except LeukocyteError:
        restored = None
    if restored is None:
        return _no_cells()
    state = restored.state
    predictions = state.predictions
    table = object_table(
        measure(state.labels),
        pd.DataFrame() if predictions is None else predictions.by_label,
        state.reviews,
        state.edited,
    )
    return mask_predictions(table, hidden_in(folder, state.numbers()))


def _no_cells() -> pd.DataFrame:
    return object_table(measure(np.zeros((1, 1), np.int32)), pd.DataFrame(), {}, ())


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
