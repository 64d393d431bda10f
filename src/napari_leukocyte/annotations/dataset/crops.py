"""Cut a cell for the class folders: all of one size, in the photograph's own colours."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.regions import iterate_regions
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.images.background import background_color

#: Side of a crop, and diameter that the cell gets in it, px: two thirds, as models are taken to
#: expect that say nothing else.
SIDE, DIAMETER = 128, 84.0
#: Zlib's fastest: photographs of cells hardly get smaller by more work.
_LEVEL = 1


def cut_crops(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Cut every object of a photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.

    Yields
    ------
    label : int
        Number of the object.
    crop : ndarray
        (128, 128, 3) uint8 RGB; what lies beyond the photograph has its background's colour.
    """
    found = background_color(rgb)
    fill = (round(found[0]), round(found[1]), round(found[2]))
    for region in iterate_regions(labels):
        yield region.label, cut_window(rgb, region, SIDE, DIAMETER, fill)[0]


def as_png(rgb: NDArray[np.uint8]) -> bytes:
    """Return an image as a PNG file.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) RGB or (H, W) grey, uint8.

    Raises
    ------
    OutputError
        If it can't be written as one.
    """
    pixels = rgb[..., ::-1] if rgb.ndim == 3 else rgb
    done, data = cv2.imencode(
        ".png", np.ascontiguousarray(pixels), [cv2.IMWRITE_PNG_COMPRESSION, _LEVEL]
    )
    if not done:
        raise OutputError("An image can't be written as PNG.")
    return data.tobytes()
