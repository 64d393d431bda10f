"""The colour of the empty background of a smear, and its removal."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Percentile of each channel that stands for the empty background: it is the brightest large
#: area of nearly every field, and the highest values are glare.
BACKGROUND_PERCENTILE = 90
#: Value that the background is brought to; below 255 so that glare is not clipped.
WHITE = 240.0
#: Side, px, that is enough to know a colour.
_SAMPLE_SIDE = 256


def background_color(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Estimate the colour of the empty background.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    ndarray
        (3,) float64, 0 to 255.
    """
    step = max(1, min(rgb.shape[:2]) // _SAMPLE_SIDE)
    sample = np.ascontiguousarray(rgb[::step, ::step])
    return np.array([_percentile(sample, channel) for channel in range(3)])


def _percentile(sample: NDArray[np.uint8], channel: int) -> float:
    """Return what `numpy.percentile` does of a channel, in a tenth of its time."""
    histogram = cv2.calcHist([sample], [channel], None, [256], [0, 256])
    below = np.cumsum(histogram.ravel().astype(np.int64))
    place = BACKGROUND_PERCENTILE / 100 * (int(below[-1]) - 1)
    low = int(place)
    first, then = (int(np.searchsorted(below, n, side="right")) for n in (low, low + 1))
    return first + (min(then, 255) - first) * (place - low)


def balance_white(rgb: NDArray[np.uint8], background: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Bring a background colour to a neutral near-white.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    background : ndarray
        (3,): the colour of the empty background.

    Returns
    -------
    ndarray
        (H, W, 3) uint8: each channel divided by its background, as light through an empty part
        of the slide would be measured.
    """
    gain = WHITE / np.maximum(background, 40.0)
    table = np.clip(np.arange(256)[:, np.newaxis] * gain, 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table.reshape(1, 256, 3)), np.uint8)
