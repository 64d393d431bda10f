"""The candidates of an image as a group of a gallery: regions that could be taken as cells.

A candidate has a number below 0, so that it is never taken for the object of the same number.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.regions import iterate_regions
from napari_leukocyte.gallery.arrange import Group
from napari_leukocyte.gallery.cells import CellTable, GalleryCell, Place


class CandidateList:
    """The candidates of an image at one moment.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32: 0 where there is none.
    scores : mapping of int to float
        The evidence that each is a leukocyte, 0 to 1.
    """

    def __init__(self, labels: NDArray[np.int32], scores: Mapping[int, float]) -> None:
        self.labels = labels
        self.cells: dict[int, GalleryCell] = {}
        self._points: dict[int, tuple[float, float]] = {}
        for region in iterate_regions(labels) if scores else ():
            rows, columns = np.nonzero(region.mask)
            y, x = float(rows.mean()), float(columns.mean())
            # The middle of a crescent is not in it.
            nearest = int(np.argmin((rows - y) ** 2 + (columns - x) ** 2))
            box = region.y0, region.x0, region.y1, region.x1
            place = Place(-region.label, *box, len(rows), region.y0 + y, region.x0 + x)
            self.cells[-region.label] = GalleryCell(
                place=place,
                class_name=None,
                predicted=None,
                confidence=float(scores.get(region.label, math.nan)),
                by_reader=False,
                reviewed=False,
                edited=False,
                flags="",
                hidden=False,
            )
            at = float(region.y0 + rows[nearest]), float(region.x0 + columns[nearest])
            self._points[-region.label] = at

    def __len__(self) -> int:
        return len(self.cells)

    def group(self) -> Group:
        """Return the group that they are, the most convincing first."""
        order = sorted(self.cells, key=lambda n: (-self.cells[n].confidence, -n))
        return Group("candidates", "", tuple(order))

    def point_in(self, number: int) -> tuple[float, float]:
        """Return a place inside a candidate, y and x in px."""
        return self._points[number]

    def masks(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return a label image in which the candidates are beside the objects, by their numbers."""
        return np.where(self.labels > 0, -self.labels, labels)


class CellsAndCandidates(CellTable):
    """The cells of an image and its candidates by their numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        As for `CellTable`.
    hidden : collection of int
        As for `CellTable`.
    candidates : mapping of int to GalleryCell
        Their numbers are below 0.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        hidden: Collection[int],
        candidates: Mapping[int, GalleryCell],
    ) -> None:
        super().__init__(table, hidden)
        self._candidates = candidates

    def __contains__(self, label: object) -> bool:
        return label in self._candidates or super().__contains__(label)

    def __getitem__(self, label: int) -> GalleryCell:
        found = self._candidates.get(label)
        return super().__getitem__(label) if found is None else found
