"""The key of an image: the checksum of its pixels, whatever its file is called."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def image_key(rgb: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of an image's shape and pixels, hexadecimal.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, as `Session.rgb`.
    """
    digest = hashlib.sha256(repr(tuple(int(n) for n in rgb.shape)).encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()
