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
