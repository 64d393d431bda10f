"""Fields taken from a slide's zone for a smear: files that name parts of the slide, no copies.

As photographs, they are segmented one by one, and a cell on a border may be in none or in both of
two that touch. So they lie a little apart: no cell is in two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.battlement import count_until
from napari_leukocyte.analysis.slide.outlines import zone_within
from napari_leukocyte.analysis.smear.inspection import smear_id, smears_folder
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.normalise import SMALLEST_SIDE_PX
from napari_leukocyte.io.slides import FIELD_SUFFIX
from napari_leukocyte.io.slides.field import SlideField, write_slide_field
from napari_leukocyte.io.slides.image import PartBox, SlideImage
from napari_leukocyte.io.slides.opening import fingerprint, open_slide
from napari_leukocyte.language import later
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.segmentation.finder import SURE, find_candidates, of_size

#: Between two fields, diameters of a leukocyte: more than the largest cells have.
APART = 1.5
_STRANGE = re.compile(r"[^\w .()+-]")


@dataclass(frozen=True)
class TakenFields:
    """The fields that were taken.

    Attributes
    ----------
    folder : Path
        Where their files lie, ``field 1.slidefield`` and so on in battlement order.
    fields : int
        How many there are.
    leukocytes : int
        How many the finder, a small network, sees in them: an estimate.
    looked_at : int
        Fields of the zone that were looked at; those without any leukocyte were not taken.
    enough : bool
        Whether so many leukocytes were seen as were asked for.
    """

    folder: Path
    fields: int
    leukocytes: int
    looked_at: int
    enough: bool


def taken_folder(slide: Path) -> Path:
    """Return the folder of a slide's fields, called as the slide is; it may not exist yet."""
    name = _STRANGE.sub("_", slide.stem).strip(" .") or "slide"
    return smears_folder() / "slides" / smear_id([slide]) / name


def fields_taken(slide: Path) -> list[Path]:
    """Return the files of the fields that were taken from a slide before."""
    return list(taken_folder(slide).glob(f"*{FIELD_SUFFIX}"))


def take_fields(
    slide: Path,
    polygons: Sequence[NDArray[np.float64]],
    diameter: float,
    leukocytes: int,
    progress: Progress = silent,
) -> TakenFields:
    """Take fields of a zone in battlement order, until they show enough leukocytes.

    Parameters
    ----------
    slide : Path
        The slide.
    polygons : sequence of ndarray
        (N, 2) y and x each, px: the zone.
    diameter : float
        Diameter of a leukocyte, px.
    leukocytes : int
        How many are enough.
    progress : callable
        Called after each field; it may raise, and the former fields stay then.

    Returns
    -------
    TakenFields
        In place of those that were taken from the slide before, whose work is kept, as that of any
        photograph, for when they are taken again.

    Raises
    ------
    ImageError, OutputError
        If the slide can't be read, or the files can't be written.
    ParameterError
        If the zone has no field, or none with a leukocyte.
    """
    with open_slide(slide) as image:
        zone = zone_within(polygons, diameter, image.shape)
        if not zone.inside.any():
            raise ParameterError("The zone holds no field of {side} x {side} px.", side=zone.side)
        kept: list[PartBox] = []

        def count(part: PartBox) -> int:
            inner = _apart(part, diameter)
            seen = _leukocytes(image, inner, diameter)
            if seen:
                kept.append(inner)
            sure = sum(score >= SURE for score in seen)
            reached[0] += sure
            progress(min(reached[0], leukocytes), leukocytes, "Looking for leukocytes in the zone")
            return sure

        reached = [0]
        counted = count_until(zone, leukocytes, count)
        if not kept:
            raise ParameterError(later("No leukocyte is seen in the zone."))
        folder = taken_folder(slide)
        _write(folder, slide, kept)
    return TakenFields(folder, len(kept), counted.total, len(counted.fields), counted.enough)


def _apart(part: PartBox, diameter: float) -> PartBox:
    """Return a field without a border of half the distance between two."""
    margin = round(APART * diameter / 2)
    y0, x0, y1, x1 = part
    if min(y1 - y0, x1 - x0) - 2 * margin < SMALLEST_SIDE_PX:
        return part
    return y0 + margin, x0 + margin, y1 - margin, x1 - margin


def _leukocytes(image: SlideImage, part: PartBox, diameter: float) -> list[float]:
    """Return the scores of what looks like leukocytes in a field."""
    return [c.score for c in of_size(find_candidates(image.read(part)), diameter)]


def _write(folder: Path, slide: Path, parts: Sequence[PartBox]) -> None:
    place, state = str(slide.absolute()), fingerprint(slide)
    written = set()
    for number, (y0, x0, y1, x1) in enumerate(parts, 1):
        path = folder / f"field {number}{FIELD_SUFFIX}"
        write_slide_field(path, SlideField(place, state, y0, x0, y1 - y0, x1 - x0))
        written.add(path)
    for former in set(folder.glob(f"*{FIELD_SUFFIX}")) - written:
        with suppress(OSError):
            former.unlink()
