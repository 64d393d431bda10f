"""The region of stained matter at a click, where no map shows a cell."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.editing.candidates import CandidateRegion, Click

#: Least part of its convex hull's area that a cell fills; what has leaked into a neighbour fills
#: less.
SOLIDITY = 0.8
#: Least difference in absorbance between a cell and what is around it; below is noise.
LEAST_STAIN = 0.04
# Of the histogram whose classes are sought.
_BINS = 64
# Around a region, this part of the diameter wide, are its surroundings.
_AROUND = 0.15
# Standard deviation of the blur that removes granules and noise, parts of the diameter.
_BLUR = 0.03


def from_stain(click: Click, rgb: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return the region of stained matter at a click.

    Parameters
    ----------
    click : Click
        Where.
    rgb : ndarray
        (H, W, 3) uint8 of the window.

    Returns
    -------
    ndarray or None
        (H, W) bool: of the plausible and solid regions that Otsu's thresholds for two and three
        classes give, the one nearest to a cell's size: a nucleus has more contrast than the
        cell. None if there is none.
    """
    full, small = _absorbances(rgb, click.diameter), click.reduced()
    best, least = None, np.inf
    for channel, absorbance in enumerate(full):
        reduced = click.shrink(absorbance)
        for threshold, region in small.try_thresholds(reduced, _thresholds(reduced[small.free])):
            if region is None or not region.plausible:
                continue
            misfit = abs(np.log(region.size))
            if misfit < least and _stands_out(region, reduced, small.diameter):
                best, least = (channel, threshold), misfit
    if best is None:
        return None
    found = click.region(full[best[0]] >= np.float32(best[1]))
    return found.mask if found is not None and found.inside else None


def _absorbances(rgb: NDArray[np.uint8], diameter: float) -> list[NDArray[np.float32]]:
    """Return the absorbance of red, which erythrocytes let pass, of green, and of all light."""
    light = cv2.GaussianBlur(rgb, (0, 0), max(0.5, _BLUR * diameter)).astype(np.float32)
    density = -np.log10((light + 1) / 256)
    return [density[..., 0], density[..., 1], density.mean(axis=2)]


def _thresholds(values: NDArray[np.float32]) -> list[float]:
    """Return Otsu's thresholds for two and for three classes."""
    from skimage.filters import threshold_multiotsu, threshold_otsu

    if values.size < 3 or float(np.ptp(values)) < LEAST_STAIN:
        return []
    found = [float(threshold_otsu(values, _BINS))]
    # A drawing may have fewer colours than classes.
    if np.count_nonzero(np.histogram(values, _BINS)[0]) >= 3:
        found += [float(t) for t in threshold_multiotsu(values, 3, _BINS)]
    return found


def _stands_out(region: CandidateRegion, absorbance: NDArray[np.float32], diameter: float) -> bool:
    """Whether a region is solid and darker than what is around it."""
    mask = region.mask
    outlines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    hull = cv2.convexHull(np.concatenate(outlines))
    filled = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1)
    if np.count_nonzero(mask) < SOLIDITY * np.count_nonzero(filled):
        return False
    away = cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, 3)
    around = ~mask & (np.asarray(away) <= max(2.0, _AROUND * diameter))
    if not around.any():
        return False
    return bool(absorbance[mask].mean() - absorbance[around].mean() >= LEAST_STAIN)
