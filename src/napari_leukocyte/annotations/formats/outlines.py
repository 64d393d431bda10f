"""Outlines of masks along the edges of their pixels, which give exactly the same mask back.

Coordinates are those of pixel corners: the pixel of row 2 and column 5 covers x from 5 to 6 and y
from 2 to 3. GeoJSON as QuPath writes it, ImageJ's ROIs and COCO's polygons mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.left_out import ObjectError
from napari_leukocyte.annotations.formats.limits import ALWAYS_PIXELS, MOST_LAYERS
from napari_leukocyte.errors import FormatError

#: Corners of a ring, (N, 2) int64: x and y, px, not closed.
Ring = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Polygon:
    """A part of an object whose pixels touch at their sides.

    Attributes
    ----------
    exterior : ndarray
        (N, 2) int64, x and y, px; clockwise on the screen.
    holes : tuple of ndarray
        The same of each hole, counterclockwise. Rings may touch at single points, but none
        touches itself and none crosses another.
    """

    exterior: Ring
    holes: tuple[Ring, ...] = ()


# By which of the four pixels about a corner (upper left 1, upper right 2, lower left 4, lower
# right 8) belong to the object: the visits of outlines to that corner. Each comes in on one edge
# and goes out on the other, with the object on its right: the horizontal edge lies to the right (1)
# or left (0) of the corner, the vertical one below (1) or above (0), and the way out is the
# horizontal one (1) or not. Where only two pixels touch at their corners there are two visits,
# as if each were alone.
_VISITS: dict[int, tuple[tuple[int, int, int], ...]] = {
    1: ((0, 0, 1),),
    2: ((1, 0, 0),),
    4: ((0, 1, 0),),
    8: ((1, 1, 1),),
    14: ((0, 0, 0),),
    13: ((1, 0, 1),),
    11: ((0, 1, 1),),
    7: ((1, 1, 0),),
    9: ((0, 0, 1), (1, 1, 1)),
    6: ((1, 0, 0), (0, 1, 0)),
}
_FIRST = np.full((16, 3), -1, np.int8)
_SECOND = np.full((16, 3), -1, np.int8)
for _code, _visits in _VISITS.items():
    _FIRST[_code] = _visits[0]
    if len(_visits) > 1:
        _SECOND[_code] = _visits[1]


def outline(mask: NDArray[np.bool_], y0: int = 0, x0: int = 0) -> list[Polygon]:
    """Return the outline of an object.

    Parameters
    ----------
    mask : ndarray
        (H, W) bool, or uint8 of 0 and 1.
    y0, x0 : int
        Where its first pixel lies in the image, px.

    Returns
    -------
    list of Polygon
        One for each part; pixels that touch only at their corners belong to different parts.
    """
    inside = mask.astype(np.uint8)
    y, x, horizontal_right, vertical_below, leaves_horizontally = _corners(inside)
    if not len(y):
        return []
    across = _partners(np.lexsort((horizontal_right, x, y)))
    along = _partners(np.lexsort((vertical_below, y, x)))
    following = np.where(leaves_horizontally, across, along)
    # The pixel of the object at the way out, by which a ring is known to belong to a part.
    upwards = np.where(leaves_horizontally, horizontal_right == 0, vertical_below == 0)
    leftwards = np.where(leaves_horizontally, horizontal_right == 0, vertical_below == 1)
    _, parts = cv2.connectedComponents(inside, connectivity=4)
    part = parts[y - upwards, x - leftwards]
    corners = np.stack([x, y], axis=1)
    exteriors: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for ring in _rings(following.tolist(), (y * (inside.shape[1] + 1) + x).tolist()):
        points = corners[ring]
        shifted = points + np.array([x0, y0])
        if _doubled_area(points) > 0:
            exteriors[int(part[ring[0]])] = shifted
        else:
            holes.setdefault(int(part[ring[0]]), []).append(shifted)
    return [Polygon(ring, tuple(holes.get(n, ()))) for n, ring in sorted(exteriors.items())]


def is_one_ring(mask: NDArray[np.bool_]) -> bool:
    """Whether an object has one part and no hole, found without following its outline."""
    inside = mask.astype(np.uint8)
    parts, _ = cv2.connectedComponents(inside, connectivity=4)
    around, _ = cv2.connectedComponents(np.pad(1 - inside, 1, constant_values=1), connectivity=4)
    return bool(parts == 2 and around == 2)


def rings_of(polygons: list[Polygon]) -> list[Ring]:
    """Return all rings of polygons, each exterior before its holes."""
    return [ring for p in polygons for ring in (p.exterior, *p.holes)]


def one_path(rings: list[Ring]) -> Ring:
    """Join rings to one path along cuts without width, there and back.

    By the even-odd rule, and by the winding rule, too, it holds the same area.
    """
    first = rings[0]
    pieces = [first]
    for ring in rings[1:]:
        pieces += [first[:1], ring, ring[:1]]
    if len(rings) > 1:
        pieces.append(first[:1])
    return np.concatenate(pieces)


def _corners(inside: NDArray[np.uint8]) -> tuple[NDArray[np.int64], ...]:
    """Return y, x and the three properties of each visit (see `_VISITS`)."""
    height, width = inside.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = inside
    code = padded[:-1, :-1] | padded[:-1, 1:] << 1 | padded[1:, :-1] << 2 | padded[1:, 1:] << 3
    y, x = np.nonzero(_FIRST[code, 0] >= 0)
    codes = code[y, x]
    doubled = _SECOND[codes, 0] >= 0
    visits = np.concatenate([_FIRST[codes], _SECOND[codes[doubled]]]).astype(np.int64)
    return (
        np.concatenate([y, y[doubled]]),
        np.concatenate([x, x[doubled]]),
        *visits.T,
    )


def _partners(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the other end of each visit's edge: in order, each two have one between them."""
    partner = np.empty_like(order)
    partner[order[::2]] = order[1::2]
    partner[order[1::2]] = order[::2]
    return partner


def _rings(following: list[int], place: list[int]) -> list[list[int]]:
    """Follow the visits round; a ring that comes to a corner twice is two rings."""
    rings: list[list[int]] = []
    waiting = [True] * len(following)
    for start in range(len(following)):
        if not waiting[start]:
            continue
        path: list[int] = []
        at: dict[int, int] = {}
        visit = start
        while waiting[visit]:
            waiting[visit] = False
            corner = place[visit]
            if corner in at:
                cut = at[corner]
                rings.append(path[cut:])
                for gone in path[cut:]:
                    del at[place[gone]]
                del path[cut:]
            at[corner] = len(path)
            path.append(visit)
            visit = following[visit]
        rings.append(path)
    return rings


def _doubled_area(points: Ring) -> int:
    x, y = points.T
    closing = x[-1] * y[0] - x[0] * y[-1]
    return int(x[:-1] @ y[1:] - x[1:] @ y[:-1] + closing)


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
        raise FormatError(f"{where} has the coordinate {bad}, which is not a number.")
    if (np.abs(array) > _FARTHEST_PX).any():
        raise FormatError(f"{where} has coordinates larger than any image.")
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
        raise FormatError(f"{where} has an outline that is not a list of points.") from error
    if isinstance(points, list) and not points:
        raise ObjectError(where, "has an outline that is not a list of points", _FEW[0])
    if array.ndim != 2 or array.shape[1] != 2:
        raise FormatError(f"{where} has an outline that is not a list of points.")
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
