"""The objects of an image as formats write them: checked, one by one, with classes in an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import attributes
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.attributes import UNCLASSIFIED, class_name, texts
from napari_leukocyte.annotations.formats.files import checked_name
from napari_leukocyte.annotations.formats.limits import check_shape
from napari_leukocyte.annotations.formats.packed import PackedImage
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.errors import FormatError
from napari_leukocyte.reporting.drawing import class_colors
from napari_leukocyte.schema import BOX, LABEL
from napari_leukocyte.vocabulary import CLASSES


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
        raise FormatError(f"The table of {image.name} has no column {LABEL}.")
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
        raise FormatError(f"The label image of {image.name} has another size than the image.")
    return None if labels is None else np.unique(labels)


@dataclass(frozen=True, eq=False)
class Cell:
    """One object.

    Attributes
    ----------
    number : int
        Its label.
    class_name : str or None
        None where nobody said one.
    box : tuple of float
        y0, x0, y1, x1, px, ends exclusive.
    mask : ndarray or None
        (h, w) bool, where it is in its box; None where only the box is known.
    attributes : mapping
        What else is said of it, as JSON can hold it.
    """

    number: int
    class_name: str | None
    box: tuple[float, float, float, float]
    mask: NDArray[np.bool_] | None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of the mask's first pixel."""
        return int(self.box[0]), int(self.box[1])


def cells_of(image: AnnotatedImage) -> list[Cell]:
    """Return an image's objects in the order of its table.

    Parameters
    ----------
    image : AnnotatedImage
        As from :func:`napari_leukocyte.annotations.formats.cells.complete`.

    Raises
    ------
    FormatError
        If an object has a class that none can have.
    """
    columns = [str(column) for column in image.table.columns]
    values = zip(*(image.table[column].tolist() for column in image.table.columns), strict=True)
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    labels = image.labels
    if labels is None:
        return [_boxed(row, image.name) for row in rows]
    regions = {region.label: region for region in iterate_regions(labels)}
    return [_masked(row, regions[int(row[LABEL])], image.name) for row in rows]


def _masked(row: Mapping[str, Any], region: Region, name: str) -> Cell:
    return Cell(
        region.label,
        attributes.class_name(row.get("class"), name),
        (region.y0, region.x0, region.y1, region.x1),
        region.mask,
        attributes.of_row(row),
    )


def _boxed(row: Mapping[str, Any], name: str) -> Cell:
    y0, x0, y1, x1 = (float(row[c]) for c in BOX)
    return Cell(
        int(row[LABEL]),
        attributes.class_name(row.get("class"), name),
        (y0, x0, y1, x1),
        None,
        attributes.of_row(row),
    )


#: Grey of an object without a class.
_NO_CLASS = (128, 128, 128)


def classes_of(images: Iterable[AnnotatedImage]) -> list[str]:
    """Return the names of the classes that occur.

    Those of the vocabulary come first, in its order, then the user's own by name, and last
    `UNCLASSIFIED` if an object has no class.
    """
    found = {
        class_name(value, image.name) or UNCLASSIFIED
        for image in images
        for value in image.table["class"].unique()
    }
    known = [c.name for c in CLASSES if c.name in found]
    own = sorted(found - set(known) - {UNCLASSIFIED})
    return [*known, *own, *([UNCLASSIFIED] if UNCLASSIFIED in found else [])]


def colors_of(classes: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Return the colour of each class, RGB from 0 to 255, as the plugin draws it."""
    names = list(classes)
    return class_colors(n for n in names if n != UNCLASSIFIED) | {UNCLASSIFIED: _NO_CLASS}
