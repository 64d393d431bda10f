"""Label images in little memory, so that hundreds of fields can be converted at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage


@dataclass(frozen=True, eq=False)
class Runs:
    """A label image as runs of pixels of one object in a row; background is none.

    Attributes
    ----------
    shape : tuple of int
        Height and width, px.
    start, end : ndarray
        (N,) int64: first pixel and the one behind the last, counted row by row.
    label : ndarray
        (N,) int32.
    """

    shape: tuple[int, int]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    label: NDArray[np.int32]

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> Runs:
        """Pack a label image, (H, W) int32."""
        height, width = labels.shape
        flat = np.ascontiguousarray(labels).ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        edges = np.concatenate([[0], changes, [flat.size]]) if flat.size else np.zeros(1, int)
        start, end = edges[:-1].astype(np.int64), edges[1:].astype(np.int64)
        label = flat[start]
        kept = label != 0
        return cls((height, width), start[kept], end[kept], label[kept])

    def image(self) -> NDArray[np.int32]:
        """Return the label image, a new array each time."""
        height, width = self.shape
        flat = np.zeros(height * width + 1, np.int32)
        # Neither starts nor ends repeat; sums wrap around and back within 32 bits.
        flat[self.start] += self.label
        flat[self.end] -= self.label
        np.cumsum(flat, out=flat)
        return flat[:-1].reshape(height, width)


class PackedImage(AnnotatedImage):
    """An annotated image that unpacks its labels when they are asked for, each time anew.

    Parameters
    ----------
    name, shape, labels, table, source, notes, key
        See :class:`~napari_leukocyte.annotations.formats.annotated.AnnotatedImage`. The labels
        may be packed already.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, int],
        labels: NDArray[np.int32] | Runs | None,
        table: pd.DataFrame,
        source: Path | None = None,
        notes: tuple[str, ...] = (),
        key: str = "",
    ) -> None:
        packed = Runs.of(labels) if isinstance(labels, np.ndarray) else labels
        for field, value in (
            ("name", name),
            ("shape", shape),
            ("table", table),
            ("source", source),
            ("notes", notes),
            ("key", key),
            ("_runs", packed),
        ):
            object.__setattr__(self, field, value)

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """(H, W) int32, or None where only boxes are known."""
        runs: Runs | None = self.__dict__["_runs"]
        return None if runs is None else runs.image()

    @property
    def packed_numbers(self) -> NDArray[np.int32] | None:
        """Numbers of the objects that have pixels, sorted; None where only boxes are known."""
        runs: Runs | None = self.__dict__["_runs"]
        return None if runs is None else np.unique(runs.label)


def has_masks(image: AnnotatedImage) -> bool:
    """Whether an image has more than boxes, found without unpacking."""
    if isinstance(image, PackedImage):
        return image.packed_numbers is not None
    return image.labels is not None


def with_key(image: AnnotatedImage, key: str) -> AnnotatedImage:
    """Return an image with the key of its pixels, without unpacking it."""
    runs = image.__dict__["_runs"] if isinstance(image, PackedImage) else image.labels
    return PackedImage(image.name, image.shape, runs, image.table, image.source, image.notes, key)


def with_notes(image: AnnotatedImage, notes: Sequence[str]) -> AnnotatedImage:
    """Return an image with further notes, without unpacking it."""
    runs = image.__dict__["_runs"] if isinstance(image, PackedImage) else image.labels
    said = (*image.notes, *notes)
    return PackedImage(image.name, image.shape, runs, image.table, image.source, said, image.key)
