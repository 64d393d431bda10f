"""Cells with a class, as a head is fitted on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells with a class.

    Attributes
    ----------
    embeddings : ndarray
        (N, E) float32: of each cell the mean over its views.
    classes : ndarray
        (N,) str.
    groups : ndarray
        (N,) str: the photograph, or the smear, that each is of. What is held out is held out by
        group.
    """

    embeddings: NDArray[np.float32]
    classes: NDArray[np.str_]
    groups: NDArray[np.str_]

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.classes)

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Cells:
        """Return some of the cells."""
        return Cells(self.embeddings[chosen], self.classes[chosen], self.groups[chosen])

    def names(self) -> tuple[str, ...]:
        """Return the classes that occur, in alphabetical order."""
        return tuple(str(n) for n in np.unique(self.classes))


def make_cells(
    embeddings: NDArray[np.floating], classes: Sequence[str], groups: Sequence[str]
) -> Cells:
    """Return cells from embeddings of several views, (N, V, E), or of one, (N, E)."""
    values = np.asarray(embeddings, np.float32)
    mean = values.mean(axis=1) if values.ndim == 3 else values
    return Cells(mean, np.array(classes, dtype=str), np.array(groups, dtype=str))


def join_cells(parts: Sequence[Cells]) -> Cells:
    """Return the cells of several tables as one; those without any cell are passed over."""
    filled = [p for p in parts if len(p)]
    if not filled:
        return parts[0]
    return Cells(
        np.concatenate([p.embeddings for p in filled]),
        np.concatenate([p.classes for p in filled]),
        np.concatenate([p.groups for p in filled]),
    )
