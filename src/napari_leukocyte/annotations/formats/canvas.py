"""The image that is put together from the objects that a file gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import attributes
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.left_out import LeftOut, ObjectError
from napari_leukocyte.annotations.formats.limits import (
    ALWAYS_PIXELS,
    MOST_LAYERS,
    MOST_OBJECTS,
)
from napari_leukocyte.annotations.formats.outlines import check_ring
from napari_leukocyte.annotations.formats.packed import PackedImage, Runs
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.errors import FormatError
from napari_leukocyte.schema import BOX, LABEL

#: A mask and the row and column of its first pixel.
Mask = tuple[NDArray[np.bool_], int, int]
#: y0, x0, y1, x1, px, ends exclusive.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Row:
    number: int | None
    class_name: str | None
    box: Box
    masked: bool
    said: dict[str, Any]


class Canvas:
    """Collects an image's objects.

    Parameters
    ----------
    name : str
        The photograph's.
    shape : tuple of int
        Its height and width, px.
    where : str
        What the file is called in a sentence.
    left_out : LeftOut, optional
        Collects what can't be read; by default, nothing may be left out.
    """

    def __init__(
        self, name: str, shape: tuple[int, int], where: str, left_out: LeftOut | None = None
    ) -> None:
        self.name, self.shape, self.where = name, shape, where
        self.left_out = LeftOut(strict=True) if left_out is None else left_out
        self._rows: list[_Row] = []
        self._places: NDArray[np.int32] | None = None
        self._left = max(MOST_LAYERS * shape[0] * shape[1], ALWAYS_PIXELS)
        self._overlapping = 0
        self._taken: set[int] = set()

    def ring(self, points: object, where: str) -> NDArray[np.float64]:
        """Return the corners of a polygon as `check_ring`; it may leave the image.

        Raises
        ------
        ObjectError
            If it has no area, or none in the image.
        """
        ring = check_ring(points, where)
        self.left_out.check_border(ring, self.shape, where, "polygon")
        return ring

    def add(
        self,
        number: int | None,
        class_name: str | None,
        mask: Mask,
        said: object = None,
        where: str | None = None,
    ) -> None:
        """Draw an object; where it overlaps an earlier one, it has the pixels.

        Parameters
        ----------
        number : int or None
            Its label; None gives it the next that is free in the end.
        class_name : str or None
            None where nobody said one.
        mask : (ndarray, int, int)
            (h, w) bool, and where its first pixel lies, px.
        said : mapping
            What else the file says of it; see `attributes.attributes`.
        where : str, optional
            What the object is called in a sentence.

        Raises
        ------
        ObjectError
            If it has no pixel.
        FormatError
            If its number is there already, or there is too much.
        """
        where = where or self.where
        pixels, y0, x0 = mask
        self._left -= pixels.size
        if self._left < 0:
            raise FormatError(f"{where} has objects that cover each other hundreds of times.")
        if not pixels.any():
            raise ObjectError(where, "covers the centre of no pixel", "area without a pixel")
        rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
        top, left = int(rows[0]), int(columns[0])
        bottom, right = int(rows[-1]) + 1, int(columns[-1]) + 1
        box = (y0 + top, x0 + left, y0 + bottom, x0 + right)
        if self._places is None:
            self._places = np.zeros(self.shape, np.int32)
        self._append(_Row(number, class_name, box, True, attributes.attributes(said)), where)
        region = self._places[box[0] : box[2], box[1] : box[3]]
        cut = pixels[top:bottom, left:right]
        self._overlapping += bool(region[cut].any())
        region[cut] = len(self._rows)

    def add_box(
        self,
        number: int | None,
        class_name: str | None,
        box: Box,
        said: object = None,
        where: str | None = None,
    ) -> None:
        """Note an object of which only the box is known.

        Parameters
        ----------
        box : tuple of float
            y0, x0, y1, x1, px, ends exclusive.
        number, class_name, said, where
            As for `add`.

        Raises
        ------
        ObjectError
            If the box has no area, or none in the image.
        FormatError
            If it has no finite sides, or the number is there already.
        """
        where = where or self.where
        sides = np.array(box, float)
        limits = np.array(self.shape * 2, float)
        if not np.isfinite(sides).all():
            raise FormatError(f"{where} has a box whose sides are not finite numbers.")
        if sides[2] > sides[0] and sides[3] > sides[1]:
            corners = sides.reshape(2, 2)[:, ::-1]
            self.left_out.check_border(corners, self.shape, where, "box")
        y0, x0, y1, x1 = np.clip(sides, 0, limits).tolist()
        if y1 <= y0 or x1 <= x0:
            raise ObjectError(where, "has a box without area", "box without area")
        row = _Row(number, class_name, (y0, x0, y1, x1), False, attributes.attributes(said))
        self._append(row, where)

    def _append(self, row: _Row, where: str) -> None:
        if len(self._rows) >= MOST_OBJECTS:
            raise FormatError(f"{where} has an image with more than {MOST_OBJECTS} objects.")
        if row.number is not None:
            if row.number in self._taken:
                raise FormatError(f"{where} has two objects with the number {row.number}.")
            self._taken.add(row.number)
        self._rows.append(row)

    def image(
        self, source: Path | None = None, notes: Sequence[str] = (), key: str = ""
    ) -> AnnotatedImage:
        """Return the image with the objects so far.

        Parameters
        ----------
        source : Path, optional
            The photograph's file.
        notes : sequence of str
            Sentences to go with it.
        key : str
            Of the pixels that the objects were drawn on, where it is known.
        """
        said = list(notes)
        rows, numbers = self._rows, self._numbers()
        runs: Runs | None = None
        if self._places is not None:
            rows, numbers = self._settle(rows, numbers, said)
            lookup = np.zeros(len(self._rows) + 1, np.int32)
            lookup[1:] = self._numbers()
            runs = Runs.of(lookup[self._places])
        elif not rows:
            none = np.zeros(0, np.int64)
            runs = Runs(self.shape, none, none, none.astype(np.int32))
        table = _table(rows, numbers)
        return PackedImage(self.name, self.shape, runs, table, source, tuple(said), key)

    def _numbers(self) -> list[int]:
        free = 1
        numbers, taken = [], set(self._taken)
        for row in self._rows:
            found = row.number
            if found is None:
                while free in taken:
                    free += 1
                found = free
                taken.add(free)
            numbers.append(found)
        return numbers

    def _settle(
        self, rows: list[_Row], numbers: list[int], said: list[str]
    ) -> tuple[list[_Row], list[int]]:
        """Draw boxes among masks where nothing is; leave out what is not seen."""
        places = self._places
        if places is None or (not self._overlapping and all(row.masked for row in rows)):
            return rows, numbers
        boxes = [i for i, row in enumerate(rows) if not row.masked]
        for i in boxes:
            y0, x0, y1, x1 = _pixels(rows[i].box, self.shape)
            region = places[y0:y1, x0:x1]
            region[region == 0] = i + 1
        if boxes:
            said.append(
                f"{self.name}: objects of which only the box is known are drawn as boxes, since "
                "others have masks."
            )
        if self._overlapping:
            said.append(
                f"{self.name}: objects overlap ({self._overlapping} of {len(rows)}); the later one "
                "has the pixels that both cover."
            )
        regions = {r.label - 1: (r.y0, r.x0, r.y1, r.x1) for r in iterate_regions(places)}
        kept = [i for i in range(len(rows)) if i in regions]
        if len(kept) < len(rows):
            said.append(
                f"{self.name}: objects that others cover wholly are left out "
                f"({len(rows) - len(kept)} of {len(rows)})."
            )
        seen = [
            _Row(rows[i].number, rows[i].class_name, regions[i], True, rows[i].said) for i in kept
        ]
        return seen, [numbers[i] for i in kept]


def _pixels(box: Box, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels of a box, at least one."""
    y0, x0 = min(int(box[0]), shape[0] - 1), min(int(box[1]), shape[1] - 1)
    y1, x1 = (min(int(np.ceil(end)), side) for end, side in zip(box[2:], shape, strict=True))
    return y0, x0, max(y1, y0 + 1), max(x1, x0 + 1)


def _table(rows: Sequence[_Row], numbers: Sequence[int]) -> pd.DataFrame:
    boxes = np.array([row.box for row in rows], np.float64).reshape(-1, 4)
    if (boxes == boxes.round()).all():
        boxes = boxes.astype(np.int64)
    columns: dict[str, Any] = {
        LABEL: np.array(numbers, np.int64),
        "class": attributes.texts([row.class_name for row in rows]),
        **attributes.columns_of([row.said for row in rows]),
    }
    columns |= dict(zip(BOX, boxes.T, strict=True))
    return pd.DataFrame(columns)
