"""A photograph's file as the data of a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.slides.field import is_slide_field, slide_field_scale
from napari_leukocyte.io.slides.tiff import photograph_scale
from napari_leukocyte.ui.layers.pointed import ABOUT, UM_PER_PX


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
        few pixels for a photograph. Its metadata say how large a pixel is, where the file does.

    Raises
    ------
    ImageError
        If it can't be read.
    """
    pixels: NDArray[Any] = read_image(path)
    side = slide_field_scale(path) if is_slide_field(path) else photograph_scale(path)
    about: dict[str, Any] = {} if side is None else {"metadata": {ABOUT: {UM_PER_PX: side}}}
    if pixels.ndim == 2:
        return pixels, {"rgb": False, **about}, "image"
    try:
        return normalise_image(pixels).rgb, {"rgb": True, **about}, "image"
    except ImageError:
        return None
