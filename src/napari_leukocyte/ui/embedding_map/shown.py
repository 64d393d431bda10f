"""The map that is shown, and whose cells its marks are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.gallery.cells import Cell, Cells
from napari_leukocyte.interpretation.embedding_map.making import CellMap
from napari_leukocyte.interpretation.embedding_map.outliers import Outlier
from napari_leukocyte.interpretation.embedding_map.suspects import LabelSuspect
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a map is made of.

    Attributes
    ----------
    sessions : tuple of Session
        Whose cells.
    labels : tuple of ndarray
        Their label images, as they were then.
    classifier : str
        Who looks at the cells.
    """

    sessions: tuple[Session, ...]
    labels: tuple[NDArray[np.int32], ...]
    classifier: str

    def same_as(self, other: Wanted | None) -> bool:
        """Whether the other map would be the same."""
        return (
            other is not None
            and self.classifier == other.classifier
            and len(self.sessions) == len(other.sessions)
            and all(a is b for a, b in zip(self.sessions, other.sessions, strict=True))
            and all(_same(a, b) for a, b in zip(self.labels, other.labels, strict=True))
        )


def wanted_of(sessions: Sequence[Session], classifier: str) -> Wanted:
    """Return what the map of some sessions is made of now."""
    return Wanted(tuple(sessions), tuple(s.labels for s in sessions), classifier)


def _same(one: NDArray[np.int32], other: NDArray[np.int32]) -> bool:
    # Sessions replace their labels and never change them in place; both are alive, so that no
    # other array can have come to lie where one was.
    return bool(one.__array_interface__["data"] == other.__array_interface__["data"])


class ShownMap:
    """A map with the sessions whose cells are its rows.

    Parameters
    ----------
    found : CellMap
        The map.
    wanted : Wanted
        What it was made of.
    """

    def __init__(self, found: CellMap, wanted: Wanted) -> None:
        self.map, self.wanted = found, wanted
        self._owner = [wanted.sessions[i] for i in found.cells.sources.tolist()]
        self._labels: list[int] = found.cells.labels.tolist()
        self._cells: dict[Session, Cells] = {}
        #: The class of each row, None for none.
        self.classes: tuple[str | None, ...] = (None,) * len(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def refresh(self) -> None:
        """Look again what is said of the cells."""
        self._cells, said = {}, {}
        for session in self.wanted.sessions:
            table = session.table()
            self._cells[session] = Cells(table)
            names = (n if isinstance(n, str) else None for n in table["class"].tolist())
            said[session] = dict(zip(table["label"].tolist(), names, strict=True))
        rows = zip(self._owner, self._labels, strict=True)
        self.classes = tuple(said[session].get(label) for session, label in rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The class of each row as it is shown."""
        return tuple(name or UNCLASSIFIED for name in self.classes)

    def selection(self) -> NDArray[np.bool_]:
        """Return which rows are selected in their sessions, (N,) bool."""
        rows = zip(self._owner, self._labels, strict=True)
        return np.array([label in session.selection for session, label in rows], bool)

    def picks(self, rows: Iterable[int]) -> dict[Session, list[int]]:
        """Return the cells of rows that still exist, by session."""
        found: dict[Session, list[int]] = {}
        for row in rows:
            session, label = self._owner[row], self._labels[row]
            if label in self._cells[session]:
                found.setdefault(session, []).append(label)
        return found

    def cell(self, row: int) -> tuple[Session, Cell] | None:
        """Return a cell and whose it is; None if it is gone."""
        session, label = self._owner[row], self._labels[row]
        cells = self._cells.get(session)
        return None if cells is None or label not in cells else (session, cells[label])

    def title(self, row: int) -> str:
        """Return what a cell is called in a list."""
        label = str(self._labels[row])
        several = len(self.wanted.sessions) > 1
        return f"{self._owner[row].name}, {label}" if several else label

    def outlier_rows(self) -> list[Row]:
        """Return the list of outliers."""
        return [self._outlier(o) for o in self.map.outliers]

    def suspect_rows(self, suspects: Sequence[LabelSuspect]) -> list[Row]:
        """Return the list of doubtful classes."""
        return [
            (s.row, (self.title(s.row), s.given, s.suggested, f"{100 * s.belief:.0f} %"))
            for s in suspects
        ]

    def _outlier(self, found: Outlier) -> Row:
        name = self.names[found.row]
        return found.row, (self.title(found.row), name, f"{found.times:.1f} × usual")
