"""Check that masks and table of an image belong together before they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.attributes import texts
from napari_leukocyte.annotations.formats.files import checked_name
from napari_leukocyte.annotations.formats.limits import check_shape
from napari_leukocyte.annotations.formats.packed import PackedImage
from napari_leukocyte.errors import FormatError
from napari_leukocyte.schema import BOX, LABEL


def complete(images: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
    """Return images of which every object has a row, also those that only the labels have.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        Of any origin; their tables may lack the class, and the boxes if there are masks.

    Raises
    ------
    FormatError
        If there is no image, or the size, name or table of one does not fit.
    """
    if not images:
        raise FormatError("There is no annotated image to write.")
    return [_complete(image) for image in images]


def _complete(image: AnnotatedImage) -> AnnotatedImage:
    checked_name(image.name, "An annotated image")
    check_shape(*image.shape, image.name)
    table = image.table
    if LABEL not in table:
        raise FormatError(f"The table of {image.name} has no numbers.")
    known = table[LABEL].to_numpy()
    if len(np.unique(known)) < len(known):
        raise FormatError(f"The table of {image.name} has an object twice.")
    numbers = _numbers(image)
    if numbers is None:
        if any(column not in table for column in BOX):
            raise FormatError(f"{image.name} has neither masks nor boxes.")
        further = np.zeros(0, np.int64)
    else:
        gone = known[~np.isin(known, numbers)]
        if len(gone):
            raise FormatError(
                f"The table of {image.name} has object {gone[0]}, which its label image lacks."
            )
        further = numbers[(numbers != 0) & ~np.isin(numbers, known)].astype(np.int64)
    if not len(further) and "class" in table:
        return image
    if "class" not in table:
        table = table.assign(**{"class": texts([None] * len(table))})
    if len(further):
        more = pd.DataFrame({LABEL: further, "class": texts([None] * len(further))})
        table = pd.concat([table, more], ignore_index=True) if len(table) else more
    return PackedImage(
        image.name, image.shape, image.labels, table, image.source, image.notes, image.key
    )


def _numbers(image: AnnotatedImage) -> NDArray[np.int32] | None:
    """Return the numbers in the label image; None if there is none."""
    if isinstance(image, PackedImage):
        return image.packed_numbers
    labels = image.labels
    if labels is not None and labels.shape != tuple(image.shape):
        raise FormatError(f"The label image of {image.name} has another size than it says.")
    return None if labels is None else np.unique(labels)
