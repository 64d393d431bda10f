"""The commands that a smear's cells were given, so that the last can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from napari_leukocyte.language import later
from napari_leukocyte.session.reviews import Review


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
class CellCommand:
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
class TakenCells:
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


#: Writes the reviews before a command (True) or after it (False); returns the cells' numbers.
Step: TypeAlias = Callable[[CellCommand, bool], frozenset[int]]


class CommandHistory:
    """The commands that a smear's cells were given, in order, and those taken back."""

    def __init__(self) -> None:
        self._done: list[CellCommand | TakenCells] = []
        self._undone: list[CellCommand] = []

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
        return last.cells if isinstance(last, TakenCells) else ()

    def note(self, command: CellCommand) -> None:
        """Note a command that was given; what was taken back before can't be done again."""
        self._done.append(command)
        self._undone.clear()

    def note_taken(self, places: Iterable[tuple[int, int]]) -> None:
        """Note that candidates were made cells, by field and number there: a command of its own."""
        cells = tuple(CellPlace(*place) for place in places)
        if cells:
            self._done.append(TakenCells(later("Take a candidate"), cells))
            self._undone.clear()

    def note_given_back(self) -> None:
        """Note that the cells of `taken_last` are candidates again; that can't be done again."""
        if self.taken_last:
            self._done.pop()
            self._undone.clear()

    def undo(self, step: Step) -> frozenset[int]:
        """Take the last command back; return the cells that it was about.

        Nothing is taken back while there are cells in `taken_last`, or if `step` raises.
        """
        command = self._done[-1] if self._done else None
        if not isinstance(command, CellCommand):
            return frozenset()
        changed = step(command, True)
        self._undone.append(command)
        self._done.pop()
        return changed

    def redo(self, step: Step) -> frozenset[int]:
        """Give the command again that was taken back last; see `undo`."""
        if not self._undone:
            return frozenset()
        command = self._undone[-1]
        changed = step(command, False)
        self._done.append(command)
        self._undone.pop()
        return changed
