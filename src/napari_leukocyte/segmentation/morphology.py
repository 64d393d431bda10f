"""Opening, closing and filling of binary masks.

References
----------
.. [1] Soille, "Morphological Image Analysis", Springer 2004, chapters 3 and 4.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.parameters import KernelShape

#: Radius, px, from which two distance transforms are faster than a kernel moved over the mask.
_LARGE_RADIUS = 12.0


def open_mask(mask: NDArray[np.uint8], shape: KernelShape, width: float) -> NDArray[np.uint8]:
    """Remove what is thinner than a kernel.

    Parameters
    ----------
    mask : ndarray
        (H, W) uint8, 0 or 1.
    shape : {"ellipse", "rectangle", "cross"}
        Shape of the kernel.
    width : float
        Its width, px. Below 2 px it holds a single pixel and nothing is done.

    Returns
    -------
    ndarray
        (H, W) uint8, 0 or 1.
    """
    return _apply(mask, shape, width, closing=False)


def close_mask(mask: NDArray[np.uint8], shape: KernelShape, width: float) -> NDArray[np.uint8]:
    """Join what is nearer than a kernel; arguments as for :func:`open_mask`."""
    return _apply(mask, shape, width, closing=True)


def fill_holes(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill background that does not reach the image's border.

    Parameters
    ----------
    mask : ndarray
        (H, W) uint8, 0 or 1.

    Returns
    -------
    ndarray
        (H, W) uint8, 0 or 1.
    """
    h, w = mask.shape
    # A frame of background joins everything that reaches the border into one region.
    framed = cv2.copyMakeBorder(1 - mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 0, flags=4)
    filled: NDArray[np.uint8] = mask | framed[1 : h + 1, 1 : w + 1].astype(np.uint8)
    return filled


def _apply(
    mask: NDArray[np.uint8], shape: KernelShape, width: float, closing: bool
) -> NDArray[np.uint8]:
    # No larger than the image, so that an absurd diameter does not fill the memory.
    radius = min(width / 2, float(max(mask.shape)))
    if radius < 1:
        return mask
    # The surroundings repeat the edge, so that a cell cut by the border keeps its cut side. A pixel
    # depends on what is as far as the kernel moves twice.
    pad = 2 * int(radius) + 1
    padded = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    if shape == "ellipse" and radius > _LARGE_RADIUS:
        result = _with_large_disc(np.asarray(padded, np.uint8), radius, closing)
    else:
        operation = cv2.MORPH_CLOSE if closing else cv2.MORPH_OPEN
        result = np.asarray(cv2.morphologyEx(padded, operation, _kernel(shape, radius)), np.uint8)
    return np.ascontiguousarray(result[pad:-pad, pad:-pad])


def _kernel(shape: KernelShape, radius: float) -> NDArray[np.uint8]:
    """Return the pixels whose centres lie within a radius; odd, so that nothing is shifted."""
    offset = np.arange(-int(radius), int(radius) + 1)
    y, x = offset[:, np.newaxis], offset
    inside: dict[KernelShape, NDArray[np.bool_]] = {
        "ellipse": y**2 + x**2 <= _squared(radius),
        "cross": (y == 0) | (x == 0),
        "rectangle": np.ones((offset.size, offset.size), bool),
    }
    return inside[shape].astype(np.uint8)


def _with_large_disc(mask: NDArray[np.uint8], radius: float, closing: bool) -> NDArray[np.uint8]:
    """Open or close with a disc in a time that does not depend on its size.

    A pixel survives erosion by a disc if the background is farther than the radius, and dilation
    reaches it if the mask is not; the result is that of the kernel, pixel by pixel.
    """
    # Closing is opening of the background.
    result = 1 - mask if closing else mask
    # Between two possible distances, so that the rounding of a root decides nothing.
    limit = float(np.sqrt(_squared(radius) + 0.5))
    for _ in range(2):
        distance = cv2.distanceTransform(result, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # Erosion first, then erosion of what is left outside.
        result = (distance <= limit).astype(np.uint8)
    return 1 - result if closing else result


def _squared(radius: float) -> int:
    """Return the largest squared distance of two pixels that is within a radius."""
    return int(radius**2 + 1e-9)
