"""A photograph's file as the data of a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image


def photograph_layer(path: Path) -> tuple[NDArray[Any], dict[str, Any], str] | None:
    """Read a photograph as a layer.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    (ndarray, dict, str) or None
        (H, W, 3) uint8 RGB, or (H, W) grey of the file's type; None if it holds a stack, or too
        few pixels for a photograph.

    Raises
    ------
    ImageError
        If it can't be read.
    """
    pixels: NDArray[Any] = read_image(path)
    if pixels.ndim == 2:
        return pixels, {"rgb": False}, "image"
    try:
        return normalise_image(pixels).rgb, {"rgb": True}, "image"
    except ImageError:
        return None
