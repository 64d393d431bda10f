"""Whole cells by hand: one added at a click, some deleted, several made one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.language import later
from napari_leukocyte.segmentation.editing.candidates import Click, from_probability, from_stain
from napari_leukocyte.segmentation.editing.windows import (
    Box,
    Edited,
    as_points,
    boxes_of,
    framed,
    regions,
    widen,
)
from napari_leukocyte.segmentation.matching import fresh_numbers

#: How far from the click, in diameters, is looked: a cell of usual size fits in wherever it was
#: clicked.
REACH = 1.25


def add_at(
    labels: NDArray[np.int32],
    point: ArrayLike,
    probability: NDArray[np.float32] | None,
    image: NDArray[np.uint8] | None,
    diameter: float,
    next_label: int | None = None,
) -> Edited:
    """Add the cell under a click.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    point : array_like
        y and x of the click, px.
    probability : ndarray or None
        (H, W) float32, 0 to 1, of a leukocyte; tried first.
    image : ndarray or None
        (H, W, 3) uint8: its stain is tried where the map shows nothing.
    diameter : float
        Diameter of a leukocyte, px.
    next_label : int, optional
        Number for the new object; by default one more than the largest.

    Returns
    -------
    Edited
        The new object takes pixels of the background only, in reach of 1.25 diameters.

    Raises
    ------
    ParameterError
        If the click lies beside the image or on an object, the diameter is not positive, or there
        is nothing of a cell's size.
    """
    if not 0 < diameter < math.inf:
        raise ParameterError(
            "The diameter must be a positive number of px, not {diameter!r}.", diameter=diameter
        )
    y, x = (
        round(c)
        for c in as_points(np.array([point], object), 1, later("A click's coordinates"))[0].tolist()
    )
    height, width = labels.shape
    if not (0 <= y < height and 0 <= x < width):
        raise ParameterError("Click inside the image to add a cell.")
    if labels[y, x]:
        raise ParameterError(
            "There is cell {number} already: click beside it.", number=labels[y, x]
        )
    reach = min(math.ceil(REACH * diameter), max(height, width))
    window = widen((slice(y, y + 1), slice(x, x + 1)), reach, labels.shape)
    (top, bottom), (left, right) = ((side.start, side.stop) for side in window)
    click = Click(
        free=labels[window] == 0,
        y=y - top,
        x=x - left,
        diameter=diameter,
        open_sides=(top > 0, bottom < height, left > 0, right < width),
    )
    found = None if probability is None else from_probability(click, probability[window])
    if found is None and image is not None:
        found = from_stain(click, image[window])
    if found is None:
        raise ParameterError("Nothing of a cell's size was found here: draw it with the brush.")
    [number] = fresh_numbers(1, labels, next_label)
    result = labels.copy()
    result[window][found] = number
    return Edited.of(result, [number])


def delete(labels: NDArray[np.int32], numbers: Iterable[int]) -> Edited:
    """Remove objects.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    numbers : iterable of int
        Of the objects.

    Returns
    -------
    Edited

    Raises
    ------
    ParameterError
        If there are none, or one does not exist.
    """
    boxes = boxes_of(labels, numbers)
    if not boxes:
        raise ParameterError("No cell is selected to be deleted.")
    result = labels.copy()
    for number, box in boxes.items():
        view = result[box]
        view[view == number] = 0
    return Edited.of(result, (), boxes)


#: Widest gap that is bridged, in diameters of a disc with the area of what is merged.
MOST_GAP = 0.25
#: A bridge reaches where the ways to both sides are together longer than the gap by at most this
#: part of it, or this many px: wide enough to look like a cell, and only where the gap is.
_SLACK, _SLACK_PX = 0.5, 2.0
# Centres of neighbouring pixels, also over a corner, are nearer than this.
_TOUCHING = 1.5


def merge(labels: NDArray[np.int32], numbers: Iterable[int]) -> Edited:
    """Make one object of several; small gaps between them are bridged.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    numbers : iterable of int
        Of the objects, two or more; the smallest stays.

    Returns
    -------
    Edited
        Bridges take pixels of the background only.

    Raises
    ------
    ParameterError
        If there are fewer than two objects, one does not exist, or a gap is too wide or blocked by
        another object.
    """
    boxes = boxes_of(labels, numbers)
    if len(boxes) < 2:
        raise ParameterError("Merging needs at least two cells.")
    area = sum(int(np.count_nonzero(labels[box] == n)) for n, box in boxes.items())
    widest = MOST_GAP * math.sqrt(4 / math.pi * area)
    window = widen(_hull(list(boxes.values()), widest), math.ceil(widest) + 2, labels.shape)
    view = labels[window]
    kept, *others = boxes
    bridges = _bridges(view, kept, others, widest)
    result = labels.copy()
    result[window][np.isin(view, others) | bridges] = kept
    return Edited.of(result, [kept], others)


def _hull(boxes: Sequence[Box], widest: float) -> Box:
    """Return the box around boxes; raise if they lie too far apart to be joined."""
    sides: list[slice] = []
    for axis in (0, 1):
        start, stop = min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes)
        together = sum(b[axis].stop - b[axis].start for b in boxes)
        if stop - start > together + (len(boxes) - 1) * widest:
            raise _too_far()
        sides.append(slice(start, stop))
    return sides[0], sides[1]


def _too_far() -> ParameterError:
    return ParameterError("These cells lie too far apart to be merged.")


def _bridges(
    view: NDArray[np.int32], first: int, others: Sequence[int], widest: float
) -> NDArray[np.bool_]:
    """Return the pixels that join objects, nearest first (Prim's minimum spanning tree)."""
    bridges = np.zeros(view.shape, bool)
    near = _distance(view == first)
    away = {n: _distance(view == n) for n in others}
    while away:
        gaps = {n: float(near[view == n].min()) for n in away}
        number = min(gaps, key=lambda n: gaps[n])
        distance = away.pop(number)
        # Between the centres of neighbours there is no gap.
        if gaps[number] - 1 > widest:
            raise _too_far()
        if gaps[number] > _TOUCHING:
            bridge = _bridge(near, distance, gaps[number], (view == 0) | bridges)
            if not bridge.any():
                raise ParameterError("Another cell lies between these: they can't be merged.")
            bridges |= bridge
            near = np.minimum(near, _distance(bridge))
        near = np.minimum(near, distance)
    return bridges


def _bridge(
    a: NDArray[np.float32], b: NDArray[np.float32], gap: float, free: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the free pixels on short ways from one side to the other."""
    between, count = regions(free & (a + b <= gap + max(_SLACK_PX, _SLACK * gap)))
    lands = np.zeros((2, count + 1), bool)
    for side, distance in enumerate((a, b)):
        lands[side, between[distance < _TOUCHING]] = True
    whole = lands[0] & lands[1]
    whole[0] = False
    return np.asarray(whole[between])


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of every pixel from a mask, px."""
    outside = 1 - framed(mask)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance[1:-1, 1:-1], np.float32)
