"""Areas of a photograph that are no image: black corners of an eyepiece, bars, frames, dark edges.

What is flat, nearly black or nearly white, and joined to the border along a corner or most of an
edge shows nothing of the smear. A network that sees it takes the step to it for the edge of a huge
cell, so it is filled with the background's colour, and nothing is found in it. Towards the rim of
an eyepiece the light falls, and a network takes that for a cell's edge as well: it is evened out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.images.background import background_color

#: Largest value of a pixel's brightest channel that is nearly black. Nuclei, the darkest of a
#: smear, keep more of their blue.
BLACK = 40
#: Least value of a pixel's darkest channel that is nearly white.
WHITE = 250
#: A background at least this bright is the smear's own white, and no frame.
BRIGHT_BACKGROUND = 240.0
#: Least part of the image that a white frame leaves: an eyepiece's disc in a field of 16 by 9 fills
#: 0.44 of it.
LEAST_LEFT = 0.4
#: Least share of a rectangle or disc around it, as far as the image goes, that what a white frame
#: leaves fills. An over-exposed background leaves cells, which are never so regular.
REGULAR = 0.97
#: Greatest part of the frame that lies within that rectangle or disc: all of a white spot at the
#: border of a whole photograph does.
WITHIN = 0.2
#: Part of an edge that a bar has to lie along.
ALONG = 0.6
#: Least part of the image that is worth a word.
SAID = 0.005
#: Side, px, of the copy on which the areas are looked for: 1 px of it is their blurred rim.
_SIDE = 1024
#: Width of the zone along what is black in which light may fall, in parts of the longer side.
FALL = 0.08
#: Least number of pixels at one distance from what is black that tell of the light there.
ENOUGH = 60
#: Share of the pixels at one distance from what is black that are darker than their background.
_BACKGROUND = 80.0
#: Light that falls to less than this part of that farther in leaves too little to see cells by.
DARKEST = 0.3
#: Light that falls to no less than this part needs no correction: smears are no more even.
EVEN = 0.95


@dataclass(frozen=True, eq=False)
class Framed:
    """A photograph and the part of it that is no image.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8: what is no image has the background's colour.
    outside : ndarray or None
        (H, W) bool: what is no image; None if all is.
    notes : tuple of str
        What a user should know of it.
    """

    rgb: NDArray[np.uint8]
    outside: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()


def without_frame(rgb: NDArray[np.uint8]) -> Framed:
    """Fill what is no image with the background's colour.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    Framed
        With the same array if all of it is image, or nothing is.
    """
    shrink = min(1.0, _SIDE / max(rgb.shape[:2]))
    size = [max(1, round(side * shrink)) for side in rgb.shape[1::-1]]
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if shrink < 1 else rgb
    found = find_frame(np.asarray(small, np.uint8))
    if found is None:
        return Framed(rgb)
    rim, words = found
    light = light_at_rim(np.asarray(small, np.uint8), rim) if "black" in words else None
    if light is not None:
        rim |= (light < DARKEST).astype(np.uint8)
    full = cv2.resize(rim, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
    if full.all():
        return Framed(rgb)
    filled = rgb.copy() if light is None else _brightened(rgb, np.maximum(light, DARKEST))
    color = background_color(np.asarray(rgb[~full].reshape(1, -1, 3), np.uint8))
    filled[full] = np.round(color).astype(np.uint8)
    share = float(full.mean())
    notes: tuple[str, ...] = ()
    if share >= SAID:
        notes = (
            f"{100 * share:.0f} % of the image, flat and {words} at its border, was "
            "taken for no part of the photograph.",
        )
    return Framed(filled, full, notes)


def find_frame(small: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], str] | None:
    """Find what is no image in a coarse copy of a photograph.

    Parameters
    ----------
    small : ndarray
        (h, w, 3) uint8, longer side about 1024 px.

    Returns
    -------
    (ndarray, str) or None
        (h, w) uint8, 1 where there is no image, the blurred rim included; and the words for it.
        None if all is image, or nothing is.
    """
    edges = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    if not ((edges.max(axis=1) <= BLACK) | (edges.min(axis=1) >= WHITE)).any():
        return None  # as of most photographs, without a look at the rest
    black = _joined(small.max(axis=2) <= BLACK)
    white = _joined(small.min(axis=2) >= WHITE)
    if white.any():
        # A background that is over-exposed is as white as a frame, and must stay: what a frame
        # leaves is a photograph, a rectangle or a disc with a background of its own.
        left = np.asarray(small[~(black | white)].reshape(1, -1, 3), np.uint8)
        bright = not left.size or background_color(left).min() >= BRIGHT_BACKGROUND
        if bright or not _leaves_a_photograph(white):
            white[:] = False
    outside = black | white
    if not outside.any() or outside.all():
        return None
    # The rim between is neither: blurred by the optics, the camera or the compression.
    rim = cv2.dilate(outside.astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(rim, np.uint8), _words(black, white)


def light_at_rim(
    small: NDArray[np.uint8], outside: NDArray[np.uint8]
) -> NDArray[np.float32] | None:
    """Measure how light falls towards what is no image.

    Parameters
    ----------
    small : ndarray
        (h, w, 3) uint8.
    outside : ndarray
        (h, w) uint8, 1 where there is no image.

    Returns
    -------
    ndarray or None
        (h, w) float32, the light in parts of that farther in, up to 1: that of the background at
        the same distance from `outside`, which cells cover nowhere all around. None where it is
        even, or too few pixels tell.
    """
    width = max(1, round(FALL * max(small.shape[:2])))
    distance = cv2.distanceTransform(1 - outside, cv2.DIST_L2, 5)
    zone = (outside == 0) & (distance < width + 1)
    steps = (distance[zone] - 1).astype(np.int32)  # pixels beside it are 1 px away
    brightness = small[zone].mean(axis=1, dtype=np.float32)
    order = np.argsort(steps, kind="stable")
    groups = np.split(brightness[order], np.searchsorted(steps[order], np.arange(1, width)))
    if min(group.size for group in groups) < ENOUGH:
        return None
    background = [np.percentile(group, _BACKGROUND) for group in groups]
    # Light falls towards the rim; that it should rise there is a cell that the zone is full of.
    risen = np.maximum.accumulate(np.asarray(background, np.float32))
    if risen[-1] <= 0 or risen[0] >= EVEN * risen[-1]:
        return None
    fallen = np.interp(distance, np.arange(width) + 1.5, risen / risen[-1])
    return np.where(outside > 0, 1.0, fallen).astype(np.float32)


def _brightened(rgb: NDArray[np.uint8], light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Divide a photograph by the light of its coarse copy."""
    fitted = cv2.resize(light, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(np.round(rgb / fitted[..., np.newaxis]), 0, 255).astype(np.uint8)


def _words(black: NDArray[np.bool_], white: NDArray[np.bool_]) -> str:
    return " or ".join(w for w, mask in (("black", black), ("white", white)) if mask.any())


def _leaves_a_photograph(frame: NDArray[np.bool_]) -> bool:
    """Return whether what a frame leaves is large, and a rectangle or a disc."""
    image = (~frame).astype(np.uint8)
    left = int(np.count_nonzero(image))
    if left < LEAST_LEFT * image.size:
        return False
    contours, _ = cv2.findContours(image, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate(contours)
    rectangle, disc = np.zeros_like(image), np.zeros_like(image)
    cv2.fillConvexPoly(rectangle, np.round(cv2.boxPoints(cv2.minAreaRect(points))).astype(int), 1)
    (x, y), radius = cv2.minEnclosingCircle(points)
    cv2.circle(disc, (round(x), round(y)), round(radius), 1, cv2.FILLED)
    around = min(np.count_nonzero(rectangle), np.count_nonzero(disc))
    return bool(left >= REGULAR * around and around - left <= WITHIN * np.count_nonzero(frame))


def _joined(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the regions of a mask that hold a corner, or most of an edge."""
    result = np.zeros(mask.shape, bool)
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    if not any(edge.any() for edge in edges):
        return result
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    chosen: set[int] = set()
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        chosen |= {int(edge[0]), int(edge[-1])}
        counts = np.bincount(edge)
        chosen |= set(np.flatnonzero(counts >= ALONG * len(edge)).tolist())
    chosen.discard(0)
    return np.isin(labels, sorted(chosen))
