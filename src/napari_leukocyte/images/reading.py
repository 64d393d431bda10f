"""Find and read image files."""

from __future__ import annotations

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
            inside = sorted(
                p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()
            )
            if not inside:
                raise ImageError(
                    f"{path} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})."
                )
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise ImageError(f"{path} does not exist.")
    return list(found)


def read_image(path: Path) -> NDArray[Any]:
    """Read an image file as it is.

    Parameters
    ----------
    path : Path
        TIFF is read by tifffile, all else by OpenCV (which turns photographs upright by their
        EXIF orientation).

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
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return _read_tiff(path)
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.ndim == 3 and pixels.shape[2] == 3:
            # Decoded again, because IMREAD_UNCHANGED ignores the EXIF orientation.
            flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        elif pixels is not None and pixels.ndim == 3 and pixels.shape[2] == 4:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    except cv2.error as error:
        raise ImageError(f"{path} can't be decoded: it is damaged or too large.") from error
    if pixels is None:
        raise ImageError(f"{path} is not an image that can be read.")
    return np.asarray(pixels)


def _read_tiff(path: Path) -> NDArray[Any]:
    import tifffile

    try:
        return np.asarray(tifffile.imread(path))
    except Exception as error:
        # tifffile raises many types on damaged files; each means the same to the user.
        raise ImageError(f"{path} is a damaged or unsupported TIFF.") from error
