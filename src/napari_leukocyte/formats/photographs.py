"""The size of a photograph whose annotations do not say it."""

from __future__ import annotations

from pathlib import Path

from napari_leukocyte.errors import FormatError, ImageError
from napari_leukocyte.formats.limits import check_shape


def shape_of(photograph: Path) -> tuple[int, int]:
    """Return height and width of a photograph, px.

    Raises
    ------
    FormatError
        If it can't be read.
    """
    from napari_leukocyte.images.normalise import normalise_image
    from napari_leukocyte.images.reading import read_image

    try:
        height, width = normalise_image(read_image(photograph)).rgb.shape[:2]
    except ImageError as error:
        raise FormatError(str(error)) from error
    return check_shape(int(height), int(width), str(photograph))
