"""Label images from others, as TIFF and as PNG; images of indices with a palette or 16 bits."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.limits import LARGEST_LABEL, check_shape
from napari_leukocyte.errors import FormatError

if TYPE_CHECKING:
    import tifffile

STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
# Ways of packing that unpack to a known size, or can be stopped at it: none, deflate in its two
# numbers, run lengths, and LZW, which Pillow unpacks.
_PLAIN, _DEFLATE, _PACKBITS, _LZW = 1, (8, 32946), 32773, 5
_PILLOW_MODES = ("L", "I;16", "I;16B", "I", "1")
#: Run lengths of one byte make at most so many.
_PACKBITS_RATIO = 64
_SEGMENTS = 1_000_000


def read_label_tiff(path: Path) -> NDArray[np.int32]:
    """Read a label image.

    Parameters
    ----------
    path : Path
        A TIFF with one page of whole numbers.

    Returns
    -------
    ndarray
        (H, W) int32.

    Raises
    ------
    FormatError
        If it is damaged, no label image, or too large.
    """
    import tifffile

    if files.head(path, 4) not in STARTS:
        raise FormatError(f"{path} is not a TIFF.")
    try:
        with _quiet(), tifffile.TiffFile(path) as file:
            page = file.pages.first
            _check(page, path)
            if len(file.pages) > 1:
                raise FormatError(f"{path} has several pages; a label image has one.")
            packed = int(page.compression) == _LZW
            pixels = _unpacked_lzw(path) if packed else np.asarray(page.asarray())
    except FormatError:
        raise
    except Exception as error:
        # tifffile raises many types on damaged files; each means the same to the user.
        raise FormatError(f"{path} is not a complete TIFF: it is damaged or cut off.") from error
    return as_labels(pixels, str(path))


def as_labels(pixels: NDArray[Any], where: str) -> NDArray[np.int32]:
    """Return pixels as labels; raises FormatError if they can be none."""
    if pixels.ndim != 2 or not (np.issubdtype(pixels.dtype, np.integer) or pixels.dtype == bool):
        raise FormatError(
            f"{where} is not a label image: it does not hold one plane of whole numbers."
        )
    if pixels.size and (int(pixels.min()) < 0 or int(pixels.max()) > LARGEST_LABEL):
        raise FormatError(f"{where} has numbers beyond 0 to {LARGEST_LABEL}.")
    return pixels.astype(np.int32)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep tifffile from logging what is said in a sentence anyway."""
    log = logging.getLogger("tifffile")
    was_disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was_disabled


def _check(page: tifffile.TiffPage | tifffile.TiffFrame, path: Path) -> None:
    """Raise unless a page is a label image that unpacks to its size."""
    import tifffile

    if not isinstance(page, tifffile.TiffPage):
        raise FormatError(f"{path} is not a label image.")
    shape = check_shape(page.imagelength, page.imagewidth, str(path))
    dtype = page.dtype
    if (
        page.samplesperpixel != 1
        or page.imagedepth != 1
        or dtype is None
        or dtype.kind not in "iub"
    ):
        raise FormatError(
            f"{path} is not a label image: it does not hold one plane of whole numbers."
        )
    if page.is_tiled:
        check_shape(page.tilelength, page.tilewidth, str(path))
        most = page.tilelength * page.tilewidth * dtype.itemsize
    else:
        check_shape(page.rowsperstrip if page.rowsperstrip < 2**31 else 1, 1, str(path))
        most = min(page.rowsperstrip, shape[0]) * shape[1] * dtype.itemsize
    if len(page.databytecounts) > _SEGMENTS:
        raise FormatError(f"{path} is cut into too many pieces.")
    compression = int(page.compression)
    if compression in _DEFLATE:
        _check_deflate(path, page, most)
    elif compression == _LZW:
        return
    elif compression not in (_PLAIN, _PACKBITS):
        raise FormatError(
            f"{path} is packed in an unusual way; save it with deflate or without compression."
        )
    elif any(n > most * _PACKBITS_RATIO for n in page.databytecounts):
        raise FormatError(f"{path} has pieces that are larger than it says.")


