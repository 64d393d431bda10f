"""The fields of a smear's folder, and the inspection of each: key, small picture, state of work.

What is kept of them lies beside the sessions, never beside the user's images. The image and the
journal of its session are only read if they are not the same files as the last time, by their
time and size.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from napari_leukocyte.analysis.smear.fields import FieldState, state_of_work
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import find_images, read_image
from napari_leukocyte.io.validation import Whole
from napari_leukocyte.language import Sentence, joined, later
from napari_leukocyte.session.blinding import FILE_NAME as BLIND
from napari_leukocyte.session.blinding import hidden_in
from napari_leukocyte.session.restoring import JOURNAL, restore, sessions_folder

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


#: Longer side of the small pictures, px.
THUMBNAIL_PX = 160

#: Time of the last change, ns, and size, bytes; None where there is no file.
Stamp = tuple[Whole, Whole] | None


@dataclass(frozen=True)
class FieldInspection:
    """An observation of a field, and the files that it was made on.

    Attributes
    ----------
    state : FieldState
    image, journal, blind : tuple of int or None
        Time and size of the photograph, and of the files of its work and its blind read.
    """

    state: Annotated[FieldState, BeforeValidator(FieldState.from_dict)]
    image: Stamp = None
    journal: Stamp = None
    blind: Stamp = None


def inspect_field(path: Path, former: FieldInspection | None = None) -> FieldInspection:
    """Look at a field.

    Parameters
    ----------
    path : Path
        The image file.
    former : FieldInspection, optional
        What was seen the last time.

    Returns
    -------
    FieldInspection
        A file that can't be read is "damaged" and has a sentence; nothing is raised.
    """
    image = _stamp(path)
    same = former is not None and image is not None and former.image == image
    key = former.state.key if same and former is not None else ""
    if not key or not thumbnail_file(key).is_file():
        try:
            key = _read(path)
        except (LeukocyteError, MemoryError) as error:
            return FieldInspection(FieldState("damaged", problem=sentence(path, error)), image)
    journal, blind = (_stamp(sessions_folder() / key / name) for name in (JOURNAL, BLIND))
    if same and former is not None and former.state.key == key:
        known = (former.journal, former.blind) == (journal, blind)
        return FieldInspection(former.state if known else _work(key), image, journal, blind)
    return FieldInspection(_work(key), image, journal, blind)


def sentence(path: Path, error: BaseException) -> str:
    """Say in one sentence what is wrong with a field, with its name but without its folder.

    In English; :func:`napari_leukocyte.language.tr` says it in the language in use.
    """
    if isinstance(error, LeukocyteError):
        said = str(error)
        if isinstance(said, Sentence):
            said = said.exchanged(path, path.name)
        else:
            said = said.replace(str(path), path.name)
        return said if path.name in said else joined([path.name, said], ": ")
    if isinstance(error, MemoryError):
        return later(
            "{name}: there is not enough memory for an image of this size.", name=path.name
        )
    return later(
        "{name}: the analysis failed ({kind}: {error}).",
        name=path.name,
        kind=type(error).__name__,
        error=str(error),
    )


def _read(path: Path) -> str:
    """Read the pixels: return what they are known by, and leave a small picture behind."""
    rgb = normalise_image(read_image(path)).rgb
    key = image_key(rgb)
    file = thumbnail_file(key)
    if not file.is_file():
        # Without one the list still says all else.
        with suppress(LeukocyteError, OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as temporary:
                temporary.write_bytes(_small(rgb))
    return key


def _small(rgb: NDArray[np.uint8]) -> bytes:
    height, width = rgb.shape[:2]
    scale = min(1.0, THUMBNAIL_PX / max(height, width))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    small = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", small)
    if not done:
        raise ImageError("No thumbnail can be made of this photograph.")
    return encoded.tobytes()


def _work(key: str) -> FieldState:
    try:
        restored = restore(sessions_folder() / key, key)
    except LeukocyteError as error:
        return FieldState("new", key, problem=str(error))
    if restored is None:
        return FieldState("new", key)
    hidden = hidden_in(sessions_folder() / key, restored.state.numbers())
    return state_of_work(restored.state, key, restored.maps is not None, hidden)


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
