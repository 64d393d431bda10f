"""Text, colours and PNG files for the pictures of results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.counting.own_classes import own_colors
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.vocabulary import COLORS

#: Colour of objects without a class: nothing in a stained smear has it.
UNCLASSIFIED = "#00FFFF"
#: For classes of other models, in the order of their names; Okabe and Ito's two left over.
_FURTHER = ("#56B4E9", "#E69F00", "#000000")
_FONT = cv2.FONT_HERSHEY_SIMPLEX

Color = tuple[int, int, int]
INK: Color = (30, 30, 30)
PAPER: Color = (255, 255, 255)


def class_colors(names: Iterable[str]) -> dict[str, Color]:
    """Return a colour, RGB from 0 to 255, for every known class and every other one named.

    Known are the classes of the vocabulary and the user's own.
    """
    known = {name: to_rgb(color) for name, color in (COLORS | own_colors()).items()}
    others = sorted(set(names) - set(known))
    return known | {n: to_rgb(_FURTHER[i % len(_FURTHER)]) for i, n in enumerate(others)}


def to_rgb(color: str) -> Color:
    """Return ``#rrggbb`` as three numbers from 0 to 255."""
    value = int(color.removeprefix("#"), 16)
    return value >> 16, value >> 8 & 255, value & 255


def text_width(text: str, height: int) -> int:
    """Return how wide a text is, px, if its capitals are `height` px high."""
    (width, _), _ = cv2.getTextSize(text, _FONT, _scale(height), _weight(height))
    return int(width)


def draw_text(
    canvas: NDArray[np.uint8],
    text: str,
    position: tuple[int, int],
    height: int,
    color: Color,
    halo: Color | None = None,
) -> None:
    """Write a text on a picture.

    Parameters
    ----------
    canvas : ndarray
        (H, W, 3) uint8 RGB, changed in place.
    text : str
        One line.
    position : (int, int)
        y and x of the lower left corner of its first letter, px.
    height : int
        Height of a capital, px.
    color : (int, int, int)
        RGB, 0 to 255.
    halo : (int, int, int), optional
        Colour of a rim that keeps the text readable on any ground.
    """
    y, x = position

    def put(dy: int, dx: int, ink: Color) -> None:
        origin = (x + dx, y + dy)
        cv2.putText(canvas, text, origin, _FONT, _scale(height), ink, _weight(height), cv2.LINE_AA)

    if halo is not None:
        rim = max(1, round(height / 12))
        for dy in (-rim, 0, rim):
            for dx in (-rim, 0, rim):
                put(dy, dx, halo)
    put(0, 0, color)


def _scale(height: int) -> float:
    return float(cv2.getFontScaleFromHeight(_FONT, height, 1))


def _weight(height: int) -> int:
    return max(1, round(height / 14))


def write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a picture as PNG.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists.
    rgb : ndarray
        (H, W, 3) uint8.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    # Encoded in memory: OpenCV's own writing hides why it failed.
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
