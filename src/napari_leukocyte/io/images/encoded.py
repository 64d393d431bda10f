"""Photographs in other formats than TIFF, told by their content and decoded whole."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.claims import (
    JPEG,
    JPEG_2000,
    PNG,
    Claim,
    claim_of,
    require_credible,
)
from napari_leukocyte.io.images.colour_spaces import rgb_of_cmyk
from napari_leukocyte.io.images.orientation import UPRIGHT, orientation_of, upright

_GIF = b"GIF8"
#: Brands of what is in the boxes that HEIC and AVIF share.
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}


def decode(path: Path, data: bytes) -> NDArray[Any] | None:
    """Decode a photograph.

    Parameters
    ----------
    path : Path
        For messages.
    data : bytes
        The file's content.

    Returns
    -------
    ndarray or None
        (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, upright, of the depth that the file has; inks
        become uint8 RGB. None if the file is damaged or no image.

    Raises
    ------
    ImageError
        If it is an animation, claims more pixels than it can hold, or the library for its format
        is missing.
    """
    try:
        if data.startswith(_GIF):
            return _gif(path, data)
        if data.startswith(JPEG_2000):
            return _jpeg_2000(path, data)
        if data[4:8] == b"ftyp":
            size = max(16, min(int.from_bytes(data[:4], "big"), 256))
            brands = {data[i : i + 4] for i in (8, *range(16, size, 4))}
            if brands & _AVIF:
                return _avif(path, data)
            if brands & _HEIC:
                return _heic(path, data)
        return _by_opencv(path, data)
    except ImageError:
        raise
    except Exception:
        # The libraries raise many types on damaged files; each means the same to the user.
        return None


def is_stored_upright(path: Path, data: bytes) -> bool:
    """Whether readers that know no EXIF see a photograph, such as a PNG or JPEG, as it is meant.

    Raises
    ------
    ImageError
        If it claims more pixels than it can hold.
    """
    pixels, turned = _stored(path, data)
    return pixels is not None and turned == UPRIGHT


def _stored(path: Path, data: bytes) -> tuple[NDArray[Any] | None, int]:
    """Return the pixels as stored, with their orientation.

    By OpenCV itself, a photograph with an alpha channel would not be turned.
    """
    import cv2

    # It knows other formats too, whose claims are not.
    claim = None if data.startswith(JPEG_2000) else claim_of(data)
    if claim is None or (data.startswith(PNG) and not _has_whole_chunks(data)):
        return None, UPRIGHT
    require_credible(path, claim, len(data))
    buffer = np.frombuffer(data, np.uint8)
    pixels, kinds, found = cv2.imdecodeWithMetadata(buffer, flags=cv2.IMREAD_UNCHANGED)
    about = dict(zip(np.ravel(kinds).tolist(), found, strict=True))
    exif = about.get(cv2.IMAGE_METADATA_EXIF)
    turned: int = UPRIGHT if exif is None else orientation_of(np.asarray(exif, np.uint8).tobytes())
    return pixels, turned


def _by_opencv(path: Path, data: bytes) -> NDArray[Any] | None:
    import cv2

    if data.startswith(JPEG) and (claim := claim_of(data)) is not None and claim.depth == 4:
        require_credible(path, claim, len(data))
        return _inks(path, data)
    pixels, turned = _stored(path, data)
    if pixels is None:
        return None
    if pixels.ndim == 3:
        swap = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
        pixels = cv2.cvtColor(pixels, swap, dst=pixels)
    return upright(np.asarray(pixels), turned)


def _has_whole_chunks(data: bytes) -> bool:
    """Whether a PNG's chunks end within it: the decoder takes memory for what they claim.

    It looks for pixels even beyond the chunk that is the last.
    """
    at, has_pixels = len(PNG), False
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        has_pixels |= kind == b"IDAT"
        if kind == b"IEND":
            return bool(has_pixels and at <= len(data))
    return False


def _inks(path: Path, data: bytes) -> NDArray[np.uint8]:
    """Convert a JPEG of printing inks."""
    from PIL.JpegImagePlugin import JpegImageFile

    with _opened(JpegImageFile, path, data) as image:
        rgb = rgb_of_cmyk(np.asarray(image), image.info.get("icc_profile"))
        return upright(rgb, orientation_of(image.info.get("exif", b"")))


def _gif(path: Path, data: bytes) -> NDArray[Any]:
    from PIL.GifImagePlugin import GifImageFile

    with _opened(GifImageFile, path, data) as image:
        if image.n_frames > 1:
            raise ImageError(
                "{path} is an animation of {number} pictures: save the one that is the photograph.",
                path=path,
                number=image.n_frames,
            )
        return np.array(image.convert("RGBA" if "transparency" in image.info else "RGB"))


def _avif(path: Path, data: bytes) -> NDArray[Any]:
    from PIL import ImageOps
    from PIL.AvifImagePlugin import AvifImageFile

    with _opened(AvifImageFile, path, data) as image:
        turned = ImageOps.exif_transpose(image)
        return np.array(turned if turned.mode in ("L", "RGB", "RGBA") else turned.convert("RGB"))


def _jpeg_2000(path: Path, data: bytes) -> NDArray[Any]:
    import imagecodecs

    claim = claim_of(data)
    if claim is None:
        raise ValueError
    require_credible(path, claim, len(data))
    # Pillow brings 16-bit colours to 8 bits in a way of its own.
    pixels = np.asarray(imagecodecs.jpeg2k_decode(data))
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 2 else pixels


def _heic(path: Path, data: bytes) -> NDArray[Any]:
    try:
        import pi_heif
    except ImportError as error:
        raise ImageError(
            "{path} is a HEIC photograph, for which the library pi-heif is needed: pip "
            "install pi-heif, or save it as PNG or JPEG.",
            path=path,
        ) from error
    # Turned upright by the library, by the marks of the format, which overrule its EXIF.
    file = pi_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    width, height = image.size
    require_credible(path, Claim(width, height, 4), len(data))
    return np.array(image)


def _opened(plugin: Callable[[BytesIO], Any], path: Path, data: bytes) -> Any:
    """Open by one of Pillow's classes; its `open` warns of every photograph of 90 megapixels."""
    image = plugin(BytesIO(data))
    require_credible(path, Claim(image.width, image.height, 4), len(data))
    return image
