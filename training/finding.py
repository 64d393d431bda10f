"""Leukocytes of any size, found in coarse copies of an image by the finder network.

The network tells leukocytes of 6 to 170 px. So a copy of the image with a longer side of a few hundred
px shows it all large and middling ones of a field, and a copy three times as fine the small ones. Every
peak of the centres' map is a candidate with a place, a diameter and a score; of those of both copies
that lie on one another the likelier one stays, and the candidates' median is the image's diameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: Longer side of the coarse copies, px; the finer ones are asked of images that are larger.
SIDES = (256, 768, 2304)
#: Both sides of a copy are multiples of this.
BLOCK = 32
#: Output pixels are this many px of the copy apart.
STRIDE = 4
#: Diameters in px of a copy that are believed; a copy's cells beyond them are left to the others.
BELIEVED = (10.0, 220.0)
#: Least score of a candidate, and of one that says something of the size.
LEAST, SURE = 0.2, 0.7
#: Candidates whose discs overlap by more than this, in parts of the smaller one, are one leukocyte.
SAME = 0.4

#: (N, H, W, 3) float32 RGB 0 to 255 -> (N, H/4, W/4, 3): cell, centre, log2 of the diameter in px.
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Candidate:
    """What looks like a leukocyte.

    Attributes
    ----------
    y, x : float
        Its centre, px of the image.
    diameter : float
        Px of the image.
    score : float
        0 to 1.
    """

    y: float
    x: float
    diameter: float
    score: float


def find_candidates(
    rgb: NDArray[np.uint8], network: Network, sides: Sequence[int] = SIDES
) -> list[Candidate]:
    """Find what looks like leukocytes, the likeliest first.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    network : callable
        The finder.
    sides : sequence of int
        Longer sides of the copies, rising.

    Returns
    -------
    list of Candidate
        None of them lies on a likelier one.
    """
    longer = max(rgb.shape[:2])
    found: list[Candidate] = []
    for i, side in enumerate(sides):
        scale = min(1.0, side / longer) if i else side / longer
        # Enlarged only to the coarsest copy: a crop of one small cell.
        if i and scale * longer <= 1.25 * sides[i - 1]:
            break
        found = _apart(_in_copy(rgb, network, scale, *BELIEVED))
        if any(c.score >= SURE for c in found):
            break
    return found


def typical_diameter(candidates: Sequence[Candidate]) -> float | None:
    """Return the median diameter of the sure candidates, px, weighted by score; None without any."""
    sure = [c for c in candidates if c.score >= SURE]
    if not sure:
        return None
    sizes = np.array([c.diameter for c in sure])
    weights = np.array([c.score * c.diameter**2 for c in sure])
    order = np.argsort(sizes)
    total = np.cumsum(weights[order])
    return float(sizes[order][np.searchsorted(total, total[-1] / 2)])


MIX = 0
SHOWN = 0.5


def mix(a, b):
    return a**MIX * b ** (1 - MIX)


def _in_copy(
    rgb: NDArray[np.uint8], network: Network, scale: float, low: float, high: float
) -> list[Candidate]:
    height, width = rgb.shape[:2]
    shape = [max(1, round(s * scale)) for s in (width, height)]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    copy = np.asarray(cv2.resize(rgb, shape, interpolation=method))
    below, right = (-s % BLOCK for s in copy.shape[:2])
    padded = cv2.copyMakeBorder(copy, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    maps = network(np.asarray(padded, np.float32)[None])[0]
    maps = maps[: -(-copy.shape[0] // STRIDE), : -(-copy.shape[1] // STRIDE)]
    cell, centre, log = maps[..., 0], maps[..., 1], maps[..., 2]
    shown = (cell >= SHOWN).astype(np.uint8)
    count, labels = cv2.connectedComponents(shown, ltype=cv2.CV_32S)
    found: list[Candidate] = []
    for label in range(1, count):
        inside = labels == label
        area = int(inside.sum())
        weight = cell[inside] * centre[inside]
        told = 2.0 ** float(np.average(log[inside], weights=weight + 1e-6))
        drawn = float(np.sqrt(4 * area / np.pi)) * STRIDE
        y, x = (float(np.average(v, weights=weight + 1e-6)) for v in np.nonzero(inside))
        diameter = mix(told, drawn)
        if low <= diameter <= high:
            middle = [(v + 0.5) * STRIDE / scale for v in (y, x)]
            found.append(Candidate(*middle, diameter / scale, float(cell[inside].mean())))
    return found


def _apart(candidates: list[Candidate]) -> list[Candidate]:
    """Keep, of candidates that lie on one another, the likeliest."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda c: -c.score):
        if all(
            np.hypot(one.y - k.y, one.x - k.x)
            >= (1 - SAME) * max(one.diameter, k.diameter) / 2 + 0.1 * min(one.diameter, k.diameter)
            for k in kept
        ):
            kept.append(one)
    return kept
