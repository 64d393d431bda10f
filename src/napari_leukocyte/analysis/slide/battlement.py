"""Fields of a zone in battlement order, until enough leukocytes are counted.

A differential count follows a track like the battlements of a wall: some fields up, some across,
some down, some across, so that neither the edges, where large cells gather, nor the middle, where
small ones are, have more than their share [1]_ [2]_.

References
----------
.. [1] Bain, Bates and Laffan (editors), "Dacie and Lewis Practical Haematology", 12th edition,
   Elsevier 2017, chapters 3 and 5.
.. [2] CLSI, "Reference Leukocyte (WBC) Differential Count (Proportional) and Evaluation of
   Instrumental Methods", H20-A2, 2007.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.zone import CountingZone
from napari_leukocyte.io.slides.image import PartBox

#: Fields up and down, and across between, of one battlement.
HEIGHT, WIDTH = 3, 2


def battlement(inside: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Go through the fields of a grid in battlement order.

    Parameters
    ----------
    inside : ndarray
        (rows, columns) bool: the fields to go through.

    Yields
    ------
    (int, int)
        Row and column, each field once: first those on the tracks of all bands of rows, then, in
        the same order, what the tracks have left out.
    """
    rows, columns = inside.shape
    left_out: list[tuple[int, int]] = []
    for top in range(0, rows, HEIGHT):
        band = range(top, min(top + HEIGHT, rows))
        down = True
        for column in range(columns):
            order = list(band) if down else list(band)[::-1]
            if column % WIDTH == 0:
                # A wall: all of its fields, and the track goes on from its other end.
                track, rest = order, []
                down = not down
            else:
                track, rest = order[:1], order[1:]
            yield from ((row, column) for row in track if inside[row, column])
            left_out += [(row, column) for row in rest if inside[row, column]]
    yield from left_out


@dataclass(frozen=True)
class CountedFields:
    """Fields that were counted.

    Attributes
    ----------
    fields : tuple of tuple of int
        y0, x0, y1, x1, px of the slide, in the order of counting.
    counts : tuple of int
        Leukocytes in each.
    enough : bool
        Whether as many were found as were asked for.
    """

    fields: tuple[PartBox, ...]
    counts: tuple[int, ...]
    enough: bool

    @property
    def total(self) -> int:
        """Leukocytes in all fields."""
        return sum(self.counts)


def count_until(
    zone: CountingZone, leukocytes: int, count: Callable[[PartBox], int]
) -> CountedFields:
    """Pick fields of a zone in battlement order until enough leukocytes are in them.

    Parameters
    ----------
    zone : CountingZone
        Where to count.
    leukocytes : int
        How many are enough.
    count : callable
        Returns the number of leukocytes of a field, whose cells are those with their anchors in it:
        no cell is counted twice.

    Returns
    -------
    CountedFields
        The last field is counted to its end: to stop in it would favour what lies first in it.
    """
    fields: list[PartBox] = []
    counts: list[int] = []
    for row, column in battlement(zone.inside):
        if sum(counts) >= leukocytes:
            break
        fields.append(zone.field(row, column))
        counts.append(count(fields[-1]))
    return CountedFields(tuple(fields), tuple(counts), sum(counts) >= leukocytes)