def _unpacked_lzw(path: Path) -> NDArray[Any]:
    """Return the pixels of a TIFF whose size is checked; libtiff unpacks no more than that."""
    from PIL import Image

    with Image.open(path, formats=["TIFF"]) as picture:
        if picture.mode not in _PILLOW_MODES:
            raise FormatError(
                f"{path} is packed in an unusual way; save it with deflate or without compression."
            )
        return np.asarray(picture)


def _check_deflate(path: Path, page: tifffile.TiffPage, most: int) -> None:
    with path.open("rb") as file:
        for offset, number in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.seek(offset)
            # Deflate never makes more than a little longer.
            data = file.read(min(number, 2 * most + 1024))
            check_unpacked(data, zlib.MAX_WBITS, most, str(path))


def check_unpacked(data: bytes, window: int, most: int, where: str) -> None:
    """Raise FormatError if deflated data unpack to more bytes than they may.

    Parameters
    ----------
    data : bytes
        With the header that `window` means to zlib.
    window : int
        As of `zlib.decompressobj`.
    most : int
        Bytes.
    where : str
        What the file is called in a sentence.
    """
    try:
        unpacked = zlib.decompressobj(window).decompress(data, most + 1)
    except zlib.error as error:
        raise FormatError(f"{where} is damaged or cut off.") from error
    if len(unpacked) > most:
        raise FormatError(f"{where} unpacks to more than it says, as a ZIP bomb does.")


#: Largest index of an image with a palette; 255 marks what belongs to nothing.
MOST_INDEXED = 254
_VOID = 255
_LARGEST_UINT16 = 65_535
_MODES = ("P", "L", "1", "I;16", "I")


def write_indices(path: Path, indices: NDArray[np.int32]) -> None:
    """Write an image of indices from 0 to 65,535.

    Raises
    ------
    FormatError
        If an index is larger.
    """
    from PIL import Image

    largest = int(indices.max(initial=0))
    if largest > _LARGEST_UINT16:
        raise FormatError(f"{path.name} has more than {_LARGEST_UINT16} objects, too many for PNG.")
    if largest <= MOST_INDEXED:
        picture = Image.fromarray(indices.astype(np.uint8))
        picture.putpalette(_palette())
    else:
        picture = Image.fromarray(indices.astype(np.uint16))
    picture.save(path, "PNG", compress_level=1)


def _palette() -> list[int]:
    """Return the palette of the VOC devkit: the bits of the index dealt out to the colours."""
    index = np.arange(256)
    colors = np.zeros((256, 3), int)
    for step in range(8):
        for channel in range(3):
            colors[:, channel] |= (index >> (3 * step + channel) & 1) << (7 - step)
    flat: list[int] = colors.ravel().tolist()
    return flat


def read_indices(path: Path, shape: tuple[int, int], number: int) -> NDArray[np.int32]:
    """Read an image of indices.

    Parameters
    ----------
    path : Path
        The PNG file.
    shape : tuple of int
        Height and width that it must have, px.
    number : int
        Largest index that it may have; if that is below 255, pixels of 255 belong to nothing.

    Returns
    -------
    ndarray
        (H, W) int32.

    Raises
    ------
    FormatError
        If it is damaged or another image.
    """
    indices = _pixels(path, shape)
    if number < _VOID:
        indices[indices == _VOID] = 0
    if int(indices.max(initial=0)) > number:
        raise FormatError(f"{path} has objects that its annotation lacks.")
    return indices


def read_label_png(path: Path) -> NDArray[np.int32]:
    """Read a label image: (H, W) int32; raises FormatError if it is damaged or no such."""
    return _pixels(path, None)


def _pixels(path: Path, shape: tuple[int, int] | None) -> NDArray[np.int32]:
    """Return whole numbers of an image of a size, px, or of any."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            found = check_shape(picture.height, picture.width, str(path))
            if shape not in (None, found):
                raise FormatError(f"{path} has another size than its annotation says.")
            if picture.mode not in _MODES:
                raise FormatError(f"{path} is not an image of indices.")
            indices = np.array(picture).astype(np.int32)
    except FormatError:
        raise
    except Exception as error:
        # Pillow raises many types on damaged files; each means the same to the user.
        raise FormatError(
            f"{path} is not a complete PNG image: it is damaged or cut off."
        ) from error
    return indices
