"""A field of a slide: a small file that names a part of it, and is read as a photograph is."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.io.slides.image import PartBox
from napari_leukocyte.io.slides.opening import LARGE, fingerprint, open_slide, state_of
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import Count, Name, Whole, between, parse, record

_ENTRY = "slide_field"


@record(frozen=True)
class SlideField:
    """A field of a slide.

    Attributes
    ----------
    slide : str
        Path of the slide.
    fingerprint : str
        What tells the slide as it was then from any other; see
        :func:`napari_leukocyte.io.slides.opening.fingerprint`.
    y, x : int
        The field's upper left corner, px of the finest level.
    height, width : int
        Its size, px of the finest level.
    """

    slide: Name
    fingerprint: Name
    y: Count
    x: Count
    height: Annotated[Whole, between(1, LARGE)]
    width: Annotated[Whole, between(1, LARGE)]

    def __post_init__(self) -> None:
        if self.height * self.width > LARGE:
            raise ParameterError(
                f"A field of {self.height} x {self.width} px is too large to be read at once."
            )

    @property
    def part(self) -> PartBox:
        """y0, x0, y1, x1, px of the finest level."""
        return self.y, self.x, self.y + self.height, self.x + self.width


def write_slide_field(path: Path, field: SlideField) -> None:
    """Write the file of a field.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    write_user_file(path, _ENTRY, asdict(field))


def load_slide_field(path: Path) -> SlideField:
    """Return the field that a file names.

    Raises
    ------
    ImageError
        If it can't be read, or names none.
    """
    try:
        values = read_user_file(path, _ENTRY)
        if values is None:
            raise ImageError(f"{path} does not exist.")
        return parse(SlideField, values, where=f"{path}: ")
    except ParameterError as error:
        raise ImageError(str(error)) from error


def read_slide_field(path: Path) -> NDArray[np.uint8]:
    """Read the pixels of the field that a file names.

    Returns
    -------
    ndarray
        (height, width, 3) uint8 RGB.

    Raises
    ------
    ImageError
        If the slide is gone, is not the one any more that the field was taken from, or is damaged
        in the field.
    """
    field = load_slide_field(path)
    place = Path(field.slide)
    if not place.exists():
        raise ImageError(f"{path.name} is a field of {place}, which is not there any more.")
    if _fingerprint(place, state_of(place)) != field.fingerprint:
        raise ImageError(f"{place} has changed since {path.name} was taken from it.")
    with open_slide(place) as slide:
        pixels = slide.read(field.part)
        if slide.damaged:
            raise ImageError(f"{place} is damaged in {path.name}.")
    return pixels


def slide_field_scale(path: Path) -> float | None:
    """Return the side of a field's pixel, µm, if the slide knows it.

    Raises
    ------
    ImageError
        If the file or the slide can't be read.
    """
    with open_slide(Path(load_slide_field(path).slide)) as slide:
        return slide.um_per_px


@lru_cache(maxsize=16)
def _fingerprint(slide: Path, state: tuple[int, int]) -> str:
    """Return a slide's fingerprint: of megabytes, and so not read for each of its fields."""
    return fingerprint(slide)
