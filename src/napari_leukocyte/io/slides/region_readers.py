"""Slides behind libraries that read regions: OpenSlide and wsidicom, both optional."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.slides.image import Level, PartBox, SlideImage
from napari_leukocyte.io.slides.tiff import no_scale_text

#: How the libraries are installed.
INSTALL = 'pip install "napari-leukocyte[slides]"'
#: Side of the pieces that a region is read in when it can't be read at once, px.
_PIECE = 512


class _RegionImage(SlideImage):
    """A slide whose library reads a region of a level at a time."""

    def _read(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        try:
            return self._region(part, level)
        except Exception:
            # The libraries raise errors of their own kinds on damage.
            self._reopen()
        y0, x0, y1, x1 = part
        result = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        size = self.levels[level]
        for top in range(y0 // _PIECE * _PIECE, y1, _PIECE):
            for left in range(x0 // _PIECE * _PIECE, x1, _PIECE):
                whole = (
                    top,
                    left,
                    min(top + _PIECE, size.height),
                    min(left + _PIECE, size.width),
                )
                piece = (max(top, y0), max(left, x0), min(whole[2], y1), min(whole[3], x1))
                place = result[piece[0] - y0 : piece[2] - y0, piece[1] - x0 : piece[3] - x0]
                try:
                    # The whole piece: whether it is damaged must not depend on who asks.
                    pixels = self._region(whole, level)
                    place[...] = pixels[
                        piece[0] - top : piece[2] - top, piece[1] - left : piece[3] - left
                    ]
                except Exception:
                    self._reopen()
                    place[...] = self.blank
                    self._mark(whole, level)
        return result

    def _region(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        raise NotImplementedError

    def _reopen(self) -> None:
        """Make the library forget an error, where it keeps one."""


class OpenSlideImage(_RegionImage):
    """A slide that OpenSlide reads: MRXS and other scanners' formats.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ImageError
        If OpenSlide is not installed or can't read the file.
    """

    def __init__(self, path: Path) -> None:
        try:
            import openslide
        except (ImportError, OSError) as error:
            raise ImageError(f"{path} needs OpenSlide: {INSTALL}.") from error
        self._path, self._library = path, openslide
        try:
            self._slide = openslide.OpenSlide(path)
            levels = tuple(
                Level(height, width, float(factor))
                for (width, height), factor in zip(
                    self._slide.level_dimensions, self._slide.level_downsamples, strict=True
                )
            )
            said = self._slide.properties.get(openslide.PROPERTY_NAME_MPP_X)
        except (openslide.OpenSlideError, OSError) as error:
            raise ImageError(
                f"{path} is not a slide that OpenSlide can read, or damaged."
            ) from error
        um_per_px = None
        with contextlib.suppress(TypeError, ValueError):
            um_per_px = float(str(said))
        notes = () if um_per_px else (no_scale_text(path.name),)
        super().__init__(str(path), levels, um_per_px or None, notes)
        self._close_with(self._slide.close)

    def _region(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        y0, x0, y1, x1 = part
        factor = self.levels[level].downsample
        where = (round(x0 * factor), round(y0 * factor))
        pixels = np.asarray(self._slide.read_region(where, level, (x1 - x0, y1 - y0)))
        # What was never scanned is transparent.
        alpha = pixels[..., 3:].astype(np.float32) / 255
        mixed = pixels[..., :3] * alpha + np.array(self.blank, np.float32) * (1 - alpha)
        return np.asarray(np.round(mixed), np.uint8)

    def _reopen(self) -> None:
        self.close()
        self._slide = self._library.OpenSlide(self._path)
        self._close_with(self._slide.close)


class DicomImage(_RegionImage):
    """A slide in DICOM files, read by wsidicom.

    Parameters
    ----------
    path : Path
        A file of the slide, or the folder of its files.

    Raises
    ------
    ImageError
        If wsidicom is not installed or can't read the files.
    """

    def __init__(self, path: Path) -> None:
        try:
            from wsidicom import WsiDicom
        except ImportError as error:
            raise ImageError(f"{path} needs wsidicom: {INSTALL}.") from error
        try:
            self._slide: Any = WsiDicom.open(path if path.is_dir() else path.parent)
            found = list(self._slide.pyramids[0])
            base = found[0].size
            levels = tuple(
                Level(v.size.height, v.size.width, base.height / v.size.height) for v in found
            )
            self._numbers = [int(v.level) for v in found]
            um_per_px = float(found[0].mpp.width)
        except Exception as error:
            # wsidicom and pydicom raise many types on what is no slide.
            raise ImageError(f"{path} is not a DICOM slide, or damaged.") from error
        super().__init__(str(path), levels, um_per_px)
        self._close_with(self._slide.close)

    def _region(self, part: PartBox, level: int) -> NDArray[np.uint8]:
        y0, x0, y1, x1 = part
        picture = self._slide.read_region((x0, y0), self._numbers[level], (x1 - x0, y1 - y0))
        return np.ascontiguousarray(np.asarray(picture.convert("RGB"), np.uint8))
