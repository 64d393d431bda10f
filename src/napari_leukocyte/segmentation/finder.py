"""Leukocytes of any size, found in coarse copies of an image by a small network; their diameter.

The finder tells leukocytes of 6 to 170 px. So a copy of the image with a longer side of a few
hundred px shows it all large and middling ones of a field, and finer copies the small ones, which
are asked for only while nothing was seen for sure. ``python -m training size`` trains it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member
from napari_leukocyte.progress import Progress
from napari_leukocyte.segmentation.erythrocytes import LEAST_LEUKOCYTE, erythrocyte_diameter

#: Longer sides of the copies, px, in the order that they are looked at.
SIDES = (256, 768, 2304)
#: Both sides of a copy are multiples of this: the network halves its input five times.
BLOCK = 32
#: Output pixels are this many px of the copy apart.
STRIDE = 4
#: Diameters in px of a copy that are believed; others are left to another copy.
BELIEVED = (10.0, 220.0)
#: Least diameter of a leukocyte, px of the image: below it none shows any structure, and
#: the networks would have to look at images that are enlarged four times.
SMALLEST = 16.0
#: Probability from which a pixel belongs to a candidate.
SHOWN = 0.5
#: Regions of the coarse map reach beyond the cell's outline: by this, on held-out fields at home.
REACH = 1.03
#: A region this many times as wide as its pixels tell of themselves is several cells that touch.
SEVERAL = 1.35
#: Score from which a candidate says something of the size.
SURE = 0.7
#: Least score that the best candidate of an image must have for the others to be believed, and
#: from which no finer copy is looked at. On left-out fields with leukocytes the best has 0.89 to
#: 0.98; on three of four without any it has less than 0.86.
LIKELY, CERTAIN = 0.85, 0.9
#: Candidates of at least this diameter in a copy are outlined well enough by its output pixels;
#: others are shown again at `FINE` px.
COARSE, FINE = 26.0, 40.0
#: Diameter, px, at which a part of an image is asked whether it shows any leukocyte at all.
ASKED = 16.0
#: Probability that no part with a leukocyte stays under. Of 281 true leukocytes of two laboratories
#: (BCCD, held out; Bio-Net, never seen) all but one have a pixel of 0.96 or more, and that one of
#: 0.34; 34 of 40 fields without leukocytes of a third (Chula RBC-12) have none of 0.1.
NOTHING = 0.1
#: What is a leukocyte has a diameter within this factor of the typical one.
_LIKE = 1.7
#: Diameter, px, that is assumed where nothing is found, if the image is not smaller: a tenth of
#: the smaller side, or the size at which the shipped networks see cells.
ASSUMED_PX, ASSUMED_PART = 64.0, 0.1
#: Diameter of a leukocyte in parts of an erythrocyte's, where only those are seen: the median of
#: 243 boxes of Bio-Net is 1.9, of 236 of BCCD 1.9.
OF_ERYTHROCYTE = 1.9
#: A size below this, px, is believed of no fewer than so many sure candidates. One or two that
#: small are platelets rather, and a field enlarged for them takes the networks a minute. In an
#: image so small that they are this part of its smaller side, they are leukocytes: of one where
#: platelets were that large, leukocytes would fill it.
SMALL_PX, FEWEST_SMALL, SMALL_PART = 32.0, 3, 0.1
_DESCRIPTION = Path(__file__).parent / "shipped" / "finder.json"

#: (N, H, W, 3) float32 RGB 0 to 255 -> (N, H/4, W/4, 3): cell, centre, log2 of the diameter in px.
FinderNetwork = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Candidate:
    """A place that looks like a leukocyte.

    Attributes
    ----------
    y, x : float
        Its centre, px of the image.
    diameter : float
        Px of the image.
    score : float
        Mean probability inside, 0 to 1.
    """

    y: float
    x: float
    diameter: float
    score: float


@cache
def shipped_finder() -> Member:
    """Return the finder that comes with the package, as a member that the runtime can run."""
    described = json.loads(_DESCRIPTION.read_text(encoding="utf-8"))
    file = _DESCRIPTION.parent / described["file"]
    return Member("finder", file, described["sha256"], 1.0, described["diameters_px"][1])


def run_finder(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run the shipped finder on a batch."""
    n, height, width = batch.shape[:3]
    shape = (n, height // STRIDE, width // STRIDE, 3)
    return runtime.run(shipped_finder(), batch, shape)[0]


def find_candidates(
    rgb: NDArray[np.uint8],
    network: FinderNetwork = run_finder,
    sides: Sequence[int] = SIDES,
    after_copy: Callable[[int], None] = lambda number: None,
) -> list[Candidate]:
    """Find what looks like leukocytes, the likeliest first.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    network : callable
        The finder.
    sides : sequence of int
        Longer sides of the copies, px, rising.
    after_copy : callable
        Called with the number of copies that were looked at; it may raise to stop.

    Returns
    -------
    list of Candidate
        Of the copy that shows them best. Copies are looked at from coarse to fine until one shows a
        candidate beyond doubt; if those are small in it, they are measured again in a finer one.
    """
    longer = max(rgb.shape[:2])
    best: list[Candidate] = []
    taken = 0.0
    for i, side in enumerate(sides):
        # Enlarged only to the coarsest copy: a crop of one small cell.
        scale = min(1.0, side / longer) if i else side / longer
        if i and scale * longer <= 1.25 * sides[i - 1]:
            break
        found = _in_copy(rgb, network, scale)
        # Fragments and platelets look like leukocytes in fine copies more than in coarse ones.
        if i == 0 or evidence(found) >= max(CERTAIN, evidence(best)):
            best, taken = found, scale
        after_copy(i + 1)
        if evidence(best) >= CERTAIN:
            break
    typical = typical_diameter(best)
    if typical is not None and typical * taken < COARSE:
        finer = min(1.0, FINE / typical, sides[-1] / longer)
        if finer > 1.2 * taken:
            again = _in_copy(rgb, network, finer)
            found = of_size(again, typical)
            if evidence(found) >= SURE:
                return found
    return best


def may_show_leukocytes(
    rgb: NDArray[np.uint8], diameter: float, network: FinderNetwork = run_finder
) -> bool:
    """Say whether an image may show leukocytes of a size, far sooner than they are found.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    diameter : float
        Of a leukocyte, px.
    network : callable
        The finder.

    Returns
    -------
    bool
        False only if the finder is sure of every pixel that it is none's.
    """
    return bool((_seen(rgb, network, ASKED / diameter)[..., 0] >= NOTHING).any())


def of_size(candidates: Sequence[Candidate], diameter: float) -> list[Candidate]:
    """Return the candidates whose diameter is about as given, px."""
    return [c for c in candidates if diameter / _LIKE < c.diameter < diameter * _LIKE]


def evidence(candidates: Sequence[Candidate]) -> float:
    """Return the largest score; 0 without candidates."""
    return max((c.score for c in candidates), default=0.0)


def typical_diameter(candidates: Sequence[Candidate]) -> float | None:
    """Return the area-weighted median diameter of the sure candidates, px; None if unlikely."""
    sure = sorted((c for c in candidates if c.score >= SURE), key=lambda c: c.diameter)
    if evidence(sure) < LIKELY:
        return None
    total = np.cumsum([c.score * c.diameter**2 for c in sure])
    return sure[int(np.searchsorted(total, total[-1] / 2))].diameter


def _seen(rgb: NDArray[np.uint8], network: FinderNetwork, scale: float) -> NDArray[np.float32]:
    """Return the finder's maps of a copy of an image."""
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    copy = np.asarray(cv2.resize(rgb, (width, height), interpolation=method))
    below, right = -height % BLOCK, -width % BLOCK
    padded = cv2.copyMakeBorder(copy, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    maps = network(np.asarray(padded, np.float32)[np.newaxis])[0]
    # What lies beyond the image is mirrored in, and not found twice.
    return np.asarray(maps[: -(-height // STRIDE), : -(-width // STRIDE)], np.float32)


def _in_copy(rgb: NDArray[np.uint8], network: FinderNetwork, scale: float) -> list[Candidate]:
    """Return the candidates of one copy of the image."""
    maps = _seen(rgb, network, scale)
    cell, centre, log_diameter = (maps[..., i] for i in range(3))
    shown = (cell >= SHOWN).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(shown, ltype=cv2.CV_32S)
    found: list[Candidate] = []
    for label in range(1, count):
        left, top, w, h, area = (int(v) for v in stats[label])
        box = (slice(top, top + h), slice(left, left + w))
        inside = labels[box] == label
        diameter = float(np.sqrt(4 * area / np.pi)) * STRIDE / REACH
        weight = (cell[box] * centre[box])[inside] + 1e-6
        # Less exact than the outline, but each pixel tells of its own cell alone.
        told = 2.0 ** float(np.average(log_diameter[box][inside], weights=weight))
        if diameter > SEVERAL * told:
            diameter = told
        if not BELIEVED[0] <= diameter <= BELIEVED[1] or diameter / scale < SMALLEST:
            continue
        y, x = (float(np.average(v, weights=weight)) for v in np.nonzero(inside))
        middle_y, middle_x = ((v + 0.5) * STRIDE / scale for v in (y + top, x + left))
        score = float(cell[box][inside].mean())
        found.append(Candidate(middle_y, middle_x, diameter / scale, score))
    return sorted(found, key=lambda c: -c.score)


@dataclass(frozen=True)
class Diameter:
    """A leukocyte's diameter.

    Attributes
    ----------
    px : float
        Diameter, px.
    notes : tuple of str
        What a user should know about it.
    """

    px: float
    notes: tuple[str, ...] = field(default=())


def estimate_diameter(
    rgb: NDArray[np.uint8], progress: Progress, network: FinderNetwork = run_finder
) -> Diameter:
    """Estimate the diameter of a leukocyte.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, all of it image (see :mod:`napari_leukocyte.segmentation.frame`).
    progress : callable
        Called after each coarse copy; it may raise :class:`~napari_leukocyte.errors.Cancelled`.
    network : callable
        The finder.

    Returns
    -------
    Diameter
        If no leukocyte is found for sure, that of the likeliest candidate; without any, or where it
        is as small as a platelet, `OF_ERYTHROCYTE` times that of the erythrocytes; where there are
        none either, a tenth of the image's smaller side or 64 px, whichever is larger. A note says
        so.
    """
    what = "Estimating the diameter of a leukocyte"
    progress(0, len(SIDES), what)
    candidates = find_candidates(
        rgb, network, after_copy=lambda number: progress(number, len(SIDES), what)
    )
    erythrocyte = erythrocyte_diameter(rgb)
    if erythrocyte is not None:
        # What is much smaller than the erythrocytes beside it is a platelet.
        candidates = [c for c in candidates if c.diameter >= LEAST_LEUKOCYTE * erythrocyte]
    typical = typical_diameter(candidates)
    sure = sum(c.score >= SURE for c in candidates)
    small = min(SMALL_PX, SMALL_PART * min(rgb.shape[:2]))
    if typical is not None and (typical >= small or sure >= FEWEST_SMALL):
        return Diameter(round(typical, 1))
    assumed = max(ASSUMED_PX, ASSUMED_PART * min(rgb.shape[:2]))
    if erythrocyte is not None:
        assumed = OF_ERYTHROCYTE * erythrocyte
    if candidates and candidates[0].diameter >= small:
        assumed = candidates[0].diameter
    return Diameter(
        round(assumed, 1),
        (
            f"No leukocyte was seen for sure to estimate the diameter from; {assumed:.0f} px were "
            "assumed: set the diameter if there are leukocytes.",
        ),
    )
