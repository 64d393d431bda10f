"""Photographs as cameras, microscopes and other programs save them, drawn for tests."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image

ORIENTATION = 0x0112
#: What shows a photograph upright that is stored in the way that each orientation means.
STORED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def scene(height: int = 40, width: int = 56) -> NDArray[np.uint8]:
    """Draw something that no flip or turn leaves as it is, (H, W, 3)."""
    noise = np.random.default_rng(5).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    full = 20 + (smooth - smooth.min()) * (215 / np.ptp(smooth))
    full[: height // 3, : width // 4] = (200, 40, 90)
    return np.asarray(np.round(full), np.uint8)


@dataclass(frozen=True)
class Container:
    """A file format.

    Attributes
    ----------
    suffix : str
        With its dot.
    write : callable
        Gives the file of pixels, as stored, with an orientation.
    modes : tuple of str
        What it can hold: "rgb", "rgba", "grey", "cmyk".
    depths : tuple of int
        Bits of a value; 12 in 16.
    tolerance : int
        Grey values of 255 that packing may cost.
    """

    suffix: str
    write: Callable[[NDArray[Any], str, int], bytes]
    modes: tuple[str, ...]
    depths: tuple[int, ...] = (8,)
    tolerance: int = 0
    turns: bool = True


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def _pillow(kind: str, **options: Any) -> Callable[[NDArray[Any], str, int], bytes]:
    def write(pixels: NDArray[Any], mode: str, orientation: int) -> bytes:
        buffer = io.BytesIO()
        about = {} if orientation == 1 else {"exif": _exif(orientation)}
        image = Image.fromarray(np.ascontiguousarray(pixels), "CMYK" if mode == "cmyk" else None)
        image.save(buffer, kind, **options, **about)
        return buffer.getvalue()

    return write


def _png(pixels: NDArray[Any], mode: str, orientation: int) -> bytes:
    if pixels.dtype == np.uint8:
        return _pillow("PNG")(pixels, mode, orientation)
    # Pillow writes no 16-bit colours.
    data = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    if orientation == 1:
        return data
    import zlib

    exif = _exif(orientation).removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + exif
    whole = len(exif).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return data[:33] + whole + data[33:]


def _tiff(**options: Any) -> Callable[[NDArray[Any], str, int], bytes]:
    def write(pixels: NDArray[Any], mode: str, orientation: int) -> bytes:
        buffer = io.BytesIO()
        kind = {"grey": "minisblack", "white": "miniswhite", "cmyk": "separated"}.get(mode, "rgb")
        more: dict[str, Any] = {"extrasamples": ["unassalpha"]} if mode == "rgba" else {}
        tags = [(ORIENTATION, "H", 1, orientation, True)]
        tifffile.imwrite(
            buffer,
            np.ascontiguousarray(pixels),
            photometric=kind,
            extratags=tags,
            metadata=None,
            **more,
            **options,
        )
        return buffer.getvalue()

    return write


def _heic(pixels: NDArray[Any], mode: str, orientation: int) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(np.ascontiguousarray(pixels))).save(
        buffer, quality=-1, chroma=444, exif=_exif(orientation)
    )
    return buffer.getvalue()


def _jpeg_2000(pixels: NDArray[Any], mode: str, orientation: int) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(pixels), level=0))


_JPEG_IN_TIFF = {"compression": "jpeg", "compressionargs": {"level": 100}, "subsampling": (1, 1)}
_DEEP = (8, 12, 16)
_ALL = ("rgb", "rgba", "grey")
CONTAINERS = {
    "png": Container(".png", _png, _ALL, _DEEP),
    "jpeg": Container(
        ".jpg", _pillow("JPEG", quality=100, subsampling=0), ("rgb", "grey"), (8,), 4
    ),
    "cmyk jpeg": Container(".jpg", _pillow("JPEG", quality=100, subsampling=0), ("cmyk",), (8,), 6),
    "webp": Container(".webp", _pillow("WEBP", lossless=True, exact=True), ("rgb", "rgba")),
    "bmp": Container(".bmp", _pillow("BMP"), ("rgb", "grey"), turns=False),
    "gif": Container(".gif", _pillow("GIF"), ("grey",), turns=False),
    "tiff": Container(".tif", _tiff(), (*_ALL, "white", "cmyk"), _DEEP),
    "lzw tiff": Container(".tif", _tiff(compression="lzw"), (*_ALL, "white", "cmyk"), _DEEP),
    "jpeg tiff": Container(".tif", _tiff(**_JPEG_IN_TIFF), ("rgb",), (8,), 6),
    "heic": Container(".heic", _heic, ("rgb",), (8,), 4),
    "jpeg 2000": Container(".jp2", _jpeg_2000, ("rgb", "grey"), _DEEP, turns=False),
}


def as_saved(rgb: NDArray[np.uint8], mode: str, depth: int) -> NDArray[Any]:
    """Return a scene's pixels in a mode and depth, upright."""
    grey = rgb[..., 1]
    inks = np.dstack([255 - rgb, np.zeros_like(grey)])
    pixels = {
        "rgb": rgb,
        "rgba": np.dstack([rgb, np.full_like(grey, 255)]),
        "grey": grey,
        "white": 255 - grey,
        "cmyk": inks,
    }[mode]
    if depth == 8:
        return pixels
    if depth == 16:
        return pixels.astype(np.uint16) * 257
    # In 16 bits, as cameras store them; white is their own greatest value.
    return np.round(pixels * (4095 / 255)).astype(np.uint16)


def save(name: str, rgb: NDArray[np.uint8], mode: str, depth: int, orientation: int) -> bytes:
    """Return the file of a scene that a viewer is to show upright."""
    stored = STORED[orientation](as_saved(rgb, mode, depth))
    return CONTAINERS[name].write(stored, mode, orientation)
