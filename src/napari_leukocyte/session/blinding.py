"""A blind read that is not at its end, kept in a file beside the session's journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from psygnal import Signal

from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.errors import LeukocyteError, OutputError, ParameterError
from napari_leukocyte.gallery.cells import mask_predictions
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import WholeKey, parse
from napari_leukocyte.language import later_n
from napari_leukocyte.session.reviewing import Reviewing
from napari_leukocyte.session.state import State

FILE_NAME = "blind.json"
_KEY = "blind_read"


@dataclass(frozen=True)
class StoredRead:
    """The state that a blind read is gone on with.

    Attributes
    ----------
    read : BlindRead
        How far it is.
    before : mapping of int to str
        Classes that readers had given cells before it began: they are no answers.
    """

    read: BlindRead
    before: Mapping[int, str] = field(default_factory=dict)


def save_read(folder: Path, kept: StoredRead) -> None:
    """Write a blind read into a session's folder, whole or not at all.

    Raises
    ------
    OutputError
        If it can't be written; what was written before is then as it was.
    """
    before = {str(n): name for n, name in sorted(kept.before.items())}
    write_user_file(folder / FILE_NAME, _KEY, kept.read.to_dict() | {"before": before})


def load_read(folder: Path) -> StoredRead | None:
    """Read the blind read in a session's folder.

    Returns
    -------
    StoredRead or None
        None if there is none.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """
    path = folder / FILE_NAME
    try:
        values = read_user_file(path, _KEY)
        if values is None and not path.exists():
            return None
        before = parse(dict[WholeKey, str], values["before"])
        return StoredRead(BlindRead.from_dict(values), before)
    except (ParameterError, KeyError, TypeError) as error:
        raise ParameterError(
            "The blind read that was begun is lost, as its file is damaged: {path}.", path=path
        ) from error


def hidden_in(folder: Path, numbers: frozenset[int]) -> frozenset[int]:
    """Return which of a session's objects a read in its folder hides: all, if that is not known.

    Parameters
    ----------
    folder : Path
        The session's.
    numbers : frozenset of int
        Its objects.
    """
    try:
        kept = load_read(folder)
    except ParameterError:
        return numbers
    return frozenset() if kept is None else (kept.read.labels - kept.read.answers.keys()) & numbers


def remove_read(folder: Path) -> None:
    """Remove the blind read from a session's folder, if there is one."""
    with suppress(OSError):
        (folder / FILE_NAME).unlink()


class BlindReadError(LeukocyteError):
    """Results are asked for that would show classes of cells that are being read blindly."""


