"""The arrangement of a gallery: its cells and candidates, their groups and their order.

A candidate has a number below 0, so that it is never taken for the object of the same number.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.counting.leukogram import in_order
from napari_leukocyte.gallery.cells import CellTable, GalleryCell, Place
from napari_leukocyte.schema import LABEL

Show: TypeAlias = Literal["all", "unreviewed", "flagged", "disagreements", "candidates", "class"]
Sort: TypeAlias = Literal["queue", "uncertainty", "size", "position", "number"]
GroupKind: TypeAlias = Literal["all", "hidden", "class", "unclassified", "candidates"]
SORTS: tuple[Sort, ...] = get_args(Sort)
#: Height of the bands that are read from left to right, in median diameters of the cells.
_BAND = 1.5


@dataclass(frozen=True)
class Choice:
    """The choice of cells, order and grouping.

    Attributes
    ----------
    show : {"all", "unreviewed", "flagged", "disagreements", "candidates", "class"}
        Which cells; candidates are none (see :mod:`napari_leukocyte.gallery.arrange`).
    class_name : str
        With "class": which; empty for cells that have none.
    sort : {"queue", "uncertainty", "size", "position", "number"}
        First what would change the count most; the least sure; the largest; from the top left
        as one reads; the smallest number.
    grouped : bool
        Whether cells of one class stand together.
    """

    show: Show = "all"
    class_name: str = ""
    sort: Sort = SORTS[0]
    grouped: bool = True


@dataclass(frozen=True)
class Group:
    """Cells that stand together.

    Attributes
    ----------
    kind : {"all", "hidden", "class", "unclassified", "candidates"}
        All that are shown; those whose class must not be shown; those of a class; those without;
        regions that could be taken as cells.
    name : str
        The class; empty otherwise.
    labels : tuple of int
        Their numbers in order.
    """

    kind: GroupKind
    name: str
    labels: tuple[int, ...]


def arrange(
    table: pd.DataFrame,
    choice: Choice,
    order: Sequence[int] = (),
    hidden: Collection[int] = (),
) -> list[Group]:
    """Choose, order and group cells.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`, masked (see
        :func:`napari_leukocyte.gallery.cells.mask_predictions`).
    choice : Choice
        What the user wants.
    order : sequence of int
        The queue; cells that are not in it come after it. Only used to sort by "queue".
    hidden : collection of int
        Cells whose class must not be shown. They come first, by their numbers, which tells
        nothing about them.

    Returns
    -------
    list of Group
        Without empty ones, classes in the vocabulary's order, unclassified last.
    """
    masked = table[LABEL].isin(list(hidden)).to_numpy() if hidden else np.zeros(len(table), bool)
    rows = np.flatnonzero(_chosen(table, choice, masked))
    if not rows.size:
        return []
    labels = table[LABEL].to_numpy()[rows]
    masked = masked[rows]
    ranks = _ranks(table, choice.sort, order)[rows]
    ranks[masked] = 0  # and nothing about it shows in its place
    sequence = np.lexsort((labels, ranks, ~masked))
    numbers = labels[sequence]
    if not choice.grouped:
        return [Group("all", "", _numbers(numbers))]
    codes, names = pd.factorize(table["class"])
    found = [str(name) for name in names]
    place = {name: i for i, name in enumerate(in_order(found))}
    # Where the class of each row stands; the last place is that of no class, which -1 stands for.
    places = np.array([*(place[name] for name in found), len(found)])
    at = places[codes[rows[sequence]]]
    at[masked[sequence]] = -1
    groups = []
    for i, name in ((-1, ""), *((i, name) for name, i in place.items()), (len(found), "")):
        members = numbers[at == i]
        if members.size:
            kind: GroupKind = "class" if name else "hidden" if i < 0 else "unclassified"
            groups.append(Group(kind, name, _numbers(members)))
    return groups


def flagged(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which cells of a table have a flag, (N,) bool."""
    codes, found = pd.factorize(table["flags"])
    # The last one is that of a missing text, which -1 stands for.
    return np.array([*(bool(text) for text in found), False])[codes]


def disagreeing(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return where reader and model differ, (N,) bool."""
    # On the arrays of the columns: thousands of texts, after each key.
    given, predicted = table["class"].array, table["predicted"].array
    by_reader = np.asarray(table["source"].array == "reader", bool)
    return np.asarray(
        by_reader & (given != predicted) & ~table["predicted"].isna().to_numpy(), bool
    )


def _numbers(labels: NDArray[Any]) -> tuple[int, ...]:
    return tuple(labels.tolist())


def _chosen(table: pd.DataFrame, choice: Choice, masked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are shown, (N,) bool."""
    if choice.show == "unreviewed":
        return np.asarray(~table["reviewed"].to_numpy(bool))
    if choice.show == "flagged":
        return flagged(table)
    if choice.show == "disagreements":
        return disagreeing(table) & ~masked
    if choice.show == "candidates":
        return np.zeros(len(table), bool)
    if choice.show == "class":
        names = table["class"].fillna("")
        return np.asarray((names == choice.class_name).to_numpy(bool) & ~masked)
    return np.ones(len(table), bool)


def _ranks(table: pd.DataFrame, sort: Sort, order: Sequence[int]) -> NDArray[np.float64]:
    """Return a number for each row, (N,); smaller ones come first."""
    if sort == "queue":
        labels = table[LABEL].to_numpy()
        ranks = np.full(len(labels), float(len(order)))
        rows = pd.Index(labels).get_indexer(np.asarray(order, labels.dtype))
        ranks[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        return ranks
    if sort == "uncertainty":
        return np.asarray(table["confidence"].fillna(-1.0).to_numpy(np.float64).copy())
    if sort == "size":
        return np.asarray(-table["area_px"].to_numpy(np.float64))
    if sort == "position":
        height = _BAND * float(table["equivalent_diameter_px"].median())
        band = np.floor(table["y"].to_numpy(np.float64) / max(height, 1.0))
        x = table["x"].to_numpy(np.float64)
        return np.asarray(band * (x.max() + 1) + x)
    return np.zeros(len(table))


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
