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
#: Largest radius, in diameters, of the disc that stands for a cell before the watershed.
LARGEST_DISC = 0.75


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
    chosen = np.zeros(count, np.intp)
    chosen[0], n_chosen = order[0], 1
    level, joined = np.inf, np.zeros(count, np.int32)
    for peak in order[1:]:
        higher = chosen[:n_chosen]
        if (np.hypot(y[higher] - y[peak], x[higher] - x[peak]) < apart).any():
            continue
        if levels[peak] != level:
            # What is joined at this level has no saddle below it.
            level = float(levels[peak])
            joined = _components(distance > level)[0][ys, xs]
        if joined[peak] == 0 or (joined[higher] != joined[peak]).all():
            chosen[n_chosen] = peak
            n_chosen += 1
    numbers = np.zeros(count + 1, np.int32)
    numbers[chosen[:n_chosen] + 1] = np.arange(1, n_chosen + 1)
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


def grow_seeds(
    seeds: NDArray[np.int32], distance: NDArray[np.float32], diameter: float
) -> NDArray[np.int32]:
    """Grow every seed to the largest disc around its deepest pixels that the region holds.

    Parameters
    ----------
    seeds : ndarray
        (H, W) int32: 1 to N, else 0.
    distance : ndarray
        (H, W) float32: distance from the background, px.
    diameter : float
        Diameter of a leukocyte, px; no disc is much larger.

    Returns
    -------
    ndarray
        (H, W) int32. Where discs overlap, a pixel belongs to that in which it lies deepest; seeds
        keep their own pixels.
    """
    ys, xs = np.nonzero(seeds)
    owner = seeds[ys, xs]
    depth = distance[ys, xs]
    radius = np.zeros(int(owner.max()) + 1, np.float32)
    np.maximum.at(radius, owner, depth)
    deepest = depth == radius[owner]
    radius = np.minimum(radius, LARGEST_DISC * diameter)
    ys, xs, owner = ys[deepest], xs[deepest], owner[deepest]
    size = np.bincount(owner)
    y, x = (np.bincount(owner, c) / np.maximum(size, 1) for c in (ys, xs))
    grown = np.zeros_like(seeds)
    best = np.zeros(seeds.shape, np.float32)
    for seed in np.flatnonzero(size):
        top, left = (max(0, int(c[seed] - radius[seed])) for c in (y, x))
        box = np.s_[top : int(y[seed] + radius[seed]) + 2, left : int(x[seed] + radius[seed]) + 2]
        near, numbers = best[box], grown[box]
        rows, columns = np.ogrid[top : top + near.shape[0], left : left + near.shape[1]]
        beyond = np.hypot(rows - y[seed], columns - x[seed]) - radius[seed]
        deeper = beyond < near
        near[deeper] = beyond[deeper]
        numbers[deeper] = seed
    return np.where(seeds > 0, seeds, grown)


def _components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Return the 8-connected regions of a mask, numbered from 1, and their count."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), count - 1
