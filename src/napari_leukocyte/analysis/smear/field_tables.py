"""The tables of a smear's fields: read from their journals, anew only where these have changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from napari_leukocyte.analysis.smear.persistence import KeptCells, Stamp, read_cells, write_cells
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.cells import mask_predictions
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.session.blinding import FILE_NAME as BLIND
from napari_leukocyte.session.blinding import hidden_in
from napari_leukocyte.session.objects import object_table
from napari_leukocyte.session.restoring import JOURNAL, restore, sessions_folder
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import open_here

#: With so many fields read anew, the file that spares the next opening that is written again.
_WORTH_KEEPING = 20
#: What was read is delivered for the first time after so long, s; then after twice as long, and so
#: on: each time everything is arranged anew.
_FIRST_DELIVERY = 0.3
#: By field; None for one whose session is open.
Tables: TypeAlias = Mapping[int, pd.DataFrame | None]


class FieldTables:
    """The reader of what is said of the cells of each field.

    `read` may run in a thread; all else belongs into one thread.

    Parameters
    ----------
    smear : Smear
        Whose fields.

    Attributes
    ----------
    stamps : dict of int to Stamp
        Of what is shown, by field.
    """

    def __init__(self, smear: Smear) -> None:
        self.smear = smear
        self.stamps: dict[int, Stamp] = {}
        # What `read` has seen of fields before it read them, and what is in the file.
        self._seen: dict[int, Stamp] = {}
        self._kept: dict[str, KeptCells] | None = None
        self._newly_read = 0

    def read(
        self, progress: Progress = silent, deliver: Callable[[Tables], object] | None = None
    ) -> Tables:
        """Read the tables of the fields whose journal has changed.

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
            if field not in self.stamps or stamp != self.stamps[field]:
                # Before it is read: what changes meanwhile is seen the next time.
                self._seen[field] = stamp
                is_open = self.open_session(field) is not None
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

    def table(self, field: int) -> pd.DataFrame:
        """Return what a field's open session, or else its journal, says now."""
        session = self.open_session(field)
        return _table_on_disk(self._folder(field)) if session is None else session.shown_table()

    def _folder(self, field: int) -> Path:
        return sessions_folder() / self.smear.state(field).key

    def stamp(self, field: int) -> Stamp:
        """Return the time and size of a field's journal and of its blind read."""
        return tuple(_stamp(self._folder(field) / name) for name in (JOURNAL, BLIND))

    def open_session(self, field: int) -> Session | None:
        """Return the session of a field, if it is open here."""
        key = self.smear.state(field).key
        return open_here(key) if key else None

    def take(self, field: int, table: pd.DataFrame | None) -> pd.DataFrame:
        """Note that what `read` has found of a field is shown; return it, read now where None."""
        seen = self._seen.pop(field, None)
        self.stamps[field] = self.stamp(field) if table is None or seen is None else seen
        return self.table(field) if table is None else table

    def refresh(self, field: int) -> pd.DataFrame:
        """Return the table of a field as it is now, and note that it is shown."""
        stamp = self.stamp(field)  # before it is read, as in `read`
        found = self.table(field)
        self.stamps[field] = stamp
        return found


def _table_on_disk(folder: Path) -> pd.DataFrame:
    """Return the table of a field as its journal says, and as far as a blind read lets it be shown.

    Without rows if there is none.
    """
    try:
        restored = restore(folder)
    except LeukocyteError:
        restored = None
    if restored is None:
        return no_cells()
    state = restored.state
    predictions = state.predictions
    table = object_table(
        measure(state.labels),
        pd.DataFrame() if predictions is None else predictions.by_label,
        state.reviews,
        state.edited,
    )
    return mask_predictions(table, hidden_in(folder, state.numbers()))


def no_cells() -> pd.DataFrame:
    """Return the table of a field without cells: all columns, no rows."""
    return object_table(measure(np.zeros((1, 1), np.int32)), pd.DataFrame(), {}, ())


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
