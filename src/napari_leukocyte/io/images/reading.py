"""Find and read image files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError

#: Files that a folder is searched for.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


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
        if _is(Path.is_dir, path):
            inside = _images_in(path)
            if not inside:
                raise ImageError(f"{path} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).")
            found.update(dict.fromkeys(inside))
        elif _is(Path.exists, path):
            found[path] = None
        else:
            raise ImageError(f"{path} does not exist.")
    return list(found)


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    try:
        return what(path)
    except OSError:  # longer than any name can be
        return False


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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import tifffile
    >>> import napari_leukocyte as nl
    >>> path = Path(tempfile.mkdtemp()) / "field.tif"
    >>> tifffile.imwrite(path, np.zeros((20, 30, 3), np.uint16), photometric="rgb")
    >>> pixels = nl.read_image(path)
    >>> pixels.shape, pixels.dtype.name
    ((20, 30, 3), 'uint16')
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            is_tiff = start in _TIFF_STARTS
            # A TIFF may be a stack of gigabytes; its reader takes what it needs.
            data = start if is_tiff else start + file.read()
    except OSError as error:
        raise ImageError(f"{path} can't be read: {error.strerror or error}.") from error
    if not data:
        raise ImageError(f"{path} is empty.")
    with _quiet():
        pixels = _read_tiff(path) if is_tiff else _decode(data)
    if pixels is None or pixels.size == 0:
        raise ImageError(f"{path} is not an image that can be read, or it is damaged.")
    return pixels


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the decoders from printing: the user gets one sentence on a damaged file."""
    import cv2

    tiff_log, log = logging.getLogger("tifffile"), cv2.utils.logging
    tiff_level, level = tiff_log.level, log.setLogLevel(log.LOG_LEVEL_SILENT)
    tiff_log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        tiff_log.setLevel(tiff_level)
        log.setLogLevel(level)


def _read_tiff(path: Path) -> NDArray[Any] | None:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            has_palette = series.keyframe.photometric == tifffile.PHOTOMETRIC.PALETTE
            if not has_palette:
                with contextlib.suppress(Exception):
                    # Without another library tifffile refuses LZW and JPEG.
                    return np.asarray(series.asarray())
            return _decode(path.read_bytes()) if len(series) == 1 else None
    except Exception:
        # tifffile raises many types on damaged files; each means the same to the user.
        return None


def _decode(data: bytes) -> NDArray[Any] | None:
    import cv2

    buffer = np.frombuffer(data, np.uint8)
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
