"""Images of indices as PNG: with a palette, as Pascal VOC has them, or with 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.limits import check_shape
from napari_leukocyte.errors import FormatError

#: Largest index of an image with a palette; 255 marks what belongs to nothing.
MOST_INDEXED = 254
_VOID = 255
_LARGEST_UINT16 = 65_535
_MODES = ("P", "L", "1", "I;16", "I")


def write_indices(path: Path, indices: NDArray[np.int32]) -> None:
    """Write an image of indices from 0 to 65,535.

    Raises
    ------
    FormatError
        If an index is larger.
    """
    from PIL import Image

    largest = int(indices.max(initial=0))
    if largest > _LARGEST_UINT16:
        raise FormatError(f"{path.name} has more than {_LARGEST_UINT16} objects, too many for PNG.")
    if largest <= MOST_INDEXED:
        picture = Image.fromarray(indices.astype(np.uint8))
        picture.putpalette(_palette())
    else:
        picture = Image.fromarray(indices.astype(np.uint16))
    picture.save(path, "PNG", compress_level=1)


def _palette() -> list[int]:
    """Return the palette of the VOC devkit: the bits of the index dealt out to the colours."""
    index = np.arange(256)
    colors = np.zeros((256, 3), int)
    for step in range(8):
        for channel in range(3):
            colors[:, channel] |= (index >> (3 * step + channel) & 1) << (7 - step)
    flat: list[int] = colors.ravel().tolist()
    return flat


def read_indices(path: Path, shape: tuple[int, int], number: int) -> NDArray[np.int32]:
    """Read an image of indices.

    Parameters
    ----------
    path : Path
        The PNG file.
    shape : tuple of int
        Height and width that it must have, px.
    number : int
        Largest index that it may have; if that is below 255, pixels of 255 belong to nothing.

    Returns
    -------
    ndarray
        (H, W) int32.

    Raises
    ------
    FormatError
        If it is damaged or another image.
    """
    indices = _pixels(path, shape)
    if number < _VOID:
        indices[indices == _VOID] = 0
    if int(indices.max(initial=0)) > number:
        raise FormatError(f"{path} has objects that its annotation lacks.")
    return indices


def read_label_png(path: Path) -> NDArray[np.int32]:
    """Read a label image: (H, W) int32; raises FormatError if it is damaged or no such."""
    return _pixels(path, None)


def _pixels(path: Path, shape: tuple[int, int] | None) -> NDArray[np.int32]:
    """Return whole numbers of an image of a size, px, or of any."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            found = check_shape(picture.height, picture.width, str(path))
            if shape not in (None, found):
                raise FormatError(f"{path} has another size than its annotation says.")
            if picture.mode not in _MODES:
                raise FormatError(f"{path} is no image of indices.")
            indices = np.array(picture).astype(np.int32)
    except FormatError:
        raise
    except Exception as error:
        # Pillow raises many types on damaged files; each means the same to the user.
        raise FormatError(f"{path} is no whole PNG image: it is damaged or cut off.") from error
    return indices
