"""Measure the grain of an image: what its camera, demosaicking and compression leave.

Two laboratories may stain alike and still photograph differently, and a classifier learns the one
camera that it has seen. Detail finer than any structure of a cell tells cameras apart.

References
----------
.. [1] Lukáš, Fridrich, Goljan, "Digital camera identification from sensor pattern noise", IEEE
   Transactions on Information Forensics and Security 1, 2006: a camera is known by what is left
   when the scene is taken away.
.. [2] Popescu, Farid, "Exposing digital forgeries in color filter array interpolated images", IEEE
   Transactions on Signal Processing 53, 2005: demosaicking ties the colours of neighbours.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: In the order of every vector: detail of brightness and of the two colour differences (YCrCb), in
#: the finest octave and in the next, as natural logarithms; how much of the finest detail red and
#: green, and green and blue, have in common (correlations).
GRAIN = (
    "grain_bright_fine",
    "grain_bright",
    "grain_red_fine",
    "grain_red",
    "grain_blue_fine",
    "grain_blue",
    "shared_red_green",
    "shared_green_blue",
)
#: Standard deviations of the blurs between which an octave lies, px.
_FINE, _COARSE = 0.7, 1.4
#: What is left beside this blur, px, is compared between the colours.
_RESIDUAL = 0.8
#: Side of the tiles, px, and the percentile over them: emptier parts of the image, where there is
#: little else than grain.
_TILE, _EMPTY = 16, 30
#: Grey values under which there is no grain, only rounding.
_ROUNDING = 0.02
#: Largest part of an image that is measured, px each way, from its middle.
_WINDOW = 1500


def measure_grain(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure the grain of an image.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    ndarray
        (8,) float64, see `GRAIN`; NaN where there was nothing to measure.
    """
    height, width = rgb.shape[:2]
    top, left = max(0, (height - _WINDOW) // 2), max(0, (width - _WINDOW) // 2)
    window = np.ascontiguousarray(rgb[top : top + _WINDOW, left : left + _WINDOW])
    values: list[float] = []
    for channel in cv2.split(cv2.cvtColor(window, cv2.COLOR_RGB2YCrCb).astype(np.float32)):
        fine = cv2.GaussianBlur(channel, (0, 0), _FINE)
        coarse = cv2.GaussianBlur(channel, (0, 0), _COARSE)
        values += [_detail(np.abs(channel - fine)), _detail(np.abs(fine - coarse))]
    colors = cv2.split(window.astype(np.float32))
    red, green, blue = (c - cv2.GaussianBlur(c, (0, 0), _RESIDUAL) for c in colors)
    return np.array([*values, _correlation(red, green), _correlation(green, blue)], np.float64)


def _detail(band: NDArray[np.float32]) -> float:
    height, width = (n // _TILE * _TILE for n in band.shape)
    if not (height and width):
        return float(np.log(_ROUNDING + band.mean()))
    tiles = band[:height, :width].reshape(height // _TILE, _TILE, width // _TILE, _TILE)
    return float(np.log(_ROUNDING + np.percentile(tiles.mean(axis=(1, 3)), _EMPTY)))


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    both = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(a @ b) / both if both > 0 else float("nan")
