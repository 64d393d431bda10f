"""Part touching cells by watershed, region by region.

Working inside the bounding box of each region keeps a field of a million pixels within a few
milliseconds: most regions have one marker and need no flooding at all.

References
----------
.. [1] Soille, "Morphological Image Analysis", Springer 2004, sections 6.3 (h-maxima) and 9
   (watershed).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.parameters import PostprocessParams

Points = NDArray[np.float64]


def part_regions(
    labels: NDArray[np.int32],
    stats: NDArray[np.int32],
    kept: NDArray[np.bool_],
    params: PostprocessParams,
    diameter: float,
    nucleus: ArrayLike | None = None,
    markers: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Part the regions that hold more than one marker; remove those not kept.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32: connected regions.
    stats : ndarray
        (N + 1, 5): OpenCV's table of the regions.
    kept : ndarray
        (N + 1,) bool: which regions stay; entry 0 is the background.
    params : PostprocessParams
        Kind and distances of the markers.
    diameter : float
        Diameter of a leukocyte, px.
    nucleus, markers : array_like, optional
        See :func:`napari_leukocyte.segmentation.postprocess.postprocess`.

    Returns
    -------
    ndarray
        (H, W) int32 with numbers of its own.

    Raises
    ------
    ParameterError
        If the markers or the nucleus map asked for are missing or do not fit.
    """
    source = _nucleus_mask(nucleus, labels.shape, params)
    points = _points(markers, params)
    numbers = np.cumsum(kept, dtype=np.int32) * kept
    result = np.asarray(numbers[labels], np.int32)
    if params.watershed == "none":
        return result
    following = int(numbers.max(initial=0)) + 1
    for region in np.flatnonzero(kept):
        x, y, w, h = (int(v) for v in stats[region, :4])
        inside = (labels[y : y + h, x : x + w] == region).astype(np.uint8)
        # A frame of background, so that the box's own edge counts as the region's.
        inside = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
        if params.watershed == "distance":
            seeds = _distance_seeds(distance, params, diameter)
        elif source is not None:
            box = cv2.copyMakeBorder(
                source[y : y + h, x : x + w], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
            )
            seeds = _nucleus_seeds(box & inside, params.marker_distance * diameter)
        else:
            seeds = _point_seeds(points - (y - 1, x - 1), inside)
        count = int(seeds.max())
        if count > 1:
            from skimage.segmentation import watershed

            parts = watershed(-distance, seeds, mask=inside.astype(bool))[1:-1, 1:-1]
            view = result[y : y + h, x : x + w]
            # The first part keeps the region's number.
            table = np.concatenate([[0, numbers[region]], following + np.arange(count - 1)])
            view[parts > 0] = table[parts[parts > 0]]
            following += count - 1
    return result


def _nucleus_mask(
    nucleus: ArrayLike | None, shape: tuple[int, ...], params: PostprocessParams
) -> NDArray[np.uint8] | None:
    if params.watershed != "nucleus":
        return None
    if nucleus is None:
        raise ParameterError("Parting by nuclei needs the nucleus map: run the segmentation first.")
    array = np.asarray(nucleus)
    if array.shape != shape:
        raise ParameterError(f"The nucleus map has shape {array.shape}, the cell map {shape}.")
    return (array >= 0.5).astype(np.uint8)


def _points(markers: ArrayLike | None, params: PostprocessParams) -> Points:
    if params.watershed != "points":
        return np.empty((0, 2))
    if markers is None:
        raise ParameterError("Parting by points needs a Points layer with a point on each cell.")
    points = np.asarray(markers, dtype=np.float64)
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise ParameterError(f"Markers must be an (N, 2) array of y and x, not {points.shape}.")
    points = points.reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]


def _distance_seeds(
    distance: NDArray[np.float32], params: PostprocessParams, diameter: float
) -> NDArray[np.int32]:
    """Mark the peaks of the distance transform that are high and far enough apart."""
    reach = max(1, round(params.marker_distance * diameter / 2))
    highest = cv2.dilate(distance, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    peaks = ((distance >= highest) & (distance > 0)).astype(np.uint8)
    count, plateaus, _, centres = cv2.connectedComponentsWithStats(peaks)
    seeds = np.zeros(distance.shape, np.int32)
    ys, xs = np.nonzero(plateaus)
    heights = np.zeros(count)
    heights[plateaus[ys, xs]] = distance[ys, xs]
    order = np.argsort(-heights[1:], kind="stable") + 1
    accepted: list[int] = []
    for peak in order:
        apart = all(
            np.hypot(*(centres[peak] - centres[other])) >= params.marker_distance * diameter
            for other in accepted
        )
        if apart and _stands_out(distance, plateaus, peak, accepted, heights, params, diameter):
            accepted.append(int(peak))
    for number, peak in enumerate(accepted, start=1):
        seeds[plateaus == peak] = number
    return seeds


def _stands_out(
    distance: NDArray[np.float32],
    plateaus: NDArray[np.int32],
    peak: int,
    accepted: list[int],
    heights: NDArray[np.float64],
    params: PostprocessParams,
    diameter: float,
) -> bool:
    """Whether a peak rises far enough over its saddle to any higher, accepted one (h-maxima)."""
    if not accepted:
        return True
    level = heights[peak] - params.marker_height * diameter
    _, joined = cv2.connectedComponents((distance > level).astype(np.uint8))
    own = joined[plateaus == peak][0]
    return not any((joined[plateaus == other] == own).any() for other in accepted)


def _nucleus_seeds(nuclei: NDArray[np.uint8], distance: float) -> NDArray[np.int32]:
    """Mark nuclei; lobes whose centres are near each other are one nucleus."""
    count, lobes, stats, centres = cv2.connectedComponentsWithStats(nuclei)
    # Specks of a lobe's size or less of a hundredth of the region are noise of the map.
    large = stats[:, cv2.CC_STAT_AREA] >= 0.05 * stats[1:, cv2.CC_STAT_AREA].sum()
    group = np.arange(count)
    for i in range(1, count):
        for j in range(1, i):
            if np.hypot(*(centres[i] - centres[j])) < distance:
                group[group == group[i]] = group[j]
    numbers = np.zeros(count, np.int32)
    roots = sorted({int(group[i]) for i in range(1, count) if large[i]})
    for number, root in enumerate(roots, start=1):
        numbers[(group == root) & large] = number
    numbers[0] = 0
    return np.asarray(numbers[lobes], np.int32)


def _point_seeds(points: Points, inside: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Mark the points that lie in the region."""
    seeds = np.zeros(inside.shape, np.int32)
    number = 0
    for y, x in np.round(points).astype(np.int64):
        within = 0 <= y < inside.shape[0] and 0 <= x < inside.shape[1]
        if within and inside[y, x] and not seeds[y, x]:
            number += 1
            seeds[y, x] = number
    return seeds
