"""Estimate how large a leukocyte is in an image, by a coarse pass of the network.

The networks are trained on cells from half to double their nominal size. So if an image is shown
to one at an assumed diameter that is right within that factor, the cells found in it have a
measurable size, and that size tells the true diameter. Assumptions are tried from large to small:
the first ones shrink the image most and cost least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member
from napari_leukocyte.progress import Progress
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import postprocess
from napari_leukocyte.segmentation.tiles import BLOCK, Network, predict_tiled

#: Smallest diameter tried, px: below it a leukocyte shows no structure.
SMALLEST_PX = 16.0
#: Each assumed diameter over the next one. With cells recognised from half to double the
#: nominal size, neighbouring assumptions overlap well.
STEP = 1.6
#: Measured over assumed diameter must lie within these for the assumption to be believed.
CONSISTENT = (0.6, 1.6)
#: Rounds of measuring again at the measured diameter.
REFINEMENTS = 2
#: Largest area, in px of the network's input, that one measurement looks at (four windows).
WINDOW, N_WINDOWS = 512, 4
#: Regions smaller than this part of a nominal cell are specks.
SPECK = 0.12
#: Mean probability inside the regions from which they count as leukocytes.
CONVINCING = 0.8
#: Regions are parted, and none is removed for its size.
_EVERYTHING = PostprocessParams(
    area_lower_deviation=1, area_upper_deviation=20, few_objects="keep", watershed="distance"
)


@dataclass(frozen=True)
class Diameter:
    """A leukocyte's diameter.

    Attributes
    ----------
    px : float
        Diameter, px.
    notes : tuple of str
        What a user should know about it.
    """

    px: float
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Measurement:
    assumed: float
    measured: float
    confidence: float

    @property
    def consistent(self) -> bool:
        low, high = CONSISTENT
        return low <= self.measured / self.assumed <= high and self.confidence >= CONVINCING

    @property
    def merit(self) -> float:
        """Rank of a consistent measurement: sure, and near to what was assumed."""
        return self.confidence - 0.3 * abs(math.log2(self.measured / self.assumed))


def estimate_diameter(rgb: NDArray[np.uint8], member: Member, progress: Progress) -> Diameter:
    """Estimate the diameter of a leukocyte.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    member : Member
        The network to measure with.
    progress : callable
        Called after each assumption.

    Returns
    -------
    Diameter
        If no leukocyte is found, a tenth of the image's smaller side or the network's own diameter,
        whichever is larger, with a note that says so.
    """
    largest = 0.9 * min(rgb.shape[:2])
    assumptions = [largest]
    while assumptions[-1] / STEP >= SMALLEST_PX:
        assumptions.append(assumptions[-1] / STEP)
    total = len(assumptions) + REFINEMENTS
    best: _Measurement | None = None
    for done, assumed in enumerate(assumptions):
        progress(done, total, "Estimating the diameter of a leukocyte")
        found = _measure(rgb, member, assumed)
        if found is None or not found.consistent:
            # Once cells were seen clearly, smaller assumptions only cost time.
            if best is not None:
                break
            continue
        if best is None or found.merit > best.merit:
            best = found
    if best is None:
        fallback = max(member.diameter_px, 0.1 * min(rgb.shape[:2]))
        return Diameter(
            fallback,
            (
                f"No leukocyte was found to estimate the diameter from; {fallback:.0f} px were "
                "assumed: set the diameter if there are leukocytes.",
            ),
        )
    for step in range(REFINEMENTS):
        progress(len(assumptions) + step, total, "Estimating the diameter of a leukocyte")
        again = _measure(rgb, member, best.measured)
        if again is None or not again.consistent:
            break
        near = abs(again.measured / best.measured - 1) < 0.05
        best = again
        if near:
            break
    return Diameter(round(best.measured, 1))


def network_of(member: Member) -> Network:
    """Return a member of a segmentation model as a function of a batch.

    The nucleus map of a network that gives none is 0 everywhere.
    """

    def network(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        size = batch.shape[:3]
        maps = runtime.run(member, batch, (*size, 1), (*size, 2))[0]
        return maps if maps.shape[-1] == 2 else np.concatenate([maps, np.zeros_like(maps)], axis=-1)

    return network


def _measure(rgb: NDArray[np.uint8], member: Member, assumed: float) -> _Measurement | None:
    """Measure the cells in an image shown as if leukocytes had the assumed diameter."""
    scale = member.diameter_px / assumed
    # Measured at the network's resolution at most, so that a large image costs no large maps.
    shrink = min(1.0, scale)
    areas: list[float] = []
    inside: list[float] = []
    for window in _windows(rgb, scale):
        size = tuple(max(1, round(side * shrink)) for side in window.shape[1::-1])
        small = cv2.resize(window, size, interpolation=cv2.INTER_AREA) if shrink < 1 else window
        maps = np.zeros((2, *small.shape[:2]), np.float32)
        predict_tiled(
            np.asarray(small, np.uint8), scale / shrink, network_of(member), maps, lambda: None
        )
        window_areas, window_sums = _cells(maps[0], assumed * shrink)
        areas += window_areas
        inside += window_sums
    if not areas:
        return None
    sizes = np.sort(areas)
    middle = np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)
    diameter = math.sqrt(4 * sizes[middle] / math.pi) / shrink
    return _Measurement(assumed, diameter, sum(inside) / sum(areas))


def _cells(cell: NDArray[np.float32], diameter: float) -> tuple[list[float], list[float]]:
    """Return the area of every cell and the sum of its probabilities."""
    # Parted, since two cells that touch in a field of few would pass for a large one.
    labels = postprocess(cell, _EVERYTHING, diameter=diameter)
    areas = np.bincount(labels.ravel()).astype(np.float64)
    sums = np.bincount(labels.ravel(), weights=cell.ravel())
    enough = areas >= SPECK * np.pi / 4 * diameter**2
    enough[0] = False
    whole = enough.copy()
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        whole[edge] = False
    # Where every cell is cut by the border, a cut one still says something.
    chosen = whole if whole.any() else enough
    return areas[chosen].tolist(), sums[chosen].tolist()


def _windows(rgb: NDArray[np.uint8], scale: float) -> list[NDArray[np.uint8]]:
    """Return the image, or of a large one the windows that are most darkly stained.

    Nuclei absorb green most of all, so windows are ranked by the darkest hundredth of the green
    channel on a coarse grid.
    """
    height, width = rgb.shape[:2]
    side = round(WINDOW / scale)
    if height * width * scale**2 <= N_WINDOWS * WINDOW**2 or side < BLOCK:
        return [rgb]
    starts = [
        (min(y, max(0, height - side)), min(x, max(0, width - side)))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]
    step = max(1, side // 128)
    darkness = [
        float(np.percentile(rgb[y : y + side : step, x : x + side : step, 1], 1)) for y, x in starts
    ]
    chosen = np.argsort(darkness, kind="stable")[:N_WINDOWS]
    return [rgb[y : y + side, x : x + side] for y, x in (starts[i] for i in chosen)]
