"""The folder of a smear's state: beside the sessions, never beside the user's images."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_leukocyte.io.images.reading import find_images
from napari_leukocyte.session.folders import sessions_folder

_DIGITS = re.compile(r"(\d+)")


def smears_folder() -> Path:
    """Return the folder of all smears; it may not exist yet."""
    return sessions_folder() / "smears"


def thumbnail_file(key: str) -> Path:
    """Return the small picture of an image; it may not exist yet."""
    return smears_folder() / "thumbnails" / f"{key}.jpg"


def smear_id(given: Sequence[Path]) -> str:
    """Return what a smear is known by: its folder, or the files that were chosen.

    By the place, not by the pixels: a smear stays the same when a field is added to its folder.
    """
    places = sorted({os.path.realpath(p) for p in given})
    return hashlib.sha256("\0".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def list_fields(given: Iterable[Path]) -> list[Path]:
    """List the image files of a smear.

    Parameters
    ----------
    given : iterable of Path
        Files are taken as they are; a folder stands for the image files directly in it, in the
        order of their names with numbers as numbers: ``field 2`` comes before ``field 10``.

    Returns
    -------
    list of Path
        Each file once.

    Raises
    ------
    ImageError
        If a path does not exist or a folder has no image.
    """
    found: dict[str, Path] = {}
    for place in given:
        inside = find_images([place])
        for path in sorted(inside, key=_natural) if place.is_dir() else inside:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    parts = _DIGITS.split(path.name.casefold())
    return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
