"""Limits beyond which a file of annotations is taken for damaged or malicious."""

from __future__ import annotations

import math

from napari_leukocyte.errors import FormatError

#: Pixels of one image: 14,000 x 14,000, ten times the largest camera of a microscope.
MOST_PIXELS = 200_000_000
#: Longest side of an image, px.
LONGEST_SIDE = 200_000
#: Bytes of a JSON, XML or YAML file: what is parsed takes ten times as much memory.
MOST_TEXT_BYTES = 256_000_000
#: Bytes of a small file beside others, such as the list of a data set's classes.
MOST_SMALL_BYTES = 16_000_000
#: Bytes that one entry of a ZIP file, and all of them together, may unpack to.
MOST_ENTRY_BYTES, MOST_ARCHIVE_BYTES = 64_000_000, 512_000_000
#: Entries of a ZIP file, and files of a folder.
MOST_ENTRIES = 200_000
#: Objects of one image.
MOST_OBJECTS = 1_000_000
#: Boxes of all objects of an image together, as multiples of the image's pixels; whoever draws
#: cells on a photograph does not draw them all over it hundreds of times.
MOST_LAYERS = 200
#: Pixels that boxes may always have together, however small the image is.
ALWAYS_PIXELS = 20_000_000
#: Largest number of an object: what int32 holds.
LARGEST_LABEL = 2**31 - 1
#: Longest name of a class, and longest other text of an object.
LONGEST_NAME, LONGEST_TEXT = 200, 10_000
#: Bytes of a file's name, as file systems have them.
LONGEST_FILE_NAME = 255
#: Other values that an object may have.
MOST_ATTRIBUTES = 200
#: Coordinates so little beyond the image, px, are rounding, and are taken for its edge.
ROUNDING_PX = 0.01


def check_shape(height: object, width: object, where: str) -> tuple[int, int]:
    """Return the size of an image, px.

    Parameters
    ----------
    height, width : object
        As a file has them.
    where : str
        What the file is called in a sentence.

    Raises
    ------
    FormatError
        If they are no whole numbers above 0, or an image of this size is out of reach.
    """
    sides = [whole(side) for side in (height, width)]
    if any(side is None or side < 1 for side in sides):
        raise FormatError(f"{where} gives an image without a height and width in whole pixels.")
    h, w = (int(side or 0) for side in sides)
    if h * w > MOST_PIXELS or max(h, w) > LONGEST_SIDE:
        raise FormatError(
            f"{where} has an image of {_digits(h)} x {_digits(w)} px, more than can be read "
            f"({MOST_PIXELS // 1_000_000} megapixels)."
        )
    return h, w


def whole(value: object) -> int | None:
    """Return a whole number, also one that is written as 7.0; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return None


def _digits(number: int) -> str:
    """Return a number for a sentence; one of thousands of digits is not printed."""
    return str(number) if number < 10**12 else "a trillion or more"
