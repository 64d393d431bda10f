"""Seeds of the watershed: which parts of a region are cells of their own.

References
----------
.. [1] Soille, "Morphological Image Analysis", Springer 2004, section 6.3 (h-maxima).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Part of a leukocyte's area below which a piece of nucleus is noise of the map. The lobes of
#: segmented nuclei are several times as large.
NUCLEUS_SPECK = 0.02
#: With more peaks than this their heights are rounded to this part of the diameter, so that the
#: time does not grow with their number.
_MANY_PEAKS, _ROUNDING = 24, 0.02


def distance_seeds(
    distance: NDArray[np.float32], apart: float, height: float, diameter: float
) -> NDArray[np.int32]:
    """Mark the peaks of a distance transform that are high and far enough apart.

    Parameters
    ----------
    distance : ndarray
        (H, W) float32: distance from the background, px.
    apart : float
        Peaks nearer than this to a higher one are no seeds, px.
    height : float
        Least height over the saddle to a higher seed, px (h-maxima).
    diameter : float
        Diameter of a leukocyte, px.

    Returns
    -------
    ndarray
        (H, W) int32: 1 to N from the highest peak down, else 0.
    """
    reach = min(max(1, round(apart / 2)), max(distance.shape))
    highest = cv2.dilate(distance, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    plateaus, count = _components((distance >= highest) & (distance > 0))
    if count < 2:
        return plateaus
    ys, xs = np.nonzero(plateaus)
    owner = plateaus[ys, xs] - 1
    size = np.bincount(owner)
    y, x = np.bincount(owner, ys) / size, np.bincount(owner, xs) / size
    heights = np.zeros(count)
    heights[owner] = distance[ys, xs]
    somewhere = np.zeros(count, np.intp)
    somewhere[owner] = np.arange(owner.size)
    ys, xs = ys[somewhere], xs[somewhere]
    levels = heights - height
    if count > _MANY_PEAKS:
        grid = _ROUNDING * diameter
        levels = np.floor(heights / grid) * grid - height
    order = np.argsort(-heights, kind="stable")
    accepted = [int(order[0])]
    level, joined = np.inf, np.zeros(count, np.int32)
    for peak in order[1:]:
        if (np.hypot(y[accepted] - y[peak], x[accepted] - x[peak]) < apart).any():
            continue
        if levels[peak] != level:
            # What is joined at this level has no saddle below it.
            level = float(levels[peak])
            joined = _components(distance > level)[0][ys, xs]
        if joined[peak] == 0 or (joined[accepted] != joined[peak]).all():
            accepted.append(int(peak))
    numbers = np.zeros(count + 1, np.int32)
    numbers[np.array(accepted) + 1] = np.arange(1, len(accepted) + 1)
    return numbers[plateaus]


def nucleus_seeds(nuclei: NDArray[np.bool_], apart: float, diameter: float) -> NDArray[np.int32]:
    """Mark nuclei; lobes whose centres are near each other are one nucleus.

    Parameters
    ----------
    nuclei : ndarray
        (H, W) bool.
    apart : float
        Lobes with centres nearer than this are one nucleus, px.
    diameter : float
        Diameter of a leukocyte, px.

    Returns
    -------
    ndarray
        (H, W) int32: 1 to N, else 0.
    """
    lobes, count = _components(nuclei)
    if count < 2:
        return lobes
    ys, xs = np.nonzero(lobes)
    owner = lobes[ys, xs] - 1
    size = np.bincount(owner)
    large = size >= NUCLEUS_SPECK * np.pi / 4 * diameter**2
    y = np.round(np.bincount(owner, ys) / size).astype(np.intp)
    x = np.round(np.bincount(owner, xs) / size).astype(np.intp)
    # Centres are near if discs of half the distance around them touch.
    away = np.ones(nuclei.shape, np.uint8)
    away[y[large], x[large]] = 0
    near = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= apart / 2
    group = _components(near)[0][y, x]
    _, numbers = np.unique(group[large], return_inverse=True)
    table = np.zeros(count + 1, np.int32)
    table[1:][large] = numbers + 1
    return table[lobes]


def _components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Return the 8-connected regions of a mask, numbered from 1, and their count."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), count - 1
