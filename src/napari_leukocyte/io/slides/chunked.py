"""Slides whose levels are Zarr arrays, whatever file stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zict import LRU

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.slides.image import (
    Level,
    PartBox,
    SlideImage,
    scale_to_eight_bits,
    to_rgb,
)
from napari_leukocyte.io.slides.remote import lost_on_the_way

#: Bytes of decoded chunks that are kept: a block's surroundings are read several times, by each
#: network and for each cell, and decoding costs more than all else that is no network.
KEPT_BYTES = 80 * 2**20
#: Bytes of the largest chunk that is, and chunks that are read at once, at most.
MOST_OF_CHUNK, AT_ONCE = KEPT_BYTES // 8, 64
#: Largest difference between the downsamples of both axes, and from what sizes allow, parts.
_FITS = 0.02
#: Row and column of a chunk.
_Place = tuple[int, int]


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
    remote : bool
        Whether it lies at an address: what is not reached there is no damage.

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
        *,
        remote: bool = False,
    ) -> None:
        self._axes, self._remote = axes, remote
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
        #: By level, row and column; any thread may read.
        self._kept: LRU[tuple[int, int, int], NDArray[np.uint8]] = LRU(
            KEPT_BYTES, {}, weight=lambda at, pixels: pixels.nbytes
        )
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
        chunk = getattr(self._arrays[level], "chunks", None)
        if chunk is None:  # in memory, or mapped into it: there is nothing to decode
            return to_rgb(self._pixels(part, level), self._full)
        height, width = (int(chunk[self._axes.index(a)]) for a in "yx")
        if height * width * 3 > MOST_OF_CHUNK:
            return self._read_pieces(part, (height, width), level)
        y0, x0, y1, x1 = part
        rows = range(y0 // height, -(-y1 // height))
        columns = range(x0 // width, -(-x1 // width))
        # Held here, as what is read now may be forgotten before all of it is.
        found = {(r, c): self._kept.get((level, r, c)) for r in rows for c in columns}
        for missing in _rectangles([at for at, pixels in found.items() if pixels is None]):
            found.update(self._decode(missing, (height, width), level))
        result = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        for (row, column), pixels in found.items():
            top, left = row * height, column * width
            place = result[
                max(top - y0, 0) : max(top + height - y0, 0),
                max(left - x0, 0) : max(left + width - x0, 0),
            ]
            if pixels is None or not pixels.size:
                place[...] = self.blank
                self._mark(self._box((row, column), (height, width), level), level)
            else:
                y, x = max(y0 - top, 0), max(x0 - left, 0)
                place[...] = pixels[y : y + place.shape[0], x : x + place.shape[1]]
        return result

    def _decode(
        self, chunks: Sequence[_Place], size: tuple[int, int], level: int
    ) -> dict[_Place, NDArray[np.uint8]]:
        """Decode chunks that are a rectangle, and keep them; a damaged one is empty."""
        boxes = {at: self._box(at, size, level) for at in chunks}
        first, last = boxes[chunks[0]], boxes[chunks[-1]]
        found: dict[_Place, NDArray[np.uint8]] = {}
        try:
            whole = to_rgb(self._pixels((*first[:2], *last[2:]), level), self._full)
        except Exception as error:
            # Each library behind a chunk raises errors of its own on damage.
            self._check_reached(error)
            if len(chunks) > 1:
                for at in chunks:
                    found |= self._decode([at], size, level)
                return found
            found[chunks[0]] = np.empty((0, 0, 3), np.uint8)
        else:
            for at, (top, left, bottom, right) in boxes.items():
                y, x = top - first[0], left - first[1]
                pixels = whole[y : y + bottom - top, x : x + right - left]
                # Of several, each on its own: a part would keep the whole.
                found[at] = pixels if len(chunks) == 1 else pixels.copy()
        for (row, column), pixels in found.items():
            self._kept[level, row, column] = pixels
        return found

    def _check_reached(self, error: Exception) -> None:
        """Raise ImageError if an error means that the slide is not reached any more."""
        if self._remote and lost_on_the_way(error):
            raise ImageError(f"{self.name} can't be reached any more.") from error

    def _box(self, at: _Place, size: tuple[int, int], level: int) -> PartBox:
        """Return a chunk's part of its level, px."""
        (row, column), (height, width) = at, size
        end = self.levels[level]
        return (
            row * height,
            column * width,
            min((row + 1) * height, end.height),
            min((column + 1) * width, end.width),
        )

    def _read_pieces(self, part: PartBox, size: tuple[int, int], level: int) -> NDArray[np.uint8]:
        """Read a part of chunks that are too large to be kept."""
        y0, x0, y1, x1 = part
        try:
            return to_rgb(self._pixels(part, level), self._full)
        except Exception as error:
            self._check_reached(error)
            result = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        for row in range(y0 // size[0], -(-y1 // size[0])):
            for column in range(x0 // size[1], -(-x1 // size[1])):
                chunk = self._box((row, column), size, level)
                piece = (
                    max(chunk[0], y0),
                    max(chunk[1], x0),
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


def _rectangles(places: Sequence[_Place]) -> list[list[_Place]]:
    """Put chunks, row by row, into rectangles that are read at once."""
    runs: list[list[_Place]] = []
    for row, column in places:
        if runs and runs[-1][-1] == (row, column - 1):
            runs[-1].append((row, column))
        else:
            runs.append([(row, column)])
    found: list[list[_Place]] = []
    for run in runs:
        above = (run[0][0] - 1, run[-1][1])
        alike = found and found[-1][-1] == above and found[-1][0][1] == run[0][1]
        if alike and len(found[-1]) + len(run) <= AT_ONCE:
            found[-1] += run
        else:
            found.append(run)
    return found
