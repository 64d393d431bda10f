"""Photographs in TIFF, which is a dozen formats: colour spaces, depths, pages, planes."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.claims import Claim, claim_of, require_credible
from napari_leukocyte.io.images.colour_spaces import by_rows, rgb_of_cmyk, rgb_of_lab, to_byte
from napari_leukocyte.io.images.orientation import TAG, UPRIGHT, upright
from napari_leukocyte.io.lzw import LZW, require_whole, segments
from napari_leukocyte.language import later

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

#: How a TIFF begins: either byte order, and either size of its offsets.
STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
#: As many as OpenCV decodes.
_MOST_PIXELS = 2**30
#: Pages of a file, and tags of a page, that are no mistake.
_MOST_PAGES, _MOST_TAGS = 100_000, 4096
#: Ways of packing that are told how much comes out: none, deflate, PackBits, LZMA, Zstandard.
_PLAIN = (1, 8, 32946, 32773, 34925, 50000)
#: Times that a packed tile may be larger than it should: it may be whole where the image ends.
_SLACK = 4
#: Numbers of tags.
_ICC_PROFILE, _INK_SET, _COMPRESSION_JPEG = 34675, 332, 7
#: Greatest values of cameras whose pixels are stored in 16 bits.
_CAMERAS = (1023, 4095, 65535)
_AXES = {"Z": later("focus planes"), "T": later("points in time"), "C": later("channels")}
#: OME's colours of channels, signed RGBA, and ImageJ's names of them.
_RED_GREEN_BLUE = ("-16776961", "16711935", "65535")
_NAMES = (("red", "green", "blue"), ("r", "g", "b"))


class ImageStackError(ImageError):
    """Planes that a stack holds, where one photograph is needed."""


def read_tiff(path: Path) -> NDArray[Any] | None:
    """Read the photograph that a TIFF holds.

    Parameters
    ----------
    path : Path
        Of several pages or series the first that is not marked as a reduced image or as a mask.

    Returns
    -------
    ndarray or None
        (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, upright. Grey and RGB are of the file's type,
        white-is-zero turned over; depths that no type has, inks, L*a*b*, YCbCr and palettes
        become uint8. Planes that can't be mistaken for colours are returned as they are. None if
        the file is damaged.

    Raises
    ------
    ImageStackError
        If it holds three or four planes that are not tagged as colours.
    ImageError
        If it holds only reduced images, a colour space that can't be converted, or claims more
        pixels than it can hold.
    """
    import tifffile

    try:
        _follow_pages(path)
        with tifffile.TiffFile(path) as file:
            series = _photograph(path, file)
            page = series.keyframe
            convert = _conversion(path, page)
            planes = _planes(path, file, series)
            _require_credible(path, file, series)
            if convert is None:
                return _by_pillow(path, page)
            pixels = np.asarray(series.asarray())
            if planes == "stack":
                return pixels
            pixels = convert(np.moveaxis(pixels, 0, 2) if planes == "colours" else pixels)
            return upright(pixels, _orientation(page))
    except ImageError:
        raise
    except Exception:
        # tifffile and its codecs raise many types on damaged files; each means the same to the
        # user.
        return None


def is_stored_upright(path: Path) -> bool:
    """Whether readers that pass over the tag of the orientation see a TIFF as it is meant."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        return _orientation(_photograph(path, file).keyframe) == UPRIGHT


def _orientation(page: TiffPage) -> int:
    found = page.tags.valueof(TAG, UPRIGHT)
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT


def _follow_pages(path: Path) -> None:
    """Refuse a file whose pages lead back to one another: a reader would go round for minutes.

    Raises
    ------
    ValueError
        If they do, if one is cut off, or if there are more than any photograph has.
    """
    with path.open("rb") as file:
        start = file.read(16)
        order = "<" if start[:2] == b"II" else ">"
        (version,) = struct.unpack_from(f"{order}H", start, 2)
        # Counts, entries and offsets are wider in files that can be larger than 4 GB.
        first, count, entry, offset = (8, "Q", 20, "Q") if version == 43 else (4, "H", 12, "I")
        (place,) = struct.unpack_from(f"{order}{offset}", start, first)
        seen: set[int] = set()
        while place:
            if place in seen or len(seen) >= _MOST_PAGES:
                raise ValueError
            seen.add(place)
            file.seek(place)
            data = file.read(struct.calcsize(count))
            if len(data) < struct.calcsize(count):
                return  # beyond the end of the file, which tifffile finds as well
            (number,) = struct.unpack(f"{order}{count}", data)
            if number > _MOST_TAGS:
                return
            file.seek(number * entry, 1)
            data = file.read(struct.calcsize(offset))
            if len(data) < struct.calcsize(offset):
                raise ValueError  # tifffile would take the file's last bytes for the next page
            (place,) = struct.unpack(f"{order}{offset}", data)


def _photograph(path: Path, file: TiffFile) -> TiffPageSeries:
    if not file.pages.first.dataoffsets:
        raise ValueError  # looking for further pages behind a damaged one can take minutes
    whole = (s for s in file.series if not (s.keyframe.is_reduced or s.keyframe.is_mask))
    series = next(whole, None)
    if series is None and file.series:
        raise ImageError(
            "{path} holds only a reduced image of a photograph: open the photograph itself.",
            path=path,
        )
    if series is None:
        raise ValueError
    page = series.keyframe
    if page.imagelength * page.imagewidth > _MOST_PIXELS:
        raise ImageError(
            "{path} has {width} × {height} px, too many for a photograph.",
            path=path,
            width=page.imagewidth,
            height=page.imagelength,
        )
    if len(page.dataoffsets) < math.prod(page.chunked):
        raise ValueError  # tifffile would fill in what is missing, however much it is
    return series


def _require_credible(path: Path, file: TiffFile, series: TiffPageSeries) -> None:
    """Refuse what only claims to be large, as a whole or in a tile, and LZW that is damaged.

    Raises
    ------
    ImageError
        If the whole, or each tile, claims more than the file can hold.
    ValueError
        If what a tile is packed by claims more than the tile, or has codes that mean nothing.
    """
    page = series.keyframe
    if page.dtype is None:
        raise ValueError
    size, depth = file.filehandle.size, page.samplesperpixel * page.dtype.itemsize
    planes = math.ceil(series.size / (page.imagewidth * page.imagelength * page.samplesperpixel))
    require_credible(path, Claim(page.imagewidth, page.imagelength, depth * planes), size)
    tile = math.prod(page.chunks)
    require_credible(path, Claim(tile, 1, page.dtype.itemsize), size)
    if page.compression in _PLAIN:
        return
    for packed in segments(file, series.pages):
        if page.compression == LZW:
            require_whole(packed, page.fillorder)
            continue
        claim = claim_of(packed)
        if claim is not None and claim.width * claim.height > _SLACK * tile:
            raise ValueError


def _planes(path: Path, file: TiffFile, series: TiffPageSeries) -> str:
    """Say what the axes are: "pixels", "colours" where these come first, or a "stack"."""
    axes = series.axes
    others = [axis for axis in axes if axis not in "YXS"]
    if not others:
        return "colours" if axes == "SYX" else "pixels"
    if others == ["C"] and axes == "CYX" and series.shape[0] == 3 and _are_colours(file):
        return "colours"
    if len(axes) == 3 and {series.shape[0], series.shape[-1]} & {3, 4}:
        number = series.shape[axes.index(others[0])]
        raise ImageStackError(
            "{path} holds {number} grey {planes}, which are not red, green and blue: take one "
            "of them, for example by “Split Stack” in the context menu of its layer in "
            "napari.",
            path=path,
            number=number,
            planes=_AXES.get(others[0], later("planes")),
        )
    return "stack"


def _are_colours(file: TiffFile) -> bool:
    """Whether three channels are said to be red, green and blue."""
    about = file.imagej_metadata
    if about is not None:
        tables = about.get("LUTs")
        if about.get("mode") not in ("composite", "color"):
            return False
        # ImageJ shows channels without tables of colours as red, green and blue.
        return tables is None or [np.flatnonzero(np.any(t, axis=1)).tolist() for t in tables] == [
            [0],
            [1],
            [2],
        ]
    if file.ome_metadata is None:
        return False
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(file.ome_metadata)
    except (ParseError, DefusedXmlException, ValueError):
        return False
    channels = [e for e in root.iter() if e.tag.endswith("}Channel") or e.tag == "Channel"][:3]
    names = tuple(str(c.get("Name", "")).casefold() for c in channels)
    return names in _NAMES or tuple(c.get("Color") for c in channels) == _RED_GREEN_BLUE


def _conversion(path: Path, page: TiffPage) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
    """Return what brings pixels to grey or RGB; None if Pillow has to read them."""
    from tifffile import PHOTOMETRIC

    kind, bits = page.photometric, page.bitspersample
    if kind == PHOTOMETRIC.MINISBLACK and page.samplesperpixel > 2:
        raise ImageStackError(
            "{path} has {number} grey values a pixel, which are not tagged as red, green and "
            "blue: save it as RGB.",
            path=path,
            number=page.samplesperpixel,
        )
    if kind == PHOTOMETRIC.MINISBLACK:
        return lambda pixels: _by_depth(_first(pixels), bits)
    if kind == PHOTOMETRIC.MINISWHITE and page.dtype is not None and page.dtype.kind in "ub":
        return lambda pixels: _turned_over(_first(pixels), bits)
    if kind == PHOTOMETRIC.RGB:
        return lambda pixels: _by_depth(pixels[..., : 3 if pixels.shape[-1] > 4 else 4], bits)
    if kind == PHOTOMETRIC.PALETTE and page.colormap is not None:
        palette = page.colormap
        return lambda pixels: _looked_up(_first(pixels), palette)
    if (
        kind == PHOTOMETRIC.SEPARATED
        and page.samplesperpixel >= 4
        and page.tags.valueof(_INK_SET, 1) == 1
    ):
        profile = page.tags.valueof(_ICC_PROFILE)
        return lambda pixels: rgb_of_cmyk(
            to_byte(pixels[..., :4], _full(bits)), profile if isinstance(profile, bytes) else None
        )
    if kind in (PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB) and page.samplesperpixel >= 3:
        offset = kind == PHOTOMETRIC.ICCLAB
        if bits in (8, 16):
            return lambda pixels: by_rows(pixels, lambda rows: _of_lab(rows, bits, offset=offset))
    if kind == PHOTOMETRIC.YCBCR:
        # Of JPEG the decoder has made RGB already.
        return (lambda pixels: pixels) if page.compression == _COMPRESSION_JPEG else None
    if not isinstance(kind, int):
        raise ValueError  # a damaged file may give a list of them
    name = getattr(kind, "name", str(int(kind)))
    raise ImageError(
        "{path} has the colour space {name} with {bits} bits, which is not converted: save "
        "it as RGB.",
        path=path,
        name=name,
        bits=bits,
    )


def _first(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the grey or index of pixels that may have an alpha channel."""
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 2 else pixels


def _full(bits: int) -> int:
    return int(2**bits) - 1


def _by_depth(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Leave depths that a type has; bring others, such as 12 bits, to 8."""
    if pixels.dtype.kind != "u" or bits >= 8 * pixels.dtype.itemsize:
        return pixels
    return to_byte(pixels, _full(bits))


def _turned_over(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    if pixels.dtype == np.bool_:
        return ~pixels
    if pixels.dtype == np.uint16 and bits == 16:
        # A camera's 10 or 12 bits in 16: its white is its own greatest value.
        full = next(f for f in _CAMERAS if int(pixels.max()) <= f)
        return np.asarray(full - pixels, np.uint16)
    return _by_depth(np.asarray(_full(bits) - pixels, pixels.dtype), bits)


def _looked_up(indices: NDArray[Any], palette: NDArray[Any]) -> NDArray[np.uint8]:
    colours = np.asarray(palette)
    # Some write 8 bits where the format asks for 16; others leave the lower 8 empty.
    bytes_ = colours if colours.max() < 256 else colours >> 8
    return np.ascontiguousarray(bytes_.astype(np.uint8)[:, indices].transpose(1, 2, 0))


def _of_lab(rows: NDArray[Any], bits: int, *, offset: bool) -> NDArray[np.uint8]:
    """Convert L*a*b* as TIFF (a and b signed) or as ICC profiles (with an offset) code it."""
    unsigned: NDArray[Any] = rows.view(np.uint8 if bits == 8 else np.uint16)[..., :3]
    unit = 2.0 ** (bits - 8)  # of a* and b*
    if offset:
        a, b = (unsigned[..., i] / unit - 128 for i in (1, 2))
    else:
        signed: NDArray[Any] = unsigned.view(np.int8 if bits == 8 else np.int16)
        a, b = (signed[..., i] / unit for i in (1, 2))
    white = 255 * unit if offset else _full(bits)
    return rgb_of_lab(unsigned[..., 0] * (100.0 / white), a, b)


def _by_pillow(path: Path, page: TiffPage) -> NDArray[np.uint8]:
    """Read a page as RGB, upright, through libtiff, which knows subsampled YCbCr."""
    from PIL import Image

    with Image.open(path) as image:
        image.seek(page.index)
        # Of a tag that is there twice, each takes another. Pillow's size is of the upright image.
        if sorted(image.size) != sorted((page.imagewidth, page.imagelength)):
            raise ValueError
        return np.asarray(image.convert("RGB"))
