"""Shapes of objects by hand: outlines smoothed, holes filled; others lose nothing by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation import morphology
from napari_leukocyte.segmentation.editing.windows import Edited, boxes_of, regions, widen

#: Largest radius of smoothing, px.
MOST_RADIUS = 100.0


def smooth(labels: NDArray[np.int32], numbers: Iterable[int], radius: float) -> Edited:
    """Smooth the outlines of objects.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    numbers : iterable of int
        Of the objects.
    radius : float
        What is finer disappears, px (the standard deviation of a Gaussian over the mask, of which
        the half is the new outline, so that straight edges stay where they are); over 0, at most
        100.

    Returns
    -------
    Edited
        An object too thin to be smoothed stays as it is; none is lost, and none falls into more
        pieces than it was in.

    Raises
    ------
    ParameterError
        If there are no objects, one does not exist, or the radius is out of range.
    """
    if not 0 < radius <= MOST_RADIUS:
        raise ParameterError(
            "The radius of smoothing must be over 0 and at most {most:g} px, not {radius}.",
            most=MOST_RADIUS,
            radius=radius,
        )
    margin = math.ceil(3 * radius) + 1

    def blur(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        # At the image's border the cell is taken to go on beyond it.
        blurred = cv2.GaussianBlur(
            inside.astype(np.float32), (0, 0), radius, borderType=cv2.BORDER_REPLICATE
        )
        return np.asarray(np.asarray(blurred) >= np.float32(0.5))

    return _reshape(labels, numbers, blur, margin, whole=True)


def fill_holes(labels: NDArray[np.int32], numbers: Iterable[int]) -> Edited:
    """Fill background that objects enclose.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32 label image.
    numbers : iterable of int
        Of the objects.

    Returns
    -------
    Edited
        Objects that lie in a hole stay.

    Raises
    ------
    ParameterError
        If there are no objects, or one does not exist.
    """

    def fill(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return morphology.fill_holes(inside.astype(np.uint8)).astype(bool)

    return _reshape(labels, numbers, fill, 0, whole=False)


def _reshape(
    labels: NDArray[np.int32],
    numbers: Iterable[int],
    function: Callable[[NDArray[np.bool_]], NDArray[np.bool_]],
    margin: int,
    *,
    whole: bool,
) -> Edited:
    """Give objects other masks, one after the other, as far as the background allows."""
    boxes = boxes_of(labels, numbers)
    if not boxes:
        raise ParameterError("No cell is selected.")
    result = labels.copy()
    changed: list[int] = []
    for number, box in boxes.items():
        window = widen(box, margin, labels.shape)
        view = result[window]
        inside = view == number
        wanted = function(inside) & (inside | (view == 0))
        if whole:
            wanted = _in_as_many_pieces(wanted, inside)
        if not wanted.any() or np.array_equal(wanted, inside):
            continue
        view[inside] = 0
        view[wanted] = number
        changed.append(number)
    return Edited.of(result, changed)


def _in_as_many_pieces(wanted: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest pieces of a mask, as many as there were before."""
    numbered, count = regions(wanted)
    _, before = regions(inside)
    if count <= before:
        return wanted
    areas = np.bincount(numbered.ravel(), minlength=count + 1)
    areas[0] = 0
    kept = np.zeros(count + 1, bool)
    kept[np.argsort(-areas, kind="stable")[:before]] = True
    kept[0] = False
    return np.asarray(kept[numbered])
