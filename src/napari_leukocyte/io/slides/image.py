"""Slide images, read part by part: the base of all readers, and arrays as slides."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError

#: y0, x0, y1, x1 of a part of an image, px; ends exclusive.
PartBox = tuple[int, int, int, int]
#: Colour of what can't be read, unless the colour of the empty background is known.
BLANK = (240, 240, 240)
#: Most pixels that are read at once for a coarse copy.
_AT_ONCE = 16_000_000
#: Values that 16 bits are scaled by: of 10, 12 and 16-bit cameras.
_FULL_SCALES = (255, 1023, 4095, 65535)


@dataclass(frozen=True)
class Level:
    """One level of a pyramid.

    Attributes
    ----------
    height, width : int
        Size, px of the level.
    downsample : float
        Px of the finest level under one px of this.
    """

    height: int
    width: int
    downsample: float


class SlideImage(ABC):
    """An image of any size, of which parts are read as 8-bit RGB.

    Parameters
    ----------
    name : str
        For sentences to the user.
    levels : sequence of Level
        The finest first.
    um_per_px : float, optional
        Side of a pixel of the finest level, µm, where the file knows it.
    notes : tuple of str
        What a user should know of the file, a sentence each.

    Attributes
    ----------
    blank : tuple of int
        RGB of what can't be read.
    damaged : set of tuple of int
        Parts that could not be read so far, px of the finest level.
    """

    def __init__(
        self,
        name: str,
        levels: tuple[Level, ...],
        um_per_px: float | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.levels = levels
        self.um_per_px = um_per_px
        self.notes = notes
        self.blank = BLANK
        self.damaged: set[PartBox] = set()
        self._ending: weakref.finalize[Any, Any] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the finest level, px."""
        return self.levels[0].height, self.levels[0].width

    def read(self, part: PartBox, level: int = 0) -> NDArray[np.uint8]:
        """Read a part of a level.

        Parameters
        ----------
        part : tuple of int
            y0, x0, y1, x1, px of the level, within it and not empty.
        level : int
            Which, 0 is the finest.

        Returns
        -------
        ndarray
            (y1 - y0, x1 - x0, 3) uint8 RGB; what is damaged in the file is `blank`.

        Raises
        ------
        ImageError
            If the file can't be read any more.
        """
        size = self.levels[level]
        y0, x0, y1, x1 = part
        if not (0 <= y0 < y1 <= size.height and 0 <= x0 < x1 <= size.width):
            raise ImageError(f"{self.name} has no part {part} in its level {level}.")
        return self._read(part, level)

    @abstractmethod
    def _read(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        """Read a part that exists."""

    def coarse(self, longest: int) -> NDArray[np.uint8]:
        """Return a coarse copy whose longer side is at most so many px, (h, w, 3) uint8.

        It is made from the coarsest level that is not smaller, by averaging over areas.
        """
        height, width = self.shape
        shrink = min(1.0, longest / max(height, width))
        size = max(1, round(height * shrink)), max(1, round(width * shrink))
        fit = [i for i, v in enumerate(self.levels) if v.height >= size[0] and v.width >= size[1]]
        level = fit[-1] if fit else 0
        source = self.levels[level]
        rows = max(1, int(_AT_ONCE / source.width * size[0] / source.height))
        result = np.empty((*size, 3), np.uint8)
        for start in range(0, size[0], rows):
            stop = min(start + rows, size[0])
            top = start * source.height // size[0]
            bottom = max(top + 1, stop * source.height // size[0])
            strip = self.read((top, 0, bottom, source.width), level)
            result[start:stop] = cv2.resize(
                strip, (size[1], stop - start), interpolation=cv2.INTER_AREA
            )
        return result

    def close(self) -> None:
        """Close the file; it also is when nobody has the image any more."""
        if self._ending is not None:
            self._ending()

    def _close_with(self, close: Callable[[], object]) -> None:
        """Have a function called that closes the file, and does not know this image."""
        self._ending = weakref.finalize(self, close)

    def __enter__(self) -> SlideImage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _mark(self, part: PartBox, level: int) -> None:
        """Remember that a part of a level could not be read."""
        factor, (height, width) = self.levels[level].downsample, self.shape
        y0, x0, y1, x1 = (round(v * factor) for v in part)
        self.damaged.add((min(y0, height), min(x0, width), min(y1, height), min(x1, width)))


class ArrayImage(SlideImage):
    """An array, or a pyramid of arrays, that is sliced: NumPy's, dask's or Zarr's.

    Parameters
    ----------
    arrays : sequence of array-like
        (H, W, 3 or more) or (H, W) each, the finest first; unsigned integers.
    name : str
        For sentences.
    um_per_px : float, optional
        Side of a pixel of the first, µm.

    Raises
    ------
    ImageError
        If they are no such images.
    """

    def __init__(
        self, *arrays: Any, name: str = "The image", um_per_px: float | None = None
    ) -> None:
        for array in arrays:
            fits = len(array.shape) in (2, 3) and np.dtype(array.dtype).kind == "u"
            if not fits or (len(array.shape) == 3 and array.shape[2] < 3):
                raise ImageError(
                    f"{name} is not a colour image of whole numbers: its shape is {array.shape}, "
                    f"its type {array.dtype}."
                )
        height = arrays[0].shape[0]
        levels = tuple(
            Level(int(a.shape[0]), int(a.shape[1]), height / int(a.shape[0])) for a in arrays
        )
        super().__init__(name, levels, um_per_px)
        self._arrays = arrays
        self.scale = scale_to_eight_bits(self, np.dtype(arrays[0].dtype), self._coarsest)

    def _coarsest(self) -> NDArray[Any]:
        return np.asarray(self._arrays[-1])

    def _read(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        y0, x0, y1, x1 = part
        return to_rgb(np.asarray(self._arrays[level][y0:y1, x0:x1]), self.scale)


def scale_to_eight_bits(image: SlideImage, dtype: np.dtype[Any], coarsest: Any) -> int:
    """Return what full intensity is, and note it if that is not 255.

    Parameters
    ----------
    image : SlideImage
        Gets the note.
    dtype : dtype
        Of the file.
    coarsest : callable
        Returns the pixels of the coarsest level, whose largest value decides between cameras of 10,
        12 and 16 bits.

    Raises
    ------
    ImageError
        If the pixels are no unsigned integers of up to 16 bits.
    """
    # Of either byte order.
    if dtype.kind != "u" or dtype.itemsize > 2:
        raise ImageError(
            f"{image.name} holds {dtype} values: slides are read with 8 or 16 bits a channel."
        )
    if dtype.itemsize == 1:
        return 255
    largest = int(np.max(coarsest(), initial=0))
    full = next(f for f in _FULL_SCALES if largest <= f)
    if full > 255:
        image.notes += (f"Intensities from 0 to {full} were scaled to 8 bits.",)
    return full


def to_rgb(pixels: NDArray[Any], full: int) -> NDArray[np.uint8]:
    """Return pixels as (h, w, 3) uint8: scaled, grey repeated, alpha dropped."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=2)
    pixels = pixels[..., :3]
    if pixels.dtype != np.uint8:
        scaled = np.minimum(np.round(pixels.astype(np.float32) * np.float32(255 / full)), 255)
        pixels = scaled.astype(np.uint8)
    return np.ascontiguousarray(pixels)
