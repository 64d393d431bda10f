"""Text, colours and PNG files for the pictures of results; places for the names of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


#: Where a name goes, in the order of preference: the direction in which it leaves its object (y,
#: x), and how far it is moved along the outline, in parts of the object's extent.
_SITES = (
    (1, 0, 0.0),
    (1, 0, -0.3),
    (1, 0, 0.3),
    (-1, 0, 0.0),
    (0, 1, 0.0),
    (0, -1, 0.0),
    (-1, 0, -0.3),
    (-1, 0, 0.3),
    (0, 1, 0.3),
    (0, -1, 0.3),
    (0, 1, -0.3),
    (0, -1, -0.3),
)
_CELL, _NAME = 1, 2


@dataclass(frozen=True, eq=False)
class NamePlaces:
    """The places of the names of N objects.

    Attributes
    ----------
    points : ndarray
        (N, 2) float: y and x, px, of the middle of that side of each name that faces its object.
    sides : ndarray
        (N, 2) int: the direction, y and x, from there to the middle of the name: (1, 0) for a name
        that hangs under its object, (0, 0) for one that stands on it since nothing is free.
    """

    points: NDArray[np.float64]
    sides: NDArray[np.int64]

    def middles(self, height: float, width: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the middles, (N, 2) y and x in px, of names of a height and widths in px."""
        extent = np.empty(self.points.shape)
        extent[:, 0], extent[:, 1] = height, width
        return self.points + self.sides * extent / 2


def place_names(
    labels: NDArray[np.integer],
    boxes: NDArray[np.float64],
    height: float,
    widths: NDArray[np.float64] | float,
    gap: float,
    within: bool = False,
) -> NamePlaces:
    """Find a place for the name of each object: under it if that is free, else beside it.

    Parameters
    ----------
    labels : ndarray
        (H, W): 0 is background; no name lies on anything else, but for the last resort.
    boxes : ndarray
        (N, 4): y0, x0, y1, x1 of the objects, px, the ends exclusive.
    height : float
        Height of a name, px.
    widths : float or ndarray
        Of all names or (N,) of each, px.
    gap : float
        Between outline and name, px.
    within : bool
        Whether a name has to lie inside the image.

    Returns
    -------
    NamePlaces
        Where nothing around an object is free, its name stands on the object itself, at the foot.
    """
    taken = (labels > 0).astype(np.uint8)
    each = np.broadcast_to(np.asarray(widths, np.float64), len(boxes))
    points, sides = np.empty((len(boxes), 2)), np.zeros((len(boxes), 2), np.int64)
    for i, (box, width) in enumerate(zip(boxes.tolist(), each.tolist(), strict=True)):
        second: tuple[tuple[float, float], tuple[int, int]] | None = None
        for point, side in _sites(box, gap):
            window = _window(taken, point, side, height, width, within)
            if window is None:
                continue
            most = int(window.max(initial=0))
            if not most:
                points[i], sides[i] = point, side
                window[...] = _NAME
                break
            if second is None and not (window == _CELL).any():
                second = point, side
        else:
            # Names that meet can be told apart by their outlines; a name in another cell is wrong.
            foot = (max(box[2] - height, (box[0] + box[2]) / 2), (box[1] + box[3]) / 2)
            points[i], sides[i] = second if second is not None else (foot, (0, 0))
    return NamePlaces(points, sides)


def _sites(box: list[float], gap: float) -> Iterator[tuple[tuple[float, float], tuple[int, int]]]:
    y0, x0, y1, x1 = box
    # A pixel's square reaches half a pixel beyond its middle.
    top, left, bottom, right = y0 - 0.5 - gap, x0 - 0.5 - gap, y1 - 0.5 + gap, x1 - 0.5 + gap
    y, x = (y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2
    for dy, dx, along in _SITES:
        if dy:
            yield (bottom if dy > 0 else top, x + along * (x1 - x0)), (dy, dx)
        else:
            yield (y + along * (y1 - y0), right if dx > 0 else left), (dy, dx)


def _window(
    taken: NDArray[np.uint8],
    point: tuple[float, float],
    side: tuple[int, int],
    height: float,
    width: float,
    within: bool,
) -> NDArray[np.uint8] | None:
    """Return the pixels under a name, or None if it must not lie there."""
    y, x = point[0] + side[0] * height / 2, point[1] + side[1] * width / 2
    y0, x0 = round(y - height / 2), round(x - width / 2)
    y1, x1 = round(y + height / 2) + 1, round(x + width / 2) + 1
    if within and (y0 < 0 or x0 < 0 or y1 > taken.shape[0] or x1 > taken.shape[1]):
        return None
    return taken[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
