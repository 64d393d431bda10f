"""From a probability map to a label image.

The steps and their order follow Chernykh, Mikhelev and others (2024): opening and closing,
connected regions, removal by area against the median, watershed. Two things differ, because
touching cells would be lost otherwise: only the lower limit of area applies before the
watershed, and both apply to what it has parted.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.parameters import KernelShape, PostprocessParams
from napari_leukocyte.segmentation.parting import part_regions

#: Fewer objects than this have no meaningful median.
FEWEST_FOR_MEDIAN = 3
_SHAPES = {
    "ellipse": cv2.MORPH_ELLIPSE,
    "rectangle": cv2.MORPH_RECT,
    "cross": cv2.MORPH_CROSS,
}


def postprocess(
    probability: ArrayLike,
    params: PostprocessParams = PostprocessParams(),  # noqa: B008 - frozen
    *,
    diameter: float | None = None,
    nucleus: ArrayLike | None = None,
    markers: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Turn a probability map into a label image.

    Parameters
    ----------
    probability : array_like
        (H, W), 0 to 1: the probability of a leukocyte.
    params : PostprocessParams
        What to do; the default serves whole fields and single cells.
    diameter : float, optional
        Diameter of a leukocyte, px. Without it, it is estimated from the regions over the
        threshold (see :func:`estimate_diameter_from_mask`).
    nucleus : array_like, optional
        (H, W), 0 to 1: the probability of a nucleus; needed for ``watershed="nucleus"``.
    markers : array_like, optional
        (N, 2): y and x, px, of points that a user placed; needed for ``watershed="points"``.

    Returns
    -------
    ndarray
        (H, W) int32: 0 is background, objects are 1 to N from top to bottom.

    Raises
    ------
    ParameterError
        If the map has no two dimensions, or the markers or the nucleus map asked for are missing.
    """
    array = np.asarray(probability, dtype=np.float32)
    if array.ndim != 2:
        raise ParameterError(f"A probability map has two dimensions, this has {array.ndim}.")
    if diameter is not None and not (np.isfinite(diameter) and diameter > 0):
        raise ParameterError(f"The diameter must be positive, not {diameter:g}.")
    if array.size == 0:
        return np.zeros(array.shape, np.int32)
    # Compares false with NaN, so that undefined pixels are background.
    mask = (array >= np.float32(params.threshold)).astype(np.uint8)
    size = estimate_diameter_from_mask(mask) if diameter is None else float(diameter)
    if size <= 0:
        return np.zeros(array.shape, np.int32)
    mask = _morphology(mask, cv2.MORPH_OPEN, params.opening_shape, params.opening_size * size)
    mask = _morphology(mask, cv2.MORPH_CLOSE, params.closing_shape, params.closing_size * size)
    if params.fill_holes:
        mask = fill_holes(mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = 0
    low, _ = area_limits(areas[1:], size, params)
    kept = areas >= low
    kept[0] = False
    parted = part_regions(labels, stats, kept, params, size, nucleus, markers)
    return _select(parted, size, params)


def estimate_diameter_from_mask(mask: NDArray[np.uint8]) -> float:
    """Estimate a leukocyte's diameter from the regions of a mask.

    Parameters
    ----------
    mask : ndarray
        (H, W) uint8, not 0 inside.

    Returns
    -------
    float
        Diameter, px, of a disc of the area-weighted median area; 0 if the mask is empty. Weighting
        by area keeps specks from pulling it down.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA].astype(np.float64))
    if not areas.size:
        return 0.0
    middle = np.searchsorted(np.cumsum(areas), areas.sum() / 2)
    return float(np.sqrt(4 * areas[middle] / np.pi))


def _morphology(
    mask: NDArray[np.uint8], operation: int, shape: KernelShape, width: float
) -> NDArray[np.uint8]:
    side = round(width)
    if side < 2:
        return mask
    side += 1 - side % 2  # odd, so that the result is not shifted
    kernel = cv2.getStructuringElement(_SHAPES[shape], (side, side))
    # The surroundings repeat the edge: a cell cut by the border keeps its cut side.
    pad = side // 2 + 1
    padded = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    result = cv2.morphologyEx(padded, operation, kernel)
    return np.ascontiguousarray(result[pad:-pad, pad:-pad], np.uint8)


def fill_holes(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill background that does not reach the image's border.

    Parameters
    ----------
    mask : ndarray
        (H, W) uint8, 0 or 1.

    Returns
    -------
    ndarray
        (H, W) uint8, 0 or 1.
    """
    h, w = mask.shape
    # A frame of background joins everything that reaches the border into one region.
    framed = cv2.copyMakeBorder(1 - mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 0, flags=4)
    filled: NDArray[np.uint8] = mask | framed[1 : h + 1, 1 : w + 1].astype(np.uint8)
    return filled


def area_limits(
    areas: NDArray[np.int64], diameter: float, params: PostprocessParams
) -> tuple[float, float]:
    """Return the least and the greatest area that is kept.

    Parameters
    ----------
    areas : ndarray
        (N,): areas of the objects, px.
    diameter : float
        Diameter of a leukocyte, px.
    params : PostprocessParams
        The deviations, and what to do with fewer than three objects.

    Returns
    -------
    low, high : float
        In px; ``(0, inf)`` if nothing is to be removed.
    """
    expected = np.pi / 4 * diameter**2
    # Specks are no objects: they must not decide what a usual size is.
    solid = areas[areas >= 0.1 * expected]
    if solid.size >= FEWEST_FOR_MEDIAN:
        reference = float(np.median(solid))
    elif params.few_objects == "expected":
        reference = expected
    else:
        return 0.0, float("inf")
    return (
        (1 - params.area_lower_deviation) * reference,
        (1 + params.area_upper_deviation) * reference,
    )


def _select(
    labels: NDArray[np.int32], diameter: float, params: PostprocessParams
) -> NDArray[np.int32]:
    """Apply the limits of area and the rule for the border, and number from 1."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    low, high = area_limits(areas[1:][areas[1:] > 0], diameter, params)
    kept = (areas >= max(low, 1)) & (areas <= high)
    if params.border == "drop":
        edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
        kept[np.unique(np.concatenate(edges))] = False
    kept[0] = False
    numbers = np.cumsum(kept, dtype=np.int32) * kept
    return np.asarray(numbers[labels], np.int32)
