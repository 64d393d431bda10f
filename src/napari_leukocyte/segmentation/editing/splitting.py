"""Objects parted by hand: along a line, or by a watershed from points."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.language import later
from napari_leukocyte.segmentation.editing.windows import Box, Edited, as_points, boxes_of, regions
from napari_leukocyte.segmentation.matching import fresh_numbers
from napari_leukocyte.segmentation.watershed import flood

#: What a line cuts off is a part of its own from this share of the object and this number of px
#: on: a line along a ragged edge cuts off crumbs.
CRUMB, CRUMB_PX = 0.01, 4
#: Coordinates beyond this, px, are drawn as if they were here.
_FAR = 1e6

Parts = dict[int, tuple[Box, NDArray[np.int32]]]


def split_by_line(
    labels: NDArray[np.int32], line: ArrayLike, next_label: int | None = None
) -> Edited:
    """Cut the objects that a line crosses from edge to edge.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    line : array_like
        (N, 2), two points or more: y and x, px, of its corners.
    next_label : int, optional
        First number for a new object; by default one more than the largest.

    Returns
    -------
    Edited
        Of each object cut, the largest part keeps the number. No pixel is lost: those under the
        line go to the part beside them.

    Raises
    ------
    ParameterError
        If the line crosses no object.
    """
    corners = _corners(line)
    parts: Parts = {}
    for number, box in boxes_of(labels, objects_under(labels, line)).items():
        found = _cut(labels[box] == number, _draw(corners, box, labels.shape))
        if found is not None:
            parts[number] = box, found
    if not parts:
        raise ParameterError("The line cuts no cell in two: draw it across one, edge to edge.")
    return _take(labels, parts, next_label)


def split_by_markers(
    labels: NDArray[np.int32],
    points: ArrayLike,
    probability: NDArray[np.float32] | None = None,
    next_label: int | None = None,
) -> Edited:
    """Part objects by a watershed from two points or more in each.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    points : array_like
        (N, 2): y and x, px. Objects with a single point stay as they are.
    probability : ndarray, optional
        (H, W) float32, 0 to 1, of a leukocyte: parts rather meet where it is low.
    next_label : int, optional
        First number for a new object; by default one more than the largest.

    Returns
    -------
    Edited
        Of each object parted, the largest part keeps the number; no pixel is lost.

    Raises
    ------
    ParameterError
        If no object holds two points.
    """
    pixels = np.round(as_points(points, 2, later("The points to part a cell by")))
    pixels = pixels[((pixels >= 0) & (pixels < labels.shape)).all(axis=1)]
    pixels = np.unique(pixels.astype(np.intp), axis=0)
    owners = labels[pixels[:, 0], pixels[:, 1]]
    numbers, counts = np.unique(owners[owners > 0], return_counts=True)
    parts: Parts = {}
    for number, box in boxes_of(labels, numbers[counts > 1].tolist()).items():
        inside = np.pad(labels[box] == number, 1)
        seeds = np.zeros(inside.shape, np.int32)
        y, x = (pixels[owners == number] - (box[0].start - 1, box[1].start - 1)).T
        seeds[y, x] = np.arange(1, y.size + 1)
        weight = None
        if probability is not None:
            # Half of it is the shape's: the map may say nothing about what was painted.
            weight = np.pad((1 + np.nan_to_num(probability[box])) / 2, 1).astype(np.float32)
        diameter = float(np.sqrt(4 / np.pi * np.count_nonzero(inside)))
        found = flood(inside, seeds, diameter, weight)
        areas = np.bincount(found.ravel())
        # A piece apart that no point lies in stays with what keeps the number.
        found[inside & (found == 0)] = areas[1:].argmax() + 1
        parts[number] = box, found[1:-1, 1:-1]
    if not parts:
        raise ParameterError("Put two points into one cell to part it.")
    return _take(labels, parts, next_label)


def objects_under(labels: NDArray[np.int32], line: ArrayLike) -> list[int]:
    """List the objects that a line touches.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    line : array_like
        (N, 2), two points or more: y and x, px, of its corners.

    Returns
    -------
    list of int
        Their numbers, ascending.

    Raises
    ------
    ParameterError
        If it is no line.
    """
    corners = _corners(line)
    low, high = corners.min(axis=0).tolist(), (corners.max(axis=0) + 1).tolist()
    rows, columns = (slice(max(0, a), max(0, b)) for a, b in zip(low, high, strict=True))
    under = labels[rows, columns][_draw(corners, (rows, columns), labels.shape)]
    return [n for n in np.unique(under).tolist() if n > 0]


def _corners(line: ArrayLike) -> NDArray[np.int32]:
    given = as_points(line, 2, later("The corners of a line"))
    return np.round(np.clip(given, -_FAR, _FAR)).astype(np.int32)


def _draw(corners: NDArray[np.int32], box: Box, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Draw a line into a box of an image; its pixels are neighbours by their sides."""
    rows, columns = (side.indices(length) for side, length in zip(box, shape, strict=True))
    canvas = np.zeros((max(0, rows[1] - rows[0]), max(0, columns[1] - columns[0])), np.uint8)
    if canvas.size:
        xy = (corners - (rows[0], columns[0]))[:, ::-1].astype(np.int32)
        cv2.polylines(canvas, [np.ascontiguousarray(xy)], False, 1, 1, cv2.LINE_4)
    return canvas.astype(bool)


def _cut(inside: NDArray[np.bool_], line: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    """Return the parts of an object, numbered from 1; None if the line leaves it whole."""
    from skimage.segmentation import watershed

    pieces, _ = regions(inside)
    result = inside.astype(np.int32)
    count = 1
    for piece in np.unique(pieces[inside & line]).tolist():
        whole = pieces == piece
        found, _ = regions(whole & ~line)
        areas = np.bincount(found.ravel())
        areas[0] = 0
        kept = np.flatnonzero(areas >= max(CRUMB_PX, CRUMB * areas.sum()))
        if kept.size < 2:
            continue
        kept = kept[np.argsort(-areas[kept], kind="stable")]
        # The largest stays with the pieces that were apart before and are not cut.
        numbers = np.zeros(areas.size, np.int32)
        numbers[kept] = [1, *range(count + 1, count + kept.size)]
        count += kept.size - 1
        # On level ground, what is free goes to the part from which it is reached first.
        level = np.zeros(whole.shape, np.uint8)
        grown = watershed(level, numbers[found], connectivity=2, mask=whole)
        result[whole] = grown[whole]
    return result if count > 1 else None


def _take(labels: NDArray[np.int32], parts: Parts, next_label: int | None) -> Edited:
    """Write parts into a copy of the label image; the largest of each object keeps the number."""
    result = labels.copy()
    free = iter(fresh_numbers(sum(int(p.max()) - 1 for _, p in parts.values()), labels, next_label))
    changed: set[int] = set()
    for number, (box, found) in parts.items():
        areas = np.bincount(found.ravel())
        areas[0] = 0
        numbers = np.zeros(areas.size, np.int32)
        order = np.argsort(-areas[1:], kind="stable") + 1
        numbers[order] = [number, *(next(free) for _ in order[1:])]
        np.copyto(result[box], numbers[found], where=found > 0)
        changed.update(numbers[1:].tolist())
    return Edited.of(result, changed)
