"""The watershed that parts touching cells, region by region.

Working inside the bounding box of each region keeps a field of a million pixels within a few
milliseconds: most regions have one seed and need no flooding at all.

The watershed does not start from a pixel of each cell but from the largest disc around it that the
region holds. Where three cells meet, the distance from the background is as large between them
as inside, and a flood from single pixels would give one of them the whole of the middle.

References
----------
.. [1] Soille, "Morphological Image Analysis", Springer 2004, chapter 9 (watershed).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.schema import NUCLEUS_THRESHOLD
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.seeds import distance_seeds, grow_seeds, nucleus_seeds


def part_regions(
    labels: NDArray[np.int32],
    areas: NDArray[np.int64],
    params: PostprocessParams,
    diameter: float,
    nucleus: ArrayLike | None = None,
    markers: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Part the regions that hold more than one seed, in place.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32: connected regions, 1 to N. Of a region that is parted, one part keeps
        the number, the others get numbers from N + 1.
    areas : ndarray
        (N + 1,): areas of the regions, px; those with area 0, such as the background, are left
        alone.
    params : PostprocessParams
        Kind and distances of the seeds.
    diameter : float
        Diameter of a leukocyte, px.
    nucleus, markers : array_like, optional
        See :func:`napari_leukocyte.segmentation.postprocess.postprocess`.

    Returns
    -------
    ndarray
        (M + 1,): areas of the regions and their parts, px.

    Raises
    ------
    ParameterError
        If the markers or the nucleus map asked for are missing or do not fit.
    """
    nuclei = _nuclei(nucleus, labels.shape, params)
    points = _points(markers, labels, params)
    if params.watershed == "none":
        return areas
    from scipy import ndimage

    apart, height = params.marker_distance * diameter, params.marker_height * diameter
    result = areas.tolist()
    boxes = ndimage.find_objects(labels)
    for region in np.flatnonzero(areas).tolist():
        box = boxes[region - 1]
        if params.watershed == "points" and len(points.get(region, ())) < 2:
            continue
        # A frame of background, so that the box's own edge counts as the region's.
        height_px, width_px = labels[box].shape
        inside = np.zeros((height_px + 2, width_px + 2), bool)
        np.equal(labels[box], region, out=inside[1:-1, 1:-1])
        if params.watershed == "nucleus":
            seeds = nucleus_seeds(np.pad(nuclei[box], 1) & inside, apart, diameter)
        elif params.watershed == "points":
            seeds = np.zeros(inside.shape, np.int32)
            y, x = (points[region] - (box[0].start - 1, box[1].start - 1)).T
            seeds[y, x] = np.arange(1, y.size + 1)
        else:
            seeds = distance_seeds(_distance(inside), apart, height, diameter)
        count = int(seeds.max())
        if count < 2:
            continue
        parts = flood(inside, seeds, diameter)[1:-1, 1:-1]
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        numbers = np.arange(len(result) - 2, len(result) + count - 1, dtype=np.int32)
        numbers[1] = region
        np.copyto(labels[box], numbers[parts], where=parts > 0)
        result[region] = int(sizes[1])
        result += sizes[2:].tolist()
    return np.array(result, np.int64)


def flood(
    inside: NDArray[np.bool_],
    seeds: NDArray[np.int32],
    diameter: float,
    weight: NDArray[np.float32] | None = None,
) -> NDArray[np.int32]:
    """Part a region by a watershed from its seeds on the distance from the background.

    Parameters
    ----------
    inside : ndarray
        (H, W) bool: the region, with background all around it.
    seeds : ndarray
        (H, W) int32: 1 to N inside, else 0.
    diameter : float
        Diameter of a leukocyte, px.
    weight : ndarray, optional
        (H, W) float32: where it is lower, the parts rather meet.

    Returns
    -------
    ndarray
        (H, W) int32: the seeds' numbers wherever the region is connected with one.
    """
    from skimage.segmentation import watershed

    distance = _distance(inside)
    seeds = grow_seeds(seeds, distance, diameter)
    seeds[~inside] = 0
    # Only what the seeds leave free is flooded, from the pixels next to it: that is a small part.
    free = (inside & (seeds == 0)).view(np.uint8)
    shore = cv2.dilate(free, np.ones((3, 3), np.uint8)).astype(bool) & inside
    relief = -distance if weight is None else -distance * weight
    flooded = watershed(relief, np.where(shore, seeds, 0), connectivity=2, mask=shore)
    return np.where(shore, flooded, seeds).astype(np.int32)


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    distance = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(distance, np.float32)


def _nuclei(
    nucleus: ArrayLike | None, shape: tuple[int, ...], params: PostprocessParams
) -> NDArray[np.bool_]:
    if params.watershed != "nucleus":
        return np.empty((0, 0), bool)
    if nucleus is None:
        raise ParameterError(
            "Watershed by nuclei needs the nucleus map: run the segmentation first."
        )
    array = np.asarray(nucleus)
    if array.shape != shape:
        raise ParameterError(f"The nucleus map has shape {array.shape}, the cell map {shape}.")
    return np.asarray(array >= NUCLEUS_THRESHOLD)


def _points(
    markers: ArrayLike | None, labels: NDArray[np.int32], params: PostprocessParams
) -> dict[int, NDArray[np.intp]]:
    """Return the pixels under the points that lie in a region, by region."""
    if params.watershed != "points":
        return {}
    if markers is None:
        raise ParameterError("Watershed by points needs a Points layer with a point on each cell.")
    try:
        points = np.asarray(markers, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError("Markers must be numbers: y and x of each.") from error
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise ParameterError(f"Markers must be an (N, 2) array of y and x, not {points.shape}.")
    rounded = np.round(points.reshape(-1, 2))
    # Compares false with NaN. Points beside the image mark nothing.
    within = ((rounded >= 0) & (rounded < labels.shape)).all(axis=1)
    pixels = np.unique(rounded[within].astype(np.intp), axis=0)
    regions = labels[pixels[:, 0], pixels[:, 1]]
    return {int(n): pixels[regions == n] for n in np.unique(regions) if n > 0}
