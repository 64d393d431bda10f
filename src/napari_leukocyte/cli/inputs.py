"""What the command line gives: images, parameters, diameter."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.images.reading import find_images


@dataclass(frozen=True)
class Job:
    """One image and where its results go.

    Attributes
    ----------
    image : str
        The path as given: of a file as it was typed, of a file in a folder the folder as typed and
        the file's name.
    folder : str
        Name of the folder of its results.
    """

    image: str
    folder: str


def list_images(paths: Sequence[str]) -> list[str]:
    """List the images that paths stand for, each file once.

    Parameters
    ----------
    paths : sequence of str
        Files and folders, as typed.

    Returns
    -------
    list of str
        In the order given, a folder's files sorted by name. A file that is reached in two ways
        (twice in the list, through its folder, by a link) is listed as it came first: its cells
        must not be counted twice.

    Raises
    ------
    ImageError
        If a path does not exist or is neither file nor folder, or a folder can't be read or has
        no image.
    """
    found: dict[str, str] = {}
    for given in paths:
        path = Path(given)
        try:
            inside = find_images([path])
        except OSError as error:
            raise ImageError(f"{given} can't be read: {error.strerror or error}.") from error
        if path.is_dir():
            # Not Path's "/", which would change what was typed.
            names = [os.path.join(given, p.name) for p in inside]  # noqa: PTH118
        elif path.is_file():
            names = [given]
        else:
            raise ImageError(f"{given} is neither a file nor a folder.")
        for name in names:
            found.setdefault(os.path.realpath(name), name)
    return list(found.values())


def plan(images: Sequence[str], reserved: Iterable[str] = ()) -> list[Job]:
    """Choose the folder of each image's results.

    Parameters
    ----------
    images : sequence of str
        Paths.
    reserved : iterable of str
        Names that no folder may have.

    Returns
    -------
    list of Job
        A folder has its image's name without the ending. Further images of the same name get
        ``-2``, ``-3`` and so on, in the order given, but never a name that another image has.
    """
    stems = [_stem(image) for image in images]
    natural = {_key(stem) for stem in stems}
    used = {_key(name) for name in reserved}
    jobs = []
    for image, stem in zip(images, stems, strict=True):
        folder, number = stem, 1
        while _key(folder) in used or (number > 1 and _key(folder) in natural):
            number += 1
            folder = f"{stem}-{number}"
        used.add(_key(folder))
        jobs.append(Job(image, folder))
    return jobs


def _stem(image: str) -> str:
    path = Path(image)
    # "...png" has the stem "..", which is a folder elsewhere.
    return path.name if path.stem.strip(". ") == "" else path.stem


def _key(name: str) -> str:
    """Return what two names have in common that are one on some file system."""
    return unicodedata.normalize("NFC", name).casefold()


def parse_diameter(text: str) -> float | Literal["auto"]:
    """Read a diameter: ``auto``, or pixels.

    Raises
    ------
    ParameterError
        If it is neither; whether it lies in its range is checked where it is used.
    """
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise ParameterError(
            f'--diameter is {text!r}; it must be a number of pixels or "auto".'
        ) from error
