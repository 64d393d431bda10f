"""The way a camera was held: photographs are turned upright as their EXIF or TIFF tag says."""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

#: Number of the tag, the same in EXIF and TIFF.
TAG = 0x0112
#: Its value where nothing is to be turned.
UPRIGHT = 1
#: Bytes of an entry of EXIF, and the number of the type with 4 bytes a value.
_ENTRY, _LONG = 12, 4
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}


def upright(pixels: NDArray[T], orientation: int) -> NDArray[T]:
    """Turn a photograph upright.

    Parameters
    ----------
    pixels : ndarray
        (H, W) or (H, W, channels), as stored.
    orientation : int
        What the tag says, 1 to 8; any other number turns nothing.

    Returns
    -------
    ndarray
        (H, W, ...), or (W, H, ...) from 5 on; the same array if nothing is to be turned.
    """
    if orientation in (3, 4, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7):
        pixels = pixels[:, ::-1]
    if orientation in (5, 7):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (6, 8):
        pixels = np.rot90(pixels, -1 if orientation == 6 else 1)
    return np.ascontiguousarray(pixels)


def orientation_of(exif: bytes) -> int:
    """Return what EXIF says of the orientation, 1 to 8; 1 if it says nothing or is damaged.

    Parameters
    ----------
    exif : bytes
        As it stands in a file, with or without its ``Exif`` header.
    """
    # Read here: Pillow warns of all else that may be wrong with it.
    body = exif.removeprefix(b"Exif\0\0")
    order = _ORDERS.get(body[:2])
    if order is None:
        return UPRIGHT

    def number(at: int, size: int = 2) -> int:
        return int.from_bytes(body[at : at + size], order)

    first = number(4, 4)
    end = min(first + 2 + _ENTRY * number(first), len(body) - _ENTRY + 1)
    for at in range(first + 2, end, _ENTRY):
        if number(at) == TAG:
            value = number(at + 8, 4 if number(at + 2) == _LONG else 2)
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
