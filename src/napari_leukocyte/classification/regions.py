"""The objects of a label image, each with its bounding box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ImageError

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
