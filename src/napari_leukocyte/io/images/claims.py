"""The size that a photograph's header claims, known before memory is taken for it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from napari_leukocyte.errors import ImageError

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
#: JPEG 2000 in its boxes, and bare.
JPEG_2000 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
#: Bytes of pixels that any file may unpack to, a blank field of 44 megapixels among them.
_FREE = 2**27
#: Bytes of pixels for each of a larger file: deflate packs no better than 1032 to 1.
_TIMES = 1100
#: Samples of each pixel, by the PNG's type of colour.
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


class Claim(NamedTuple):
    """The claims of a header.

    Attributes
    ----------
    width, height : int
        px.
    depth : int
        Bytes of a pixel.
    """

    width: int
    height: int
    depth: int


def require_credible(path: Path, claim: Claim, size: int) -> None:
    """Refuse what only claims to be large: a few bytes that would unpack to gigabytes.

    Parameters
    ----------
    path : Path
        For the message.
    claim : Claim
        What the header says.
    size : int
        Bytes of the file.

    Raises
    ------
    ImageError
        If no photograph is packed so well.
    """
    width, height, depth = claim
    if width * height * depth > max(_FREE, _TIMES * size):
        raise ImageError(
            "{path} is damaged: it claims to have {width} × {height} px, which its {size} "
            "bytes can't hold.",
            path=path,
            width=width,
            height=height,
            size=size,
        )


def claim_of(data: bytes) -> Claim | None:
    """Return what the header of a JPEG, PNG, BMP, WebP or JPEG 2000 says; None without one.

    Parameters
    ----------
    data : bytes
        The whole file.
    """
    try:
        if data.startswith(JPEG):
            return _jpeg(data)
        if data.startswith(PNG):
            width, height, bits, kind = struct.unpack_from(">IIBB", data, 16)
            return Claim(width, height, _PNG_SAMPLES.get(kind, 4) * (2 if bits == 16 else 1))
        if data.startswith(b"BM"):
            return _bmp(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data.startswith(JPEG_2000):
            return _jpeg_2000(data)
    except struct.error:  # it ends before
        pass
    return None


def _jpeg(data: bytes) -> Claim | None:
    """Go from segment to segment as the decoder does, which passes over what is between them."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        while data[at : at + 1] == b"\xff":
            at += 1
        (kind,) = struct.unpack_from("B", data, at)
        at += 1
        # Frames are C0 to CF, but for three that are tables.
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width, channels = struct.unpack_from(">HHB", data, at + 3)
            return Claim(width, height, channels)
        if kind not in (0, 1, *range(0xD0, 0xD8)):  # these have no length
            at += max(2, *struct.unpack_from(">H", data, at))
    return None


def _bmp(data: bytes) -> Claim:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return Claim(abs(width), abs(height), 4)


def _webp(data: bytes) -> Claim | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (24, 27))
    elif kind == b"VP8L":
        (sides,) = struct.unpack_from("<I", data, 21)
        width, height = (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return Claim(width, height, 4)


def _jpeg_2000(data: bytes) -> Claim | None:
    at = 0
    while not data.startswith(JPEG_2000[1], at):
        # A box of length 1 has its length behind its name.
        length, name = struct.unpack_from(">I4s", data, at)
        header = 16 if length == 1 else 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
        if name == b"jp2c":
            at += header
            if not data.startswith(JPEG_2000[1], at):
                return None
        elif length < header:
            return None
        else:
            at += length
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    (channels,) = struct.unpack_from(">H", data, at + 40)
    # Each value is unpacked in 4 bytes.
    return Claim(max(0, right - left), max(0, bottom - top), 4 * channels)
