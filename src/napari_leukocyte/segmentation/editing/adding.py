"""Add the cell under a click that the segmentation has missed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.editing.candidates import Click, from_probability, from_stain
from napari_leukocyte.segmentation.editing.result import Edited
from napari_leukocyte.segmentation.editing.windows import as_points, widen
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
        raise ParameterError(f"The diameter must be a positive number of px, not {diameter!r}.")
    y, x = (
        round(c)
        for c in as_points(np.array([point], object), 1, "A click's coordinates")[0].tolist()
    )
    height, width = labels.shape
    if not (0 <= y < height and 0 <= x < width):
        raise ParameterError("Click inside the image to add a cell.")
    if labels[y, x]:
        raise ParameterError(f"There is cell {labels[y, x]} already: click beside it.")
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
