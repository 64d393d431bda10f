"""Slides whose levels are Zarr arrays, whatever file stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.slides.image import (
    Level,
    PartBox,
    SlideImage,
    scale_to_eight_bits,
    to_rgb,
)

#: Largest difference between the downsamples of both axes, and from what sizes allow, parts.
_FITS = 0.02


class ChunkedImage(SlideImage):
    """A slide of Zarr arrays, of which a damaged chunk is left blank.

    Parameters
    ----------
    name : str
        For sentences.
    arrays : sequence of zarr.Array
        The finest first.
    axes : str
        Letters of the arrays' axes, such as ``"yxc"``; of those beside y, x and c the first plane
        is taken.
    um_per_px : float, optional
        Side of a pixel of the finest, µm.
    notes : tuple of str
        What a user should know.

    Raises
    ------
    ImageError
        If the finest is no image of colours.
    """

    def __init__(
        self,
        name: str,
        arrays: Sequence[Any],
        axes: str,
        um_per_px: float | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._axes = axes
        self._check(name, arrays[0])
        finest = self._size(arrays[0])
        levels, kept = [Level(*finest, 1.0)], [arrays[0]]
        for number, array in enumerate(arrays[1:], start=1):
            height, width = self._size(array)
            factors = finest[0] / max(height, 1), finest[1] / max(width, 1)
            alike = abs(factors[0] / factors[1] - 1) <= _FITS + 1 / max(1, min(height, width))
            same = array.dtype == arrays[0].dtype and array.ndim == arrays[0].ndim
            if alike and same and min(factors) > levels[-1].downsample:
                levels.append(Level(height, width, float(np.mean(factors))))
                kept.append(array)
            else:
                notes += (
                    f"Level {number} of {name}, {height} x {width} px, does not fit the finest of "
                    f"{finest[0]} x {finest[1]} px: it is not used.",
                )
        super().__init__(name, tuple(levels), um_per_px, notes)
        self._arrays = kept
        self._full = scale_to_eight_bits(self, arrays[0].dtype, self._coarsest)

    def _check(self, name: str, array: Any) -> None:
        sides = dict(zip(self._axes, array.shape, strict=True))
        if not {"y", "x"} <= set(sides) or min(sides["y"], sides["x"]) < 1:
            raise ImageError(f"{name} has no plane of pixels: its shape is {array.shape}.")
        if sides.get("c", 3) not in (1, 3, 4):
            raise ImageError(f"{name} has {sides['c']} channels: a colour image has three.")

    def _size(self, array: Any) -> tuple[int, int]:
        return array.shape[self._axes.index("y")], array.shape[self._axes.index("x")]

    def _coarsest(self) -> NDArray[Any]:
        last = self.levels[-1]
        rows = max(1, 16_000_000 // last.width)
        return self._pixels((0, 0, min(rows, last.height), last.width), len(self.levels) - 1)

    def _read(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        try:
            return to_rgb(self._pixels(part, level), self._full)
        except Exception:
            # Each library behind a chunk raises errors of its own on damage.
            return self._read_by_chunks(part, level)

    def _read_by_chunks(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        y0, x0, y1, x1 = part
        result = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        chunks = self._arrays[level].chunks
        height, width = (int(chunks[self._axes.index(a)]) for a in "yx")
        size = self.levels[level]
        for top in range(y0 // height * height, y1, height):
            for left in range(x0 // width * width, x1, width):
                chunk = (
                    top,
                    left,
                    min(top + height, size.height),
                    min(left + width, size.width),
                )
                piece = (
                    max(top, y0),
                    max(left, x0),
                    min(chunk[2], y1),
                    min(chunk[3], x1),
                )
                place = result[piece[0] - y0 : piece[2] - y0, piece[1] - x0 : piece[3] - x0]
                try:
                    place[...] = to_rgb(self._pixels(piece, level), self._full)
                except Exception:
                    place[...] = self.blank
                    self._mark(chunk, level)
        return result

    def _pixels(self, part: PartBox, level: int) -> NDArray[Any]:
        """Return a part as it is stored, (h, w) or (h, w, c)."""
        y0, x0, y1, x1 = part
        ranges = {"y": slice(y0, y1), "x": slice(x0, x1), "c": slice(None)}
        pixels = np.asarray(self._arrays[level][tuple(ranges.get(a, 0) for a in self._axes)])
        left = [a for a in self._axes if a in ranges]
        if "c" not in left:
            return pixels.transpose([left.index(a) for a in "yx"])
        pixels = pixels.transpose([left.index(a) for a in "yxc"])
        return pixels[..., 0] if pixels.shape[2] == 1 else pixels
