"""Contact sheets: pictures side by side with lines of text below each."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Outlines: green is the truth, magenta what was found (RGB).
TRUTH, FOUND = (0, 160, 60), (220, 0, 200)
#: Height of a line of text, px.
_LINE = 14


def outlined(
    rgb: NDArray[np.uint8], truth: NDArray[np.bool_], found: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the picture with the outlines of two masks, (H, W, 3) uint8."""
    drawn = rgb.copy()
    for mask, color in ((truth, TRUTH), (found, FOUND)):
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, color, 1 + rgb.shape[0] // 300)
    return drawn


def tile(rgb: NDArray[np.uint8], side: int, *lines: str) -> NDArray[np.uint8]:
    """Fit a picture into a square with lines of text below it.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    side : int
        Side of the square, px.
    *lines : str
        Below it, as many for every tile of a sheet.

    Returns
    -------
    ndarray
        uint8, `side` px wide and higher by the lines.
    """
    scale = side / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    made = np.full((side + _LINE * len(lines) + 6, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    made[top : top + size[1], left : left + size[0]] = small
    for i, line in enumerate(lines):
        place = (2, side + 12 + _LINE * i)
        cv2.putText(made, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 1, cv2.LINE_AA)
    return made


def mosaic(tiles: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Return tiles of one size as a sheet; what is missing in the last row is white."""
    blank = np.full_like(tiles[0], 255)
    tiles = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)
