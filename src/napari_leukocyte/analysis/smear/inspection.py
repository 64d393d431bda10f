"""The inspection of a field: its image key, a small picture, and how far the work is.

Both the image and the journal of its session are only read if they are not the same files as the
last time, by their time and size.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from napari_leukocyte.analysis.smear.fields import FieldState, state_of_work
from napari_leukocyte.analysis.smear.places import thumbnail_file
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.validation import Whole
from napari_leukocyte.session.blind_reads import FILE_NAME as BLIND
from napari_leukocyte.session.blind_reads import hidden_in
from napari_leukocyte.session.folders import sessions_folder
from napari_leukocyte.session.restoring import JOURNAL, restore

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
    """Say in one sentence what is wrong with a field, with its name but without its folder."""
    if isinstance(error, LeukocyteError):
        text = str(error).replace(str(path), path.name)
        return text if path.name in text else f"{path.name}: {text}"
    if isinstance(error, MemoryError):
        return f"{path.name}: there is not enough memory for an image of this size."
    return f"{path.name}: the analysis failed ({type(error).__name__}: {error})."


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
        raise ImageError("A small picture can't be made.")
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
