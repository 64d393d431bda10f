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
from napari_leukocyte.segmentation.morphology import close_mask, fill_holes, open_mask
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.watershed import part_regions

#: Fewer objects than this have no meaningful median.
FEWEST_FOR_MEDIAN = 3
#: Part of a leukocyte's area below which a region is a speck, no object: specks must not decide
#: what a usual size is.
SPECK = 0.1
_ROWS = 1024


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
        (H, W) int32: 0 is background, objects are 1 to N without a gap.

    Raises
    ------
    ParameterError
        If the map is no two-dimensional array of numbers, the diameter is not positive, or the
        markers or the nucleus map asked for are missing or do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_leukocyte as nl
    >>> y, x = np.mgrid[:100, :200]
    >>> discs = [(y - 50) ** 2 + (x - centre) ** 2 < 30**2 for centre in (70, 120)]
    >>> probability = 0.9 * np.logical_or(*discs)
    >>> int(nl.postprocess(probability, diameter=60).max())  # the two that touch are parted
    2
    >>> int(nl.postprocess(probability, nl.PostprocessParams(watershed="none"), diameter=60).max())
    1
    """
    labels, areas, size = find_regions(
        probability, params, diameter, nucleus, markers, by_area=True
    )
    kept = within_limits(areas, size, params)
    return keep_regions(labels, off_border(labels, kept, params))


def find_regions(
    probability: ArrayLike,
    params: PostprocessParams,
    diameter: float | None = None,
    nucleus: ArrayLike | None = None,
    markers: ArrayLike | None = None,
    *,
    by_area: bool = False,
) -> tuple[NDArray[np.int32], NDArray[np.int64], float]:
    """Find the regions of a probability map that may be cells: clean, label, part.

    Parameters
    ----------
    probability, params, diameter, nucleus, markers
        As for `postprocess`.
    by_area : bool
        Whether the limits of area remove what is too small before anything is parted, as in the
        paper. Else only specks go.

    Returns
    -------
    labels : ndarray
        (H, W) int32: regions, numbered from 1.
    areas : ndarray
        (N + 1,) int64: their areas by number, px; 0 for the background and for what is a speck.
    diameter : float
        Diameter of a leukocyte, px; 0 if nothing is over the threshold.

    Raises
    ------
    ParameterError
        As `postprocess`.
    """
    try:
        array = np.asarray(probability, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ParameterError("A probability map holds one number for each pixel.") from error
    if array.ndim != 2:
        raise ParameterError(f"A probability map has two dimensions, this has {array.ndim}.")
    _check_diameter(diameter)
    nothing = np.zeros(array.shape, np.int32), np.zeros(1, np.int64), 0.0
    if array.size == 0:
        return nothing
    # Compares false with NaN, so that undefined pixels are background.
    mask = (array >= np.float32(params.threshold)).astype(np.uint8)
    size = estimate_diameter_from_mask(mask) if diameter is None else float(diameter)
    if size <= 0:
        return nothing
    mask = open_mask(mask, params.opening_shape, params.opening_size * size)
    mask = close_mask(mask, params.closing_shape, params.closing_size * size)
    if params.fill_holes:
        mask = fill_holes(mask)
    labels, areas = _regions(mask)
    # What no limit would keep is not parted: specks are many.
    low = SPECK * np.pi / 4 * size**2
    if by_area:
        low, _ = area_limits(areas[areas > 0], size, params)
    areas[areas < low] = 0
    return labels, part_regions(labels, areas, params, size, nucleus, markers), size


def _check_diameter(diameter: object) -> None:
    try:
        sound = diameter is None or 0 < float(diameter) < np.inf  # type: ignore[arg-type]
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise ParameterError(f"The diameter must be a positive number of px, not {diameter!r}.")


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
    areas = np.sort(_regions(mask)[1][1:])
    if not areas.size:
        return 0.0
    middle = np.searchsorted(np.cumsum(areas), areas.sum() / 2)
    return float(np.sqrt(4 * areas[middle] / np.pi))


def _regions(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the connected regions, numbered, and their areas; the background's is 0."""
    # OpenCV's own table of areas and boxes takes several times as long as both.
    count, numbered = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    labels = np.asarray(numbered, np.int32)
    areas = np.zeros(count, np.int64)
    for start in range(0, len(labels), _ROWS):
        # NumPy turns what it counts into int64: of a large image, a few rows at a time.
        areas += np.bincount(labels[start : start + _ROWS].ravel(), minlength=count)
    areas[0] = 0
    return labels, areas


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
    solid = areas[areas >= SPECK * expected]
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


def within_limits(
    areas: NDArray[np.int64],
    diameter: float,
    params: PostprocessParams,
    convincing: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Apply the paper's rule: which regions have about the area of a leukocyte.

    Parameters
    ----------
    areas : ndarray
        (N + 1,) by number, px; 0 is none.
    diameter : float
        Diameter of a leukocyte, px.
    params : PostprocessParams
        The deviations.
    convincing : ndarray, optional
        (N + 1,) bool: regions that set the median, if there are any, and are never removed.

    Returns
    -------
    ndarray
        (N + 1,) bool.
    """
    if convincing is None or not convincing.any():
        low, high = area_limits(areas[areas > 0], diameter, params)
    else:
        low, high = area_limits(areas[convincing], diameter, params)
    kept = (areas >= max(low, 1)) & (areas <= high)
    if convincing is not None:
        kept |= convincing & (areas > 0)
    return np.asarray(kept)


def off_border(
    labels: NDArray[np.int32], kept: NDArray[np.bool_], params: PostprocessParams
) -> NDArray[np.bool_]:
    """Apply the rule for the border to regions that are kept.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32.
    kept : ndarray
        (N + 1,) bool by number.
    params : PostprocessParams
        Whether cells that the border cuts are dropped.

    Returns
    -------
    ndarray
        (N + 1,) bool; never the background.
    """
    kept = kept.copy()
    kept[0] = False
    if params.border == "drop" and labels.size:
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            kept[edge] = False
    return kept


def keep_regions(labels: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Keep some regions, and number them from 1 in their order.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32.
    kept : ndarray
        (N + 1,) bool by number; not the background.

    Returns
    -------
    ndarray
        (H, W) int32.
    """
    numbers = np.cumsum(kept, dtype=np.int32) * kept
    return np.take(numbers, labels)
