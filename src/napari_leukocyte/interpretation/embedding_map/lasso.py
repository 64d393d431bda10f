"""Which points a line drawn around them holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def inside(points: ArrayLike, polygon: ArrayLike) -> NDArray[np.bool_]:
    """Say which points lie inside a polygon, by the rule of even and odd crossings.

    Parameters
    ----------
    points : array_like
        (N, 2).
    polygon : array_like
        (M, 2) corners; the last is joined to the first. It may cross itself: what is then circled
        twice is outside, as where a lasso's loop turns back over itself.

    Returns
    -------
    ndarray
        (N,) bool. On the very line either may be said.
    """
    given = np.asarray(points, np.float64).reshape(-1, 2)
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    result = np.zeros(len(given), bool)
    if len(corners) < 3 or not len(given):
        return result
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((given >= low) & (given <= high)).all(axis=1))
    x, y = given[near].T
    odd = np.zeros(len(near), bool)
    # Over the edges, of which a lasso has some hundreds, not over the thousands of points.
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            crossed = (y0 > y) != (y1 > y)
            odd ^= crossed & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    result[near] = odd
    return result
