"""Remove objects."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.editing.result import Edited
from napari_leukocyte.segmentation.editing.windows import boxes_of


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
