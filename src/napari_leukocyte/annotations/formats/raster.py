"""Masks of polygons: a pixel belongs to one if its centre lies inside, by the even-odd rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.left_out import ObjectError
from napari_leukocyte.annotations.formats.limits import ALWAYS_PIXELS, MOST_LAYERS
from napari_leukocyte.errors import FormatError

#: Crossings of outlines with rows of pixels that are worked on, at most.
_MOST_CROSSINGS = 50_000_000
#: A centre on an outline belongs to what lies to its right and below, so that of two polygons
#: with a common side, each centre belongs to one.
_CENTRE = 0.5
#: Digits of a crossing's place, px, that are more than rounding.
_DIGITS = 9
#: Coordinates beyond lose their fractions.
_FARTHEST_PX = 1e9
_FEW = {0: "empty polygon", 1: "one-point polygon", 2: "two-point polygon"}


def check_ring(points: object, where: str) -> NDArray[np.float64]:
    """Return the corners of a ring that a file gives.

    Parameters
    ----------
    points : object
        A sequence of pairs: x and y, px.
    where : str
        What the object is called in a sentence.

    Returns
    -------
    ndarray
        (N, 2) float64.

    Raises
    ------
    ObjectError
        If they have no area between them.
    FormatError
        If these are no pairs of finite numbers.
    """
    array = _pairs(points, where)
    if not np.isfinite(array).all():
        bad = "NaN" if np.isnan(array).any() else "Infinity"
        raise FormatError(f"{where} has the coordinate {bad}, which is no number.")
    if (np.abs(array) > _FARTHEST_PX).any():
        raise FormatError(f"{where} has coordinates that no image has.")
    if len(array) < 3 or _collinear(array):
        kind = _FEW.get(len(np.unique(array, axis=0)), "flat polygon")
        raise ObjectError(where, "has an outline without area: its points lie on one line", kind)
    return array


def fill(
    rings: Sequence[NDArray[Any]], shape: tuple[int, int], where: str
) -> tuple[NDArray[np.bool_], int, int]:
    """Fill an outline.

    Parameters
    ----------
    rings : sequence of ndarray
        Each (N, 2): x and y, px; what leaves the image is cut off.
    shape : tuple of int
        Height and width of the image, px.
    where : str
        What the object is called in a sentence.

    Returns
    -------
    mask : ndarray
        (h, w) bool; of no size if no pixel's centre is inside.
    y0, x0 : int
        Where its first pixel lies, px.

    Raises
    ------
    FormatError
        If the outline is too long.
    """
    starts = np.concatenate(rings).astype(np.float64)
    ends = np.concatenate([np.roll(r, -1, axis=0) for r in rings]).astype(np.float64)
    upside_down = starts[:, 1] > ends[:, 1]
    top = np.where(upside_down[:, np.newaxis], ends, starts)
    bottom = np.where(upside_down[:, np.newaxis], starts, ends)
    first, last = (
        np.clip(np.ceil(y - _CENTRE), 0, shape[0]).astype(np.int64)
        for y in (top[:, 1], bottom[:, 1])
    )
    number = last - first
    crossings = int(number.sum())
    if crossings > _MOST_CROSSINGS:
        raise FormatError(f"{where} has an outline too long to be filled.")
    if crossings == 0:
        return np.zeros((0, 0), bool), 0, 0
    edge = np.repeat(np.arange(len(number)), number)
    row = np.arange(crossings) - np.repeat(np.cumsum(number) - number, number) + first[edge]
    slope = np.zeros(len(number))
    crossed = number > 0
    slope[crossed] = (bottom[crossed, 0] - top[crossed, 0]) / (bottom[crossed, 1] - top[crossed, 1])
    x = top[edge, 0] + (row + _CENTRE - top[edge, 1]) * slope[edge]
    # An outline through a centre goes through it wherever the shape lies: without rounding, the
    # last digit would decide.
    column = np.clip(np.ceil(np.round(x - _CENTRE, _DIGITS)), 0, shape[1]).astype(np.int64)
    y0, x0 = int(row.min()), int(column.min())
    height, width = int(row.max()) - y0 + 1, int(column.max()) - x0
    toggles = np.bincount((row - y0) * (width + 1) + column - x0, minlength=height * (width + 1))
    odd = (toggles & 1).astype(np.uint8).reshape(height, width + 1)
    mask = np.bitwise_xor.accumulate(odd, axis=1)[:, :width]
    return mask.astype(bool), y0, x0


def _pairs(points: object, where: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(points, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError(f"{where} has an outline that is no list of points.") from error
    if isinstance(points, list) and not points:
        raise ObjectError(where, "has an outline that is no list of points", _FEW[0])
    if array.ndim != 2 or array.shape[1] != 2:
        raise FormatError(f"{where} has an outline that is no list of points.")
    return array


def _collinear(points: NDArray[np.float64]) -> bool:
    """Whether all points lie on one line, or are one."""
    steps = points - points[0]
    farthest = steps[np.argmax(np.abs(steps).sum(axis=1))]
    sides = steps[:, 0] * farthest[1] - steps[:, 1] * farthest[0]
    return bool(np.abs(sides).max() <= 1e-9 * max(1.0, float(np.abs(farthest).sum()) ** 2))


def fill_parts(
    parts: Sequence[Sequence[NDArray[Any]]], shape: tuple[int, int], where: str
) -> tuple[NDArray[np.bool_], int, int]:
    """Fill an object of several parts, which may overlap.

    Parameters
    ----------
    parts : sequence of sequence of ndarray
        The rings of each part; see `fill`, as for all else.
    """
    if len(parts) == 1:
        return fill(parts[0], shape, where)
    corners = np.concatenate([ring for rings in parts for ring in rings])
    size = shape[::-1]
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, size).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, size).astype(int).tolist()
    mask = np.zeros((y1 - y0, x1 - x0), bool)
    left = max(MOST_LAYERS * mask.size, ALWAYS_PIXELS)
    for rings in parts:
        part, y, x = fill(rings, shape, where)
        left -= part.size
        if left < 0:
            raise FormatError(f"{where} has parts that cover each other hundreds of times.")
        mask[y - y0 : y - y0 + part.shape[0], x - x0 : x - x0 + part.shape[1]] |= part
    return mask, y0, x0
