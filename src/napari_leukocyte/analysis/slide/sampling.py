"""Fields sampled from a slide, and the size of its leukocytes from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.slides.image import PartBox, SlideImage
from napari_leukocyte.progress import Progress
from napari_leukocyte.segmentation.finder import (
    ASSUMED_PX,
    FEWEST_SMALL,
    SMALL_PX,
    STRIDE,
    SURE,
    Candidate,
    Diameter,
    find_candidates,
    run_finder,
    typical_diameter,
)

#: Longer side of the coarse copy that shows where there is stain, px.
COARSE_PX = 2048
#: Side of a sampled field, px, and how many there are.
FIELD_PX, FIELDS = 2048, 9
#: Least part of the background's green light that stained pixels have lost.
STAINED = 0.1
#: Least part of a field that is stained.
LEAST_STAINED = 0.05
#: Side of the parts that the finder is shown a field in, and how far each is looked at beyond
#: itself, px: whole multiples of what it halves away. The finest copy of a field would take it a
#: gigabyte.
PART_PX, AROUND_PX = 1024, 192
#: Diameter of a leukocyte, µm, that is assumed where none is seen for sure: between a lymphocyte's
#: and a monocyte's on a smear (Bain, "Blood Cells", 6th edition, Wiley 2022, chapter 3).
ASSUMED_UM = 13.0


def sample_fields(
    image: SlideImage, background: NDArray[np.float64], side: int = FIELD_PX, most: int = FIELDS
) -> list[PartBox]:
    """Sample fields of a slide where there is stain, from all over it.

    Parameters
    ----------
    image : SlideImage
        The slide.
    background : ndarray
        (3,) RGB of its empty background.
    side : int
        Side of a field, px.
    most : int
        How many fields at most.

    Returns
    -------
    list of tuple of int
        y0, x0, y1, x1, px. Of the fields that are stained, those of every n-th place in order of
        how much they are: neither empty ones alone, nor thick ones.
    """
    height, width = image.shape
    coarse = image.coarse(COARSE_PX)
    stained = coarse[..., 1] < (1 - STAINED) * background[1]
    factor = height / coarse.shape[0]
    found: list[tuple[float, PartBox]] = []
    for y0 in range(0, max(1, height - side // 2), side):
        for x0 in range(0, max(1, width - side // 2), side):
            part = (y0, x0, min(y0 + side, height), min(x0 + side, width))
            top, left, bottom, right = (int(v / factor) for v in part)
            share = float(stained[top : bottom + 1, left : right + 1].mean())
            if share >= LEAST_STAINED:
                found.append((share, part))
    found.sort()
    if len(found) > most:
        chosen = np.linspace(0, len(found) - 1, most + 2).round().astype(int)[1:-1]
        found = [found[i] for i in chosen]
    return [part for _, part in found]


def find_in_parts(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run the finder on a batch part by part, as :func:`run_finder` does at once.

    It sees a cell by what is around it: what is farther than `AROUND_PX` changes its answer in
    digits that nobody looks at.
    """
    n, height, width = batch.shape[:3]
    if max(height, width) <= PART_PX:
        return run_finder(batch)
    maps = np.empty((n, height // STRIDE, width // STRIDE, 3), np.float32)
    for y in range(0, height, PART_PX):
        for x in range(0, width, PART_PX):
            top, left = max(0, y - AROUND_PX), max(0, x - AROUND_PX)
            bottom, right = y + PART_PX + AROUND_PX, x + PART_PX + AROUND_PX
            seen = run_finder(np.ascontiguousarray(batch[:, top:bottom, left:right]))
            rows, columns = (y - top) // STRIDE, (x - left) // STRIDE
            place = maps[
                :,
                y // STRIDE : (y + PART_PX) // STRIDE,
                x // STRIDE : (x + PART_PX) // STRIDE,
            ]
            place[...] = seen[:, rows : rows + place.shape[1], columns : columns + place.shape[2]]
    return maps


def estimate_on_slide(
    image: SlideImage, background: NDArray[np.float64], progress: Progress
) -> Diameter:
    """Estimate the diameter of a leukocyte from sampled fields.

    Parameters
    ----------
    image : SlideImage
        The slide.
    background : ndarray
        (3,) RGB of its empty background.
    progress : callable
        Called after each field; it may raise :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    Diameter
        The area-weighted median of what is seen for sure in any field. Where nothing is, 13 µm, or
        64 px if the file does not know its scale, with a note.
    """
    what = "Estimating the diameter of a leukocyte"
    fields = sample_fields(image, background)
    candidates: list[Candidate] = []
    for number, part in enumerate(fields):
        progress(number, len(fields), what)
        candidates += find_candidates(image.read(part), find_in_parts)
    progress(len(fields), len(fields), what)
    typical = typical_diameter(candidates)
    sure = sum(c.score >= SURE for c in candidates)
    if typical is not None and (typical >= SMALL_PX or sure >= FEWEST_SMALL):
        return Diameter(round(typical, 1))
    assumed = ASSUMED_PX if image.um_per_px is None else ASSUMED_UM / image.um_per_px
    return Diameter(
        round(assumed, 1),
        (
            f"No leukocyte was seen for sure in {len(fields)} sampled fields; a diameter of "
            f"{assumed:.0f} px was assumed: set it if there are leukocytes.",
        ),
    )
