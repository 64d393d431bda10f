"""Slides as TIFF: SVS, NDPI, pyramids of reduced pages, OME-TIFF, large tiled or stripped images.

tifffile finds the pages that make up the pyramid; label and macro images, which can hold a name,
are series of their own and are never read.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.lzw import LZW, require_whole
from napari_leukocyte.io.slides.chunked import ChunkedImage
from napari_leukocyte.io.slides.image import PartBox
from napari_leukocyte.io.slides.remote import Address, Place

if TYPE_CHECKING:
    import tifffile

#: Scales, µm per px, that a light microscope has: what the resolution of a photograph says in dots
#: per inch is none.
PLAUSIBLE_UM = (0.01, 20.0)
_UNITS_UM = {"nm": 1e-3, "µm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25_400.0}


class TiffImage(ChunkedImage):
    """A slide in a TIFF file.

    Parameters
    ----------
    path : Path or Address
        The file.

    Raises
    ------
    ImageError
        If it is no TIFF, cut off, or holds no image of colours, or can't be reached.
    """

    def __init__(self, path: Place) -> None:
        import tifffile
        import zarr

        self._pages: dict[int, tifffile.TiffPage] = {}
        with _quiet():
            stream = path.open() if isinstance(path, Address) else None
            source: Any = path if stream is None else stream
            try:
                file = tifffile.TiffFile(source, name=path.name)
            except Exception as error:
                if stream is not None:
                    stream.close()
                raise ImageError(f"{path} is not a TIFF, or is cut off.") from error
            try:
                series = pyramid_of(file)
                notes: tuple[str, ...] = ()
                arrays, used = [], []
                for number, level in enumerate(series.levels):
                    lost = _lost(level, file.filehandle.size)
                    if lost and number == 0:
                        raise ImageError(
                            f"{path} is cut off: {lost} of the {len(level.keyframe.dataoffsets)} "
                            "parts of its finest level lie beyond its end."
                        )
                    if lost:
                        notes += (f"Level {number} of {path} is cut off and is not used.",)
                        continue
                    if level.keyframe.is_memmappable and len(level.pages) == 1:
                        # As one strip it would be read whole for each part.
                        arrays.append(level.keyframe.asarray(out="memmap"))
                    else:
                        stored: Any = zarr.open_array(series.aszarr(level=number), mode="r")
                        arrays.append(stored)
                    used.append(level)
                um_per_px = scale_of(file, series)
                if um_per_px is None:
                    notes += (no_scale_text(path.name),)
                axes = _axes(series)
                super().__init__(
                    str(path), arrays, axes, um_per_px, notes, remote=stream is not None
                )
            except ImageError:
                file.close()
                raise
            except Exception as error:
                file.close()
                raise ImageError(f"{path} is damaged, or cut off.") from error
        self._file = file
        self._close_with(file.close if stream is None else stream.close)
        # What a decoder makes of half a JPEG is grey, and no error: its end is looked for. (NDPI's
        # tiles are parts of one JPEG and have none.) LZW is looked through.
        jpeg = series.keyframe.compression == tifffile.COMPRESSION.JPEG and not file.is_ndpi
        self._pages = {
            id(array): level.keyframe
            for array, level in zip(arrays, used, strict=True)
            if (jpeg and level.keyframe.is_tiled) or level.keyframe.compression == LZW
        }

    def _pixels(self, part: PartBox, level: int) -> NDArray[Any]:
        page = self._pages.get(id(self._arrays[level]))
        if page is not None:
            self._check_ends(page, part)
        with _quiet():
            return super()._pixels(part, level)

    def _check_ends(self, page: tifffile.TiffPage, part: PartBox) -> None:
        """Raise unless the JPEGs of a part's tiles have an end, and their LZW is whole."""
        height, width = page.tilelength, page.tilewidth
        if not page.is_tiled:
            height, width = min(page.rowsperstrip, page.imagelength), page.imagewidth
        across, down = -(-page.imagewidth // width), -(-page.imagelength // height)
        planes = range(max(1, len(page.dataoffsets) // (across * down)))  # of separate colours
        rows = range(part[0] // height, -(-part[2] // height))
        columns = range(part[1] // width, -(-part[3] // width))
        for plane, row, column in itertools.product(planes, rows, columns):
            index = (plane * down + row) * across + column
            start, size = page.dataoffsets[index], page.databytecounts[index]
            packed = page.compression == LZW
            skipped = 0 if packed else max(0, size - 4)
            with self._file.filehandle.lock:
                self._file.filehandle.seek(start + skipped)
                data = self._file.filehandle.read(size - skipped)
            if packed and size:
                try:
                    require_whole(data, page.fillorder)
                except ValueError as error:
                    raise ImageError(f"A tile of {self.name} is damaged.") from error
            elif size and b"\xff\xd9" not in data:
                raise ImageError(f"A tile of {self.name} is cut off.")


def no_scale_text(name: str) -> str:
    """Return the sentence about a file that does not know its scale."""
    return f"{name} does not say how many µm a pixel has: sizes are known in px alone."


def pyramid_of(file: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Return the series of a TIFF that is the slide: the one with the most pixels."""
    return max(file.series, key=lambda s: s.keyframe.imagelength * s.keyframe.imagewidth)


def _axes(series: tifffile.TiffPageSeries) -> str:
    """Return the letters of a series' axes, y, x, c and others."""
    axes = str(series.axes).lower()
    return axes if "c" in axes else axes.replace("s", "c")


def _lost(level: tifffile.TiffPageSeries, size: int) -> int:
    """Return how many tiles or strips of a level are not in the file."""
    page = level.keyframe
    ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
    down = -(-page.imagelength // (page.tilelength or page.rowsperstrip or page.imagelength))
    across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
    missing = down * across - len(ends)
    return sum(end > size for end in ends) + max(0, missing)


def scale_of(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> float | None:
    """Return the side of a pixel, µm, if the file says it plausibly."""
    for found in (_aperio_scale(file), _ome_scale(file), _tag_scale(series)):
        if found is not None and PLAUSIBLE_UM[0] <= found <= PLAUSIBLE_UM[1]:
            return found
    return None


def photograph_scale(path: Path) -> float | None:
    """Return the side of a photograph's pixel, µm, if it is a TIFF that says it plausibly."""
    import tifffile

    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    # The photograph itself has been read: what is damaged beside it is no hindrance.
    with _quiet(), contextlib.suppress(Exception), tifffile.TiffFile(path) as file:
        return scale_of(file, pyramid_of(file))
    return None


def _aperio_scale(file: tifffile.TiffFile) -> float | None:
    about = str(getattr(file.pages[0], "description", ""))
    said = re.search(r"\bMPP\s*=\s*([0-9.]+)", about) if file.is_svs else None
    with contextlib.suppress(ValueError):
        return float(said[1]) if said else None
    return None


def _ome_scale(file: tifffile.TiffFile) -> float | None:
    import tifffile

    if not file.is_ome or not file.ome_metadata:
        return None
    with contextlib.suppress(Exception):
        # Of someone else's XML only this is wanted, and nothing depends on it.
        images = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
        first = images[0] if isinstance(images, list) else images
        pixels = first["Pixels"]
        unit = str(pixels.get("PhysicalSizeXUnit", "µm"))
        return float(pixels["PhysicalSizeX"]) * _UNITS_UM[unit]
    return None


def _tag_scale(series: tifffile.TiffPageSeries) -> float | None:
    import tifffile

    page = series.keyframe
    with contextlib.suppress(Exception):
        per_unit = page.tags["XResolution"].value
        unit = page.tags["ResolutionUnit"].value
        number = float(per_unit[0] / per_unit[1])
        if unit == tifffile.RESUNIT.CENTIMETER:
            return _UNITS_UM["cm"] / number
        if unit == tifffile.RESUNIT.INCH:
            return _UNITS_UM["inch"] / number
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep tifffile's log silent: the user gets one sentence on a damaged file."""
    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def is_slide_tiff(path: Path, most_pixels: int) -> bool:
    """Say whether a TIFF is a slide: a pyramid, or an image of more than so many pixels."""
    import tifffile

    with _quiet(), contextlib.suppress(Exception), tifffile.TiffFile(path) as file:
        series = pyramid_of(file)
        page = series.keyframe
        # Several pages of one size are a stack.
        return len(series.levels) > 1 or (
            page.imagelength * page.imagewidth > most_pixels and len(series.pages) == 1
        )
    return False
