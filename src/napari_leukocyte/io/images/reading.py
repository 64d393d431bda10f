"""Find and read image files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images import encoded, tiff
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.io.slides import FIELD_SUFFIX, is_slide_field

#: Those of them that every program for images reads.
COMMON_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
#: Files that a folder is searched for.
IMAGE_SUFFIXES = COMMON_SUFFIXES | frozenset(
    {".jpe", ".jfif", ".gif"}
    | {".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"}
)
#: Those, and the files that name a field of a slide.
READ_SUFFIXES = IMAGE_SUFFIXES | {FIELD_SUFFIX}
#: Names in a sentence, at most.
_NAMED = 3
#: Photographs of formats that are not read: cameras' raw files, and those of drawing programs.
_UNREAD = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".kdc", ".mrw", ".nef", ".nrw", ".orf"}
    | {".pef", ".raf", ".raw", ".rw2", ".sr2", ".srw", ".x3f", ".jxl", ".jxr", ".psd", ".xcf"}
)


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
                passed = passed_over([path])
                raise ImageError(
                    f"{path} holds no image that is read ({', '.join(sorted(IMAGE_SUFFIXES))})."
                    + (f" {passed}" if passed else "")
                )
            found.update(dict.fromkeys(inside))
        elif _is(Path.exists, path):
            found[path] = None
        else:
            raise ImageError("{path} does not exist.", path=path)
    return list(found)


def passed_over(paths: Iterable[Path]) -> str | None:
    """Name the photographs in folders that `find_images` leaves out, since they can't be read.

    Parameters
    ----------
    paths : iterable of Path
        As for `find_images`.

    Returns
    -------
    str or None
        One sentence; None if there are none.
    """
    names: list[str] = []
    for folder in paths:
        if _is(Path.is_dir, folder):
            with contextlib.suppress(OSError):
                names += sorted(
                    p.name
                    for p in folder.iterdir()
                    if p.suffix.lower() in _UNREAD and not p.name.startswith(".")
                )
    if not names:
        return None
    what = "1 photograph is" if len(names) == 1 else f"{len(names)} photographs are"
    shown = ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
    return (
        f"{what} passed over, since {'its format is' if len(names) == 1 else 'their formats are'} "
        f"not read ({shown}): save as TIFF or PNG."
    )


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    try:
        return what(path)
    except OSError:  # longer than any name can be
        return False


def _images_in(folder: Path) -> list[Path]:
    with as_unreadable(folder, ImageError):
        # Hidden files are no photographs: macOS leaves ._NAME.jpg on foreign disks.
        return sorted(
            p
            for p in folder.iterdir()
            if p.suffix.lower() in READ_SUFFIXES and not p.name.startswith(".") and p.is_file()
        )


def read_image(path: Path) -> NDArray[Any]:
    """Read an image file: the pixels that everything here is known by.

    Parameters
    ----------
    path : Path
        A field of a slide (:func:`napari_leukocyte.io.slides.field.read_slide_field`) by its name;
        other formats are told by their content: TIFF
        (:func:`napari_leukocyte.io.images.tiff.read_tiff`), or any other
        (:func:`napari_leukocyte.io.images.encoded.decode`).

    Returns
    -------
    ndarray
        (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, turned upright, of the file's dtype where that can
        hold it; of a TIFF with more axes, its planes.

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
    if is_slide_field(path):
        # Readers of slides take long to load, and few need them.
        from napari_leukocyte.io.slides.field import read_slide_field

        return read_slide_field(path)
    with as_unreadable(path, ImageError), path.open("rb") as file:
        start = file.read(4)
        is_tiff = start in tiff.STARTS
        # A TIFF may be a stack of gigabytes; its reader takes what it needs.
        data = start if is_tiff else start + file.read()
    if not data:
        raise ImageError("{path} is empty.", path=path)
    with _quiet():
        pixels = tiff.read_tiff(path) if is_tiff else encoded.decode(path, data)
    if pixels is None or pixels.size == 0:
        raise ImageError("{path} is not an image that can be read, or it is damaged.", path=path)
    return pixels


def reads_alike(path: Path) -> bool:
    """Whether other programs, too, see an image that `read_image` reads as it is meant.

    Parameters
    ----------
    path : Path
        The file. False if it is to be turned by a tag, which many pass over, or of a format that
        many don't know.

    Raises
    ------
    ImageError
        If the file can't be read.
    """
    if path.suffix.lower() not in COMMON_SUFFIXES:
        return False
    with as_unreadable(path, ImageError), _quiet(), path.open("rb") as file:
        if file.read(4) in tiff.STARTS:
            return tiff.is_stored_upright(path)
        file.seek(0)
        return encoded.is_stored_upright(path, file.read())


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
