"""Neighbours of cells by the cosine of their embeddings, and cells that are far from all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
