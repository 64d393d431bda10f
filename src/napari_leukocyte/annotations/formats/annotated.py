"""One photograph with its annotations and its size: what formats are read into and written from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.limits import check_shape
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError, ImageError
from napari_leukocyte.schema import BOX, LABEL

#: Columns that every table has: an object's number, its class, and the box around it, px, ends
#: exclusive.
REQUIRED = (LABEL, "class", *BOX)
#: Columns about who said what, where it is known; see
#: :meth:`napari_leukocyte.session.session.Session.table`.
SAID = ("reviewed", "predicted", "confidence", "reader", "when", "flags", "note", "edited")


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """A photograph's objects.

    Attributes
    ----------
    name : str
        File name of the photograph, without folders.
    shape : tuple of int
        Its height and width, px.
    labels : ndarray or None
        (H, W) int32, 0 where no object is; None where only boxes are known.
    table : pandas.DataFrame
        One row an object: the columns of `REQUIRED`, those of `SAID` that are known, and any
        measurements. ``class`` is missing where nobody said one.
    source : Path or None
        The photograph's file, where one is known and exists.
    notes : tuple of str
        What could not be taken over as it was, a sentence each.
    key : str
        Checksum of the pixels that the objects were drawn on, where it is known; see
        :func:`napari_leukocyte.io.images.key.image_key`.
    """

    name: str
    shape: tuple[int, int]
    labels: NDArray[np.int32] | None
    table: pd.DataFrame
    source: Path | None = None
    notes: tuple[str, ...] = ()
    key: str = ""


#: What the key of the pixels is called wherever it is written.
PIXELS = "pixels_sha256"
_KEY = re.compile(r"[0-9a-f]{64}")
_ROIS = re.compile(r"[_-](cp_)?(rois?|roiset|annotations?|cells)$", re.IGNORECASE)


def image_of(
    source: Source, about: Mapping[str, Any], far_corner: tuple[float, float] | None
) -> tuple[str, tuple[int, int], Path | None, list[str]]:
    """Find out what image a file belongs to whose format has no place for that.

    Parameters
    ----------
    source : Source
        The file.
    about : mapping
        What this plugin noted in it: ``image``, ``height`` and ``width``; empty in other
        programs' files.
    far_corner : tuple of float or None
        Largest y and x of its objects, px; None if there are none.

    Returns
    -------
    name : str
        Of the photograph.
    shape : tuple of int
        Its height and width, px.
    photograph : Path or None
        Its file, if it is found.
    notes : list of str
        Sentences for the user.

    Raises
    ------
    FormatError
        If the size is known from nowhere.
    """
    name = source.path.stem
    if "image" in about:
        name = files.plain_name(about["image"], source.where)
    photograph = source.photograph(name, "images")
    if photograph is None and not about:
        # As cellpose and scripts for ImageJ call a photograph's ROIs.
        photograph = source.photograph(_ROIS.sub("", name), "images")
    if "height" in about:
        shape = check_shape(about.get("height"), about.get("width"), source.where)
        return name, shape, photograph, []
    if photograph is not None:
        return photograph.name, shape_of(photograph), photograph, []
    if far_corner is None:
        raise FormatError(f"{source.where} has no objects and does not say how large its image is.")
    y, x = (max(1, math.ceil(side)) for side in far_corner)
    note = (
        f"{source.where}: the size of the image is not known; it is taken to end where its "
        "objects do."
    )
    return name, check_shape(y, x, source.where), None, [note]


def pixels(image: AnnotatedImage) -> dict[str, str]:
    """Return the entry that says what pixels an image's objects were drawn on; empty if unknown."""
    return {PIXELS: image.key} if image.key else {}


def key_in(about: Mapping[str, Any]) -> str:
    """Return what such an entry says; empty if there is none, or none that is a checksum."""
    key = about.get(PIXELS)
    return key if isinstance(key, str) and _KEY.fullmatch(key) else ""


def check_pixels(image: AnnotatedImage) -> None:
    """Check that an image's file shows what its objects were drawn on, where both are known.

    Raises
    ------
    FormatError
        If it shows other pixels. A file that can't be read is left to whoever needs it.
    """
    from napari_leukocyte.io.images.key import image_key
    from napari_leukocyte.io.images.normalise import normalise_image
    from napari_leukocyte.io.images.reading import read_image

    if not image.key or image.source is None:
        return
    try:
        key = image_key(normalise_image(read_image(image.source)).rgb)
    except ImageError:
        return
    if key != image.key:
        raise FormatError(other_pixels(image.name, image.source))


def other_pixels(name: str, file: Path) -> str:
    """Return the sentence that refuses a photograph for its pixels."""
    return (
        f"{name}: {file} shows other pixels than those that its cells were drawn on, so the masks "
        "would lie elsewhere."
    )


def shape_of(photograph: Path) -> tuple[int, int]:
    """Return height and width of a photograph, px.

    Raises
    ------
    FormatError
        If it can't be read.
    """
    from napari_leukocyte.io.images.normalise import normalise_image
    from napari_leukocyte.io.images.reading import read_image

    try:
        height, width = normalise_image(read_image(photograph)).rgb.shape[:2]
    except ImageError as error:
        raise FormatError(str(error)) from error
    return check_shape(int(height), int(width), str(photograph))
