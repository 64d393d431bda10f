"""Regions around a click that may be a cell: from a probability map, or from the stain.

Thresholds are tried at a reduced size, where they take little time, and the one chosen is then
applied at the full size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.editing.windows import regions
from napari_leukocyte.segmentation.morphology import fill_holes, open_mask

#: Least and greatest area of a cell, as parts of the area of a disc of the diameter: from a small
#: lymphocyte beside monocytes to the largest monocyte beside lymphocytes.
AREAS = (0.2, 3.0)
#: Diameter, px, at which thresholds are tried.
TRIAL_DIAMETER = 40.0
# The click may miss the region by this part of the diameter.
_REACH = 0.1
# What is thinner than this part of the diameter is no part of a cell, as in the post-processing.
_THIN = 0.1

#: Threshold that is tried first.
FIRST_THRESHOLD = 0.5
#: The others. The lower they are, the less the map shows at all: so they come closer together.
LOWER = tuple(FIRST_THRESHOLD * 0.89**n for n in range(25))
HIGHER = tuple(1 - threshold for threshold in LOWER)
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


@dataclass(frozen=True, eq=False)
class CandidateRegion:
    """A region that may be a cell.

    Attributes
    ----------
    mask : ndarray
        (H, W) bool: where it is in its window.
    size : float
        Its area as a part of the area of a disc of a leukocyte's diameter.
    inside : bool
        Whether it stays in the window, except where the image ends.
    """

    mask: NDArray[np.bool_]
    size: float
    inside: bool

    @property
    def plausible(self) -> bool:
        """Whether it has a cell's size and does not leave the window."""
        return self.inside and AREAS[0] <= self.size <= AREAS[1]


@dataclass(frozen=True, eq=False)
class Click:
    """A click into a window of an image.

    Attributes
    ----------
    free : ndarray
        (H, W) bool: what no object has.
    y, x : int
        The click, px, in the window.
    diameter : float
        Diameter of a leukocyte, px.
    open_sides : tuple of bool
        Whether the image goes on beyond the window: above, below, left, right.
    """

    free: NDArray[np.bool_]
    y: int
    x: int
    diameter: float
    open_sides: tuple[bool, bool, bool, bool]
    _factor: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_factor", min(1.0, TRIAL_DIAMETER / self.diameter))

    def reduced(self) -> Click:
        """Return the same click at the size at which thresholds are tried."""
        free = self.shrink(self.free.astype(np.float32)) > 0.5
        y, x = (
            min(int((c + 0.5) * self._factor), n - 1)
            for c, n in zip((self.y, self.x), free.shape, strict=True)
        )
        return Click(free, y, x, self.diameter * self._factor, self.open_sides)

    def shrink(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values of the window, (H, W) or (H, W, C), at that size."""
        if self._factor == 1:
            return values
        height, width = (max(1, round(n * self._factor)) for n in values.shape[:2])
        smaller = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(smaller, np.float32)

    def region(self, mask: NDArray[np.bool_]) -> CandidateRegion | None:
        """Return the region of a mask at the click, without holes and threads; None if none."""
        solid = fill_holes((mask & self.free).astype(np.uint8))
        solid = open_mask(solid, "ellipse", _THIN * self.diameter)
        numbered, _ = regions(solid.astype(bool) & self.free)
        number = int(numbered[self.y, self.x]) or self._nearest(numbered)
        if number == 0:
            return None
        found = numbered == number
        sides = (found[0], found[-1], found[:, 0], found[:, -1])
        leaves = (
            beyond and side.any() for beyond, side in zip(self.open_sides, sides, strict=True)
        )
        area = np.count_nonzero(found) / (np.pi / 4 * self.diameter**2)
        return CandidateRegion(np.asarray(found), float(area), not any(leaves))

    def _nearest(self, numbered: NDArray[np.int32]) -> int:
        """Return the number of the region that the click misses by little; 0 if none."""
        reach = _REACH * self.diameter
        top, left = max(0, self.y - int(reach)), max(0, self.x - int(reach))
        near = numbered[top : self.y + int(reach) + 1, left : self.x + int(reach) + 1]
        y, x = np.nonzero(near)
        if not y.size:
            return 0
        away = np.hypot(y + top - self.y, x + left - self.x)
        nearest = int(away.argmin())
        return int(near[y[nearest], x[nearest]]) if away[nearest] <= reach else 0

    def try_thresholds(
        self, values: NDArray[np.float32], thresholds: Iterable[float]
    ) -> list[tuple[float, CandidateRegion | None]]:
        """Return the region over each threshold of some values of the window."""
        return [(t, self.region(values >= np.float32(t))) for t in thresholds]


def from_probability(click: Click, probability: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Return the region that a map shows at a click.

    Parameters
    ----------
    click : Click
        Where.
    probability : ndarray
        (H, W) float32 of the window, 0 to 1.

    Returns
    -------
    ndarray or None
        (H, W) bool. The region over the first threshold if it is plausible. Else, of the
        plausible ones over lower thresholds (or higher ones, if the first gives too much), that
        whose radius depends least on the threshold: there the map is steepest, which is where a
        cell ends. None if none is plausible.
    """
    first = click.region(probability >= np.float32(FIRST_THRESHOLD))
    if first is not None and first.plausible:
        return first.mask
    thresholds = HIGHER if first is not None and first.size > 1 else LOWER
    trials = click.reduced().try_thresholds(click.shrink(probability), thresholds)
    radii = [0.0 if region is None else region.size**0.5 for _, region in trials]
    best, least = None, np.inf
    # Between two neighbours, since areas of few pixels make steps.
    for i in range(1, len(trials) - 1):
        threshold, region = trials[i]
        if region is None or not region.plausible or radii[i - 1] == 0:
            continue
        slope = abs((radii[i + 1] - radii[i - 1]) / (trials[i + 1][0] - trials[i - 1][0]))
        if slope < least:
            best, least = threshold, slope
    if best is None:
        return None
    found = click.region(probability >= np.float32(best))
    return found.mask if found is not None and found.inside else None


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
