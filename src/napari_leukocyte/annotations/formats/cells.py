"""The objects of an image one by one, as formats write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import attributes
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.classification.regions import Region, iterate_regions
from napari_leukocyte.schema import BOX, LABEL


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
        As from :func:`napari_leukocyte.annotations.formats.complete.complete`.

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
