"""Neighbours of cells by the cosine of their embeddings: outliers, and labels that do not fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.label_errors import (
    CELLS,
    enough,
    find_label_errors,
)
from napari_leukocyte.interpretation.embedding_map.cells import MapCells
from napari_leukocyte.language import later
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL

#: Among fewer cells, none stands out.
FEWEST = 10
#: The median absolute deviation of a normal distribution times this is its standard deviation.
_NORMAL = 1.4826
#: Distances below this are those of copies: float16 embeddings are not finer.
_LEAST = 1e-3


@dataclass(frozen=True)
class Outlier:
    """A cell that is unlike all others.

    Attributes
    ----------
    row : int
        Of the cell.
    distance : float
        Median distance to its nearest neighbours (Euclidean between directions, 0 to 2).
    times : float
        How many times that of half of the cells.
    """

    row: int
    distance: float
    times: float


def nearest(
    vectors: NDArray[np.float32], number: int, among: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest neighbours of each cell.

    Parameters
    ----------
    vectors : ndarray
        (N, E) float32 of length 1.
    number : int
        How many; fewer if there are not so many others.
    among : ndarray, optional
        (M, E): where neighbours are looked for. By default among the cells themselves, and a cell
        is then none of its own.

    Returns
    -------
    neighbours : ndarray
        (N, K) int64, the nearest first.
    distances : ndarray
        (N, K) float64: Euclidean between the directions, 0 to 2; half its square is one minus the
        cosine.
    """
    from sklearn.neighbors import NearestNeighbors

    others = vectors if among is None else among
    k = max(0, min(number, len(others) - (among is None)))
    if not k or not len(vectors):
        return np.zeros((len(vectors), k), np.int64), np.zeros((len(vectors), k))
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(others)
    distances, neighbours = search.kneighbors(None if among is None else vectors)
    return neighbours.astype(np.int64), distances.astype(np.float64)


def most_similar(
    vectors: NDArray[np.float32], chosen: Collection[int], number: int
) -> NDArray[np.int64]:
    """Return the cells most like any of some.

    Parameters
    ----------
    vectors : ndarray
        (N, E) float32 of length 1.
    chosen : collection of int
        Rows of those.
    number : int
        How many others are wanted.

    Returns
    -------
    ndarray
        (K,) int64 rows, the most like first, none of the chosen; K is less than `number` only
        where there are no more cells.
    """
    rows = np.array(sorted({int(i) for i in chosen}), np.int64)
    k = max(0, min(number, len(vectors) - len(rows)))
    if not len(rows) or not k:
        return np.zeros(0, np.int64)
    best = (vectors @ vectors[rows].T).max(axis=1)
    best[rows] = -np.inf
    return np.asarray(np.argsort(-best, kind="stable")[:k], np.int64)


def find_outliers(
    distances: NDArray[np.float64], neighbours: int = 5, threshold: float = 3.5
) -> list[Outlier]:
    """List the cells that lie far from their neighbours.

    A logarithm makes the distances of usual cells near enough to normal; its median and its median
    absolute deviation do not notice the outliers that they are to find.

    Parameters
    ----------
    distances : ndarray
        (N, K): from each cell to its nearest neighbours, by rising distance, as from `nearest`.
    neighbours : int
        How many tell how far off a cell is.
    threshold : float
        Robust standard deviations beyond half of the cells from which a cell is an outlier.

    Returns
    -------
    list of Outlier
        The farthest first; none among fewer than `FEWEST` cells.
    """
    if len(distances) < FEWEST or not distances.shape[1]:
        return []
    # Of several artefacts of one kind each has a few alike: the middle neighbour looks past them.
    far = np.median(distances[:, :neighbours], axis=1)
    logs = np.log(np.maximum(far, _LEAST))
    usual = float(np.median(logs))
    spread = max(_NORMAL * float(np.median(np.abs(logs - usual))), 1e-6)
    found = np.flatnonzero(logs > usual + threshold * spread)
    order = found[np.argsort(-logs[found], kind="stable")]
    return [Outlier(int(i), float(far[i]), float(np.exp(logs[i] - usual))) for i in order]


#: Principal components that the classes are told apart by: more hold little of what differs
#: between cells, and take long with thousands of them.
_COMPONENTS = 50
#: Said where nothing can be said.
TOO_FEW = later("Needs {cells} cells, and {few} of each of two classes.")


@dataclass(frozen=True)
class LabelSuspect:
    """A cell whose class is doubtful.

    Attributes
    ----------
    row : int
        Of the cell.
    given, suggested : str
        The class that it has, and the one that is more likely.
    belief : float
        Probability of the given class, 0 to 1.
    """

    row: int
    given: str
    suggested: str
    belief: float


def find_label_suspects(
    cells: MapCells, classes: Sequence[str | None], progress: Progress = silent
) -> list[LabelSuspect] | None:
    """List the cells whose class is doubtful by their embedding.

    Parameters
    ----------
    cells : MapCells
        N cells.
    classes : sequence of str or None
        The class of each; those without one take no part.
    progress : callable
        Called between the models; may raise `Cancelled`.

    Returns
    -------
    list of LabelSuspect or None
        The least believed first; None if there are too few cells to say.
    """
    table = pd.DataFrame(
        {
            "image": cells.sources.astype(str),
            LABEL: cells.labels,
            "class": pd.array(list(classes), dtype=object),
            "row": np.arange(len(cells)),
            # Each by itself: of a smear's cells no two belong closer together.
            "group": np.arange(len(cells)),
        }
    )
    table = enough(table[table["class"].notna()].reset_index(drop=True))
    if len(table) < CELLS or table["class"].nunique() < 2:
        return None
    rows = table["row"].to_numpy(np.int64)
    row_of = dict(zip(zip(table["image"], table[LABEL], strict=True), rows.tolist(), strict=True))
    return [
        LabelSuspect(row_of[s.image, s.label], s.given, s.suggested, s.belief)
        for s in find_label_errors(table, _components(cells.vectors[rows]), progress)
    ]


def _components(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (N, D) principal components, of mean variance 1."""
    from sklearn.decomposition import PCA

    number = min(_COMPONENTS, *vectors.shape)
    # The smaller of the two Gram matrices decides what is quicker; both are exact.
    solver = "covariance_eigh" if vectors.shape[1] <= 2 * len(vectors) else "full"
    found = PCA(number, svd_solver=solver).fit_transform(vectors.astype(np.float64))
    return np.asarray(found / max(float(np.sqrt((found**2).mean())), 1e-12))
