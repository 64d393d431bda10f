"""Cells that are unlike all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.embedding_map.settings import MapSettings

#: Among fewer cells, all are as strange as the next.
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


def find_outliers(
    distances: NDArray[np.float64], settings: MapSettings | None = None
) -> list[Outlier]:
    """List the cells that lie far from their neighbours.

    A logarithm makes the distances of usual cells near enough to normal; its median and its median
    absolute deviation do not notice the outliers that they are to find.

    Parameters
    ----------
    distances : ndarray
        (N, K): from each cell to its nearest neighbours, by rising distance, as from
        :func:`napari_leukocyte.interpretation.embedding_map.neighbours.nearest`.
    settings : MapSettings, optional
        How many neighbours, and how far is far.

    Returns
    -------
    list of Outlier
        The farthest first; none among fewer than `FEWEST` cells.
    """
    settings = settings or MapSettings()
    if len(distances) < FEWEST or not distances.shape[1]:
        return []
    # Of several artefacts of one kind each has a few alike: the middle neighbour looks past them.
    far = np.median(distances[:, : settings.neighbours], axis=1)
    logs = np.log(np.maximum(far, _LEAST))
    usual = float(np.median(logs))
    spread = max(_NORMAL * float(np.median(np.abs(logs - usual))), 1e-6)
    found = np.flatnonzero(logs > usual + settings.threshold * spread)
    order = found[np.argsort(-logs[found], kind="stable")]
    return [Outlier(int(i), float(far[i]), float(np.exp(logs[i] - usual))) for i in order]