class Blinding(Reviewing):
    """A session's blind read. It belongs to the image: closing a view of it ends nothing.

    A reader's first class of a hidden cell, in whichever view it is given, is the answer: it shows
    the cell again.
    """

    #: Emitted when classes were hidden or may be shown again. Carries the numbers of those objects
    #: (a frozenset of int), or None for any.
    blind_changed: ClassVar[Signal] = Signal(object)

    _blind: StoredRead | None = None
    _blind_folder: Path | None = None
    _blind_problem = ""
    _shown: tuple[State, frozenset[int], pd.DataFrame] | None = None

    def table(self) -> pd.DataFrame:
        """Return the objects; see :meth:`napari_leukocyte.session.session.Session.table`."""
        raise NotImplementedError

    # -- what may be shown ----------------------------------------------------------------

    @property
    def blind(self) -> BlindRead | None:
        """The blind read that is under way."""
        return None if self._blind is None else self._blind.read

    @property
    def blind_problem(self) -> str:
        """One sentence, if a read was begun of which nobody knows any more what it hides."""
        return self._blind_problem

    @property
    def hidden(self) -> frozenset[int]:
        """The objects whose classes must not be shown: all of them, if that is not known."""
        if self._blind_problem:
            return self._state.numbers()
        read = self.blind
        if read is None:
            return frozenset()
        return (read.labels - read.answers.keys()) & self._state.numbers()

    def shown_table(self) -> pd.DataFrame:
        """Return `table` as views may show it: without what was said of hidden objects."""
        hidden = self.hidden
        if not hidden:
            return self.table()
        if self._shown is None or self._shown[0] is not self._state or self._shown[1] != hidden:
            self._shown = self._state, hidden, mask_predictions(self.table(), hidden)
        return self._shown[2].copy(deep=False)

    def require_shown(self) -> None:
        """Refuse to give classes away.

        Raises
        ------
        BlindReadError
            While there are hidden objects.
        """
        number = len(self.hidden)
        if self._blind_problem and number:
            raise BlindReadError(
                "“{name}” can't be saved, exported or reported: end its blind read in “Review "
                "leukocytes” first, since the file that says which cells it hides is damaged.",
                name=self.name,
            )
        if number:
            raise BlindReadError(
                later_n(
                    "“{name}” can't be saved, exported or reported during its blind read: {n} "
                    "cell has no answer yet.",
                    "“{name}” can't be saved, exported or reported during its blind read: {n} "
                    "cells have no answer yet.",
                    number,
                    name=self.name,
                )
            )

    # -- a read ---------------------------------------------------------------------------

    def begin_blind(self, read: BlindRead) -> None:
        """Hide what was said of the objects of a read, in the place of any earlier one.

        Raises
        ------
        OutputError
            If it can't be written down; nothing has changed then.
        """
        kept = StoredRead(read, self.assigned)
        if self._blind_folder is not None:
            save_read(self._blind_folder, kept)
        self._blind, self._blind_problem = kept, ""
        self.blind_changed.emit(None)

    def end_blind(self) -> BlindRead | None:
        """Show everything again; return the read that has ended, if it is known."""
        ended, was_lost = self.blind, bool(self._blind_problem)
        if self._blind_folder is not None:
            remove_read(self._blind_folder)
        self._blind, self._blind_problem = None, ""
        if ended is not None or was_lost:
            self.blind_changed.emit(None)
        return ended

    def resume_blind(self, folder: Path) -> None:
        """Go on with the read in a folder, if there is one, and keep reads there until `close`.

        Parameters
        ----------
        folder : Path
            The session's.
        """
        self._blind_folder = folder
        try:
            kept = load_read(folder)
        except ParameterError as error:
            self._blind, self._blind_problem = None, str(error)
            self.blind_changed.emit(None)
            return
        if kept is not None:
            self._blind, self._blind_problem = kept, ""
            # The program may have ended between a class and the note that it is an answer.
            given = self.assigned.items()
            self._answer({n: name for n, name in given if name != kept.before.get(n)})
            self.blind_changed.emit(None)

    def close(self) -> None:
        """Stop writing down; what is hidden stays so."""
        super().close()
        self._blind_folder = None

    # -- answers --------------------------------------------------------------------------

    def set_class(self, labels: Iterable[int], name: str) -> None:
        """Give objects a class; see `Reviewing.set_class`. For hidden ones it is the answer."""
        chosen = self._existing(labels)
        before, hidden = self._blind, self.hidden
        self._answer(dict.fromkeys(chosen, name))
        try:
            # Whoever is told of the class may show the object.
            super().set_class(chosen, name)
        except BaseException:
            self._blind = before
            raise
        if self._blind is not before:
            self._keep_blind()
            self.blind_changed.emit(hidden & set(chosen))

    def set_predictions(
        self,
        table: pd.DataFrame,
        classifier: str,
        description: Mapping[str, Any] | None = None,
        all_objects: bool = True,
    ) -> None:
        """Take over what a classifier said; see `Reviewing.set_predictions`."""
        before = self.assigned
        super().set_predictions(table, classifier, description, all_objects)
        if self._blind is not None:
            # What had been confirmed, and is the reader's own word now, is no answer.
            pinned = {n: c for n, c in self.assigned.items() if before.get(n) != c}
            if pinned:
                self._blind = StoredRead(self._blind.read, {**self._blind.before, **pinned})
                self._keep_blind()

    def _answer(self, classes: Mapping[int, str]) -> None:
        if self._blind is None:
            return
        read = self._blind.read
        for label, name in classes.items():
            read = read.answer(label, name)
        if read is not self._blind.read:
            self._blind = StoredRead(read, self._blind.before)

    def _keep_blind(self) -> None:
        if self._blind_folder is not None and self._blind is not None:
            # The classes themselves are in the journal, from which answers are known again.
            with suppress(OutputError):
                save_read(self._blind_folder, self._blind)
