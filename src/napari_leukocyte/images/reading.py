"""Find and read image files."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError

#: Files that a folder is searched for.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


def find_images(paths: Iterable[Path]) -> list[Path]:
    """List image files.

    Parameters
    ----------
    paths : iterable of Path
        Files are taken as they are; a folder stands for the image files directly in it.

    Returns
    -------
    list of Path
        In the order given, a folder's files sorted by name; doubles only once.

    Raises
    ------
    ImageError
        If a path does not exist or a folder has no image.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = _images_in(path)
            if not inside:
                raise ImageError(f"{path} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise ImageError(f"{path} does not exist.")
    return list(found)


def _images_in(folder: Path) -> list[Path]:
    try:
        # Hidden files are no photographs: macOS leaves ._NAME.jpg on foreign disks.
        return sorted(
            p
            for p in folder.iterdir()
            if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".") and p.is_file()
        )
    except OSError as error:
        raise ImageError(f"{folder} can't be read: {error.strerror or error}.") from error


def read_image(path: Path) -> NDArray[Any]:
    """Read an image file as it is.

    Parameters
    ----------
    path : Path
        TIFF is read by tifffile, or by OpenCV if it is compressed in a way that needs another
        library or has a palette; all else by OpenCV, which turns photographs upright by their
        EXIF orientation.

    Returns
    -------
    ndarray
        (H, W), (H, W, 3) RGB or (H, W, 4) RGBA of the file's dtype; of a TIFF, its first series.

    Raises
    ------
    ImageError
        If the file can't be read as an image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} can't be read: {error.strerror or error}.") from error
    if not data:
        raise ImageError(f"{path} is empty.")
    is_tiff = data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
    pixels = _read_tiff(path, data) if is_tiff else _decode(data)
    if pixels is None:
        raise ImageError(f"{path} is not an image that can be read, or it is damaged.")
    return pixels


def _read_tiff(path: Path, data: bytes) -> NDArray[Any] | None:
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            series = file.series[0]
            page = series.keyframe
            simple = page.photometric != tifffile.PHOTOMETRIC.PALETTE
            if simple and page.compression in _TIFFFILE_COMPRESSIONS:
                return np.asarray(series.asarray())
            if len(series) == 1:
                return _decode(data)
            return np.asarray(series.asarray())
    except Exception as error:
        # tifffile raises many types on damaged files; each means the same to the user.
        raise ImageError(f"{path} is a damaged or unsupported TIFF.") from error


def _decode(data: bytes) -> NDArray[Any] | None:
    import cv2

    buffer = np.frombuffer(data, np.uint8)
    # The user gets one sentence, not what libraries print about a damaged file.
    level = cv2.setLogLevel(0)
    try:
        pixels = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
        if pixels is None:
            return None
        if pixels.ndim == 3 and pixels.shape[2] == 4:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA))
        del pixels
        # Again, because IMREAD_UNCHANGED leaves photographs as the camera was held.
        pixels = cv2.imdecode(buffer, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
        if pixels is not None and pixels.ndim == 3:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
        return pixels
    except cv2.error:
        return None
    finally:
        cv2.setLogLevel(level)
