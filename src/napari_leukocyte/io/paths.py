"""Names of the folders that images' results get."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImageFolder:
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


#: Bytes of the longest name of a file.
_LONGEST_NAME = 255


def plan(images: Sequence[str], reserved: Iterable[str] = (), room: int = 0) -> list[ImageFolder]:
    """Choose the folder of each image's results.

    Parameters
    ----------
    images : sequence of str
        Paths.
    reserved : iterable of str
        Names that no folder may have.
    room : int
        Bytes that are put behind a folder's name, such as an ending; longer names are cut.

    Returns
    -------
    list of ImageFolder
        A folder has its image's name without the ending. Further images of the same name get
        ``-2``, ``-3`` and so on, in the order given, but never a name that another image has.
    """
    stems = [_cut(_stem(image), _LONGEST_NAME - room) for image in images]
    natural = {_key(stem) for stem in stems}
    used = {_key(name) for name in reserved}
    jobs = []
    for image, stem in zip(images, stems, strict=True):
        folder, number = stem, 1
        while _key(folder) in used or (number > 1 and _key(folder) in natural):
            number += 1
            behind = f"-{number}"
            folder = _cut(stem, _LONGEST_NAME - room - len(behind)) + behind
        used.add(_key(folder))
        jobs.append(ImageFolder(image, folder))
    return jobs


def _stem(image: str) -> str:
    path = Path(image)
    # "...png" has the stem "..", which is a folder elsewhere.
    return path.name if path.stem.strip(". ") == "" else path.stem


def _cut(name: str, most: int) -> str:
    """Return the beginning of a name that has at most so many bytes."""
    data = name.encode("utf-8", "surrogateescape")
    return name if len(data) <= most else data[:most].decode(errors="ignore").rstrip(". ")


def _key(name: str) -> str:
    """Return what two names have in common that are one on some file system."""
    return unicodedata.normalize("NFC", name).casefold()
