"""The objects of a label image: their bounding boxes and their measurements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.schema import MEASURED, NUCLEUS_THRESHOLD, WHOLE

#: Above this largest number a pass over all numbers would take longer than over the pixels.
_DENSE_LIMIT = 100_000


@dataclass(frozen=True, eq=False)
class Region:
    """One object.

    Attributes
    ----------
    label : int
        Its number in the label image.
    y0, x0, y1, x1 : int
        Bounding box, px; the ends are exclusive.
    mask : ndarray
        (y1 - y0, x1 - x0) bool: where it is inside its box.
    """

    label: int
    y0: int
    x0: int
    y1: int
    x1: int
    mask: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """Area, px."""
        return int(np.count_nonzero(self.mask))


def as_label_image(labels: ArrayLike, shape: tuple[int, int] | None = None) -> NDArray[np.int32]:
    """Check a label image and return it as int32.

    Parameters
    ----------
    labels : array_like
        (H, W) integers, 0 for background.
    shape : (int, int), optional
        Shape that it must have.

    Returns
    -------
    ndarray
        (H, W) int32.

    Raises
    ------
    ImageError
        If it has another shape or holds anything but integers from 0 to 2147483647.
    """
    array: NDArray[Any] = np.asarray(labels)
    if array.ndim != 2 or (shape is not None and array.shape != shape):
        wanted = "two dimensions" if shape is None else f"shape {shape}"
        raise ImageError(f"The label image must have {wanted}, but its shape is {array.shape}.")
    if not (np.issubdtype(array.dtype, np.integer) or array.dtype == bool):
        raise ImageError(f"A label image holds whole numbers, this holds {array.dtype}.")
    if array.size and (int(array.min()) < 0 or int(array.max()) > np.iinfo(np.int32).max):
        raise ImageError("Label numbers must lie from 0 to 2147483647.")
    return array.astype(np.int32, copy=False)


def iterate_regions(labels: NDArray[np.int32]) -> Iterator[Region]:
    """Go through the objects of a label image in the order of their numbers.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32.

    Yields
    ------
    Region
    """
    from scipy import ndimage

    if labels.size == 0:  # SciPy stumbles
        return
    largest = int(labels.max())
    numbers = np.arange(largest + 1) if largest <= _DENSE_LIMIT else np.unique(labels)
    dense = labels if largest <= _DENSE_LIMIT else np.searchsorted(numbers, labels)
    offset = 0 if largest <= _DENSE_LIMIT or numbers[0] == 0 else 1
    for index, box in enumerate(ndimage.find_objects(dense + offset), start=1):
        if box is not None:
            label = int(numbers[index - offset])
            rows, columns = box
            yield Region(
                label,
                rows.start,
                columns.start,
                rows.stop,
                columns.stop,
                labels[box] == label,
            )


def measure(labels: ArrayLike, nucleus: ArrayLike | None = None) -> pd.DataFrame:
    """Measure every object.

    Parameters
    ----------
    labels : array_like
        (H, W) integers.
    nucleus : array_like, optional
        (H, W), 0 to 1: the probability of a nucleus.

    Returns
    -------
    pandas.DataFrame
        One row an object, in the order of the labels: ``label``; centroid ``y``, ``x``, px;
        bounding box ``bbox_y0``, ``bbox_x0``, ``bbox_y1``, ``bbox_x1``, px, ends exclusive;
        ``area_px``; ``equivalent_diameter_px``, of the disc of that area; ``circularity``,
        4 pi area / perimeter^2 with Crofton's perimeter, at most 1; ``solidity``, area over
        the convex hull's; ``nucleus_cell_ratio``, area of the nucleus over the whole cell's, NaN
        without a nucleus map or with one that is 0 everywhere.

    Raises
    ------
    ImageError
        If an argument has the wrong shape or type.
    """
    array = as_label_image(labels)
    return _table(iterate_regions(array), _nuclei(array, nucleus))


def measure_some(
    labels: ArrayLike,
    numbers: Collection[int],
    box: tuple[int, int, int, int],
    nucleus: ArrayLike | None = None,
) -> pd.DataFrame:
    """Measure some of the objects, for when few of many have changed.

    Parameters
    ----------
    labels, nucleus : array_like
        As for `measure`.
    numbers : collection of int
        Which objects; those that do not exist are passed over.
    box : tuple of int
        y0, x0, y1, x1, px, ends exclusive: wholly holds these objects.

    Returns
    -------
    pandas.DataFrame
        Exactly their rows of what `measure` returns.

    Raises
    ------
    ImageError
        As `measure`.
    """
    array = as_label_image(labels)
    y0, x0, y1, x1 = box
    part = array[y0:y1, x0:x1]
    asked = np.where(np.isin(part, list(numbers)), part, np.int32(0))
    regions = (
        replace(r, y0=r.y0 + y0, x0=r.x0 + x0, y1=r.y1 + y0, x1=r.x1 + x0)
        for r in iterate_regions(asked)
    )
    return _table(regions, _nuclei(array, nucleus))


def _nuclei(labels: NDArray[np.int32], nucleus: ArrayLike | None) -> NDArray[np.bool_] | None:
    if nucleus is None:
        return None
    probability = np.asarray(nucleus)
    if not (np.issubdtype(probability.dtype, np.number) or probability.dtype == bool):
        raise ImageError(f"The nucleus map holds {probability.dtype} values, not numbers.")
    if probability.shape != labels.shape:
        raise ImageError(
            f"The nucleus map has shape {probability.shape}, the label image {labels.shape}."
        )
    # A network that maps no nuclei leaves the map 0 everywhere, which no sigmoid does.
    return np.asarray(probability >= NUCLEUS_THRESHOLD) if probability.any() else None


def _table(regions: Iterable[Region], nuclei: NDArray[np.bool_] | None) -> pd.DataFrame:
    columns = list(zip(*(measure_region(region, nuclei) for region in regions), strict=True))
    # Built of whole columns: turning a table's types takes ten times as long.
    return pd.DataFrame(
        {
            name: np.array(values, np.int64 if name in WHOLE else np.float64)
            for name, values in zip(MEASURED, columns or [()] * len(MEASURED), strict=True)
        }
    )


def measure_region(region: Region, nuclei: NDArray[np.bool_] | None) -> tuple[float, ...]:
    """Measure one object: its values in the order of `schema.MEASURED`.

    Parameters
    ----------
    region : Region
        The object.
    nuclei : ndarray, optional
        (H, W) bool: where nuclei are in the region's image.
    """
    ys, xs = np.nonzero(region.mask)
    area = len(ys)
    box = (region.y0, region.x0, region.y1, region.x1)
    ratio = float("nan")
    if nuclei is not None:
        inside = nuclei[region.y0 : region.y1, region.x0 : region.x1] & region.mask
        ratio = float(np.count_nonzero(inside)) / area
    return (
        region.label,
        region.y0 + float(ys.mean()),
        region.x0 + float(xs.mean()),
        *box,
        area,
        float(np.sqrt(4 * area / np.pi)),
        _circularity(region.mask, area),
        _solidity(region.mask, area),
        ratio,
    )


def _circularity(mask: NDArray[np.bool_], area: int) -> float:
    return min(1.0, 4 * np.pi * area / _perimeter(mask) ** 2)


def _perimeter(mask: NDArray[np.bool_]) -> float:
    """Return Crofton's perimeter: how often lines in four directions cross the edge."""
    padded = np.pad(mask, 1)
    straight = np.count_nonzero(padded[1:] != padded[:-1])
    straight += np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    diagonal = np.count_nonzero(padded[1:, 1:] != padded[:-1, :-1])
    diagonal += np.count_nonzero(padded[1:, :-1] != padded[:-1, 1:])
    # Diagonal lines through pixels are nearer to each other.
    return float(np.pi / 8 * (straight + diagonal / np.sqrt(2)))


def _solidity(mask: NDArray[np.bool_], area: int) -> float:
    """Return the area over that of the convex hull of the middles of the pixels' sides.

    A hull of their corners would find no round cell convex, and the less so the smaller it is.
    """
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    centres = np.concatenate(contours).reshape(-1, 2).astype(np.float32)
    offsets = np.array([[-0.5, 0], [0.5, 0], [0, -0.5], [0, 0.5]], np.float32)
    middles = (centres[:, np.newaxis] + offsets).reshape(-1, 1, 2)
    hull = float(cv2.contourArea(cv2.convexHull(middles)))
    return min(1.0, area / hull) if hull > 0 else 1.0
