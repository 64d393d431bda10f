"""Outlines of masks along the edges of their pixels, which give exactly the same mask back.

Coordinates are those of pixel corners: the pixel of row 2 and column 5 covers x from 5 to 6 and y
from 2 to 3. GeoJSON as QuPath writes it, ImageJ's ROIs and COCO's polygons mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

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
