"""Which cells are most like others, by the cosine of their embeddings."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.progress import Progress, silent

#: Rows that are compared with all at a time: 512 times 5,000 cosines are 10 MB.
_ROWS = 512


def nearest(
    vectors: NDArray[np.float32],
    number: int,
    among: NDArray[np.float32] | None = None,
    progress: Progress = silent,
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
    progress : callable
        Called after each block of rows.

    Returns
    -------
    neighbours : ndarray
        (N, K) int64, the nearest first; of equally near ones the first.
    distances : ndarray
        (N, K) float64: Euclidean between the directions, 0 to 2; half its square is one minus the
        cosine.
    """
    others = vectors if among is None else among
    k = max(0, min(number, len(others) - (among is None)))
    neighbours = np.zeros((len(vectors), k), np.int64)
    distances = np.zeros((len(vectors), k), np.float64)
    for start in range(0, len(vectors), _ROWS) if k else ():
        progress(start, len(vectors), "Comparing cells")
        rows = slice(start, start + _ROWS)
        cosines = vectors[rows] @ others.T
        if among is None:
            own = np.arange(len(cosines))
            cosines[own, own + start] = -np.inf
        # Ties across the border must go to the first, as among those inside.
        order = _largest(cosines, k)
        neighbours[rows] = order
        chosen = np.take_along_axis(cosines, order, axis=1).astype(np.float64)
        distances[rows] = np.sqrt(np.maximum(2 - 2 * chosen, 0))
    return neighbours, distances


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


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the places of the `k` largest of each row, by falling value and then rising place."""
    if k >= values.shape[1]:
        return np.asarray(np.argsort(-values, axis=1, kind="stable"), np.int64)
    border = -np.partition(-values, k - 1, axis=1)[:, k - 1 : k]
    result = np.empty((len(values), k), np.int64)
    for i, row in enumerate(values):
        inside = np.flatnonzero(row >= border[i])
        result[i] = inside[np.argsort(-row[inside], kind="stable")[:k]]
    return result
