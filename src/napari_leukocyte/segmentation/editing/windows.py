"""Edits of a label image: windows around objects in which they are made, and their result.

Finding one object takes a pass over the image of a few milliseconds; whatever costs more is done
inside a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError


@dataclass(frozen=True, eq=False)
class Edited:
    """A label image after an edit.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32; a new array.
    changed : tuple of int
        Numbers of the objects that are new or have other pixels than before; ascending.
    removed : tuple of int
        Numbers of the objects that are gone; ascending.
    """

    labels: NDArray[np.int32]
    changed: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, labels: NDArray[np.int32], changed: Iterable[int], removed: Iterable[int] = ()
    ) -> Edited:
        """Put the numbers in order."""
        return cls(labels, tuple(sorted(changed)), tuple(sorted(removed)))

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


#: Rows and columns.
Box: TypeAlias = tuple[slice, slice]
#: For more objects than this one pass that finds all is faster than one for each.
_FEW = 6
#: A pass that finds all needs memory in proportion to the largest number.
_DENSE_LIMIT = 1_000_000


def boxes_of(labels: NDArray[np.int32], numbers: Iterable[int]) -> dict[int, Box]:
    """Find objects.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    numbers : iterable of int
        Of the objects; any order.

    Returns
    -------
    dict
        The bounding box of each, by number; ascending.

    Raises
    ------
    ParameterError
        If there is no such object.
    """
    chosen = sorted({int(n) for n in numbers})
    if len(chosen) <= _FEW or labels.max(initial=0) > _DENSE_LIMIT:
        found = {n: _box_of(labels, n) for n in chosen}
    else:
        from scipy import ndimage

        all_boxes = ndimage.find_objects(labels)
        found = {n: all_boxes[n - 1] if 0 < n <= len(all_boxes) else None for n in chosen}
    boxes = {n: box for n, box in found.items() if box is not None}
    for number in chosen:
        if number not in boxes:
            raise ParameterError("There is no cell {number}.", number=number)
    return boxes


def _box_of(labels: NDArray[np.int32], number: int) -> Box | None:
    if not 0 < number <= np.iinfo(np.int32).max:
        return None
    inside = labels == np.int32(number)
    rows = np.flatnonzero(inside.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(inside[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def widen(box: Box, margin: int, shape: Sequence[int]) -> Box:
    """Return a box with a margin, px, as far as the image reaches."""
    rows, columns = (
        slice(max(0, side.start - margin), min(length, side.stop + margin))
        for side, length in zip(box, shape, strict=True)
    )
    return rows, columns


def framed(mask: NDArray[np.bool_], width: int = 1) -> NDArray[np.uint8]:
    """Return a mask, 0 or 1, with background all around it."""
    return np.pad(mask.view(np.uint8), width)


def regions(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Return the 8-connected regions of a mask, numbered from 1, and their count."""
    count, numbered = cv2.connectedComponents(
        np.ascontiguousarray(mask).view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    return np.asarray(numbered, np.int32), count - 1


def as_points(points: ArrayLike, least: int, what: str) -> NDArray[np.float64]:
    """Check points, (N, 2) y and x in px; `what` begins the sentence if they are wrong."""
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError("{what} must be numbers: y and x of each.", what=what) from error
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise ParameterError("{what} must be numbers: y and x of each.", what=what)
    if len(array) < least:
        raise ParameterError("{what} must be at least {least}.", what=what, least=least)
    return array
