"""Layout of a dataset on the disk: names, limits, and paths that stay inside its folder.

::

    DIR/dataset.json                 which version is the newest
    DIR/versions/0001/manifest.json  what is in it, with the checksum of every file
                     /objects.csv, objects.parquet
                     /images/, labels/, provenance/
                     /crops/train/CLASS/, crops/validation/CLASS/, crops/test/CLASS/
                     /datasheet.md, datasheet.html, croissant.json
"""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from napari_leukocyte.counting.own_classes import load_own_classes
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.io.validation import Truth
from napari_leukocyte.reporting.drawing import UNCLASSIFIED
from napari_leukocyte.vocabulary import CLASSES, GROUPS, CellClass

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = get_args(Side)

#: Version of the layout that is written and read.
SCHEMA_VERSION = 1
KIND = "napari-leukocyte dataset"
POINTER, LOCK, VERSIONS = "dataset.json", ".lock", "versions"
MANIFEST, CSV, PARQUET = "manifest.json", "objects.csv", "objects.parquet"
DATASHEET, DATASHEET_HTML, CROISSANT = "datasheet.md", "datasheet.html", "croissant.json"
IMAGES, LABELS, PROVENANCE, CROPS = "images", "labels", "provenance", "crops"
#: What a version that is being written is called until it is whole.
STAGING = ".staging-"

#: Larger files are none of ours, bytes: what is read whole must fit into memory.
LARGEST_JSON, LARGEST_TABLE = 256_000_000, 2_000_000_000
#: Most pixels of an image: as much as the largest photographs of whole fields, ten times over.
MOST_PIXELS = 500_000_000

_VERSION = re.compile(r"\d{4,9}")
_UNSAFE = re.compile(r"[^\w.-]+")
#: Longest name of a file without its ending: some systems end at 255 bytes.
_LONGEST = 80
#: Names that Windows keeps for devices.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
)


class DatasetError(LeukocyteError):
    """A dataset that is missing, damaged or not one."""


def version_name(version: int) -> str:
    """Return the name of a version's folder."""
    return f"{version:04d}"


def versions_in(folder: Path) -> list[int]:
    """List the versions of a dataset, oldest first; unfinished ones are none."""
    try:
        inside = list((folder / VERSIONS).iterdir())
    except OSError:
        return []
    return sorted(
        int(p.name)
        for p in inside
        if _VERSION.fullmatch(p.name) and not p.is_symlink() and (p / MANIFEST).is_file()
    )


def safe_name(text: str) -> str:
    """Return a text as the name of a file or folder on any system.

    Letters and digits of all scripts, points, dashes and underscores stay.
    """
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip("._ ")
    name = name.encode()[:_LONGEST].decode(errors="ignore") or "unnamed"
    return f"{name}_" if name.casefold() in _DEVICES else name


def is_safe(name: str) -> bool:
    """Whether a text can be the name of a file here: `safe_name` makes only such."""
    return bool(name) and not name.startswith(".") and not _UNSAFE.search(name)


def unique_name(text: str, taken: Iterable[str]) -> str:
    """Return `safe_name` of a text with ``-2``, ``-3`` and so on where others have it."""
    used = {name.casefold() for name in taken}
    base = name = safe_name(text)
    number = 1
    while name.casefold() in used:
        number += 1
        name = f"{base}-{number}"
    return name


def inside(folder: Path, relative: object) -> Path:
    """Return a file of a version by the path that its manifest gives.

    Parameters
    ----------
    folder : Path
        Of the version.
    relative : object
        Should be a path with ``/`` that stays in the folder.

    Raises
    ------
    DatasetError
        If it is no such path, or leads through a link.
    """
    bad = DatasetError(
        f"The dataset in {folder} names a file outside itself: {str(relative)[:80]!r}."
    )
    if not isinstance(relative, str) or not relative or "\\" in relative or "\0" in relative:
        raise bad
    pure = PurePosixPath(relative)
    if pure.is_absolute() or ".." in pure.parts or ":" in relative or str(pure) != relative:
        raise bad
    path = folder
    for part in pure.parts:
        path = path / part
        refuse_link(path)
    return path


def refuse_link(path: Path) -> None:
    """Raise DatasetError if a path is a symbolic link: it could lead anywhere."""
    try:
        linked = stat.S_ISLNK(path.lstat().st_mode)
    except OSError:
        return
    if linked:
        raise DatasetError(f"{path} is a link, which a dataset must not hold.")


def refuse_unlike(path: Path, largest: int | None = None) -> int:
    """Return the size of a file, bytes; raise DatasetError if it is none, or is too large."""
    try:
        found = path.lstat()
    except OSError as error:
        raise DatasetError(f"{path} is missing or can't be read.") from error
    if not stat.S_ISREG(found.st_mode):
        raise DatasetError(f"{path} is not a file.")
    if largest is not None and found.st_size > largest:
        raise DatasetError(f"{path} is too large: {found.st_size} bytes.")
    return found.st_size


@dataclass(frozen=True)
class DatasetClass:
    """A class of cell in a dataset.

    Attributes
    ----------
    name, color, key, counted
        See :class:`napari_leukocyte.vocabulary.CellClass`.
    folder : str
        Of its crops.
    """

    name: str
    color: str
    key: str
    counted: Truth
    folder: str

    def cell_class(self) -> CellClass:
        """Return the class without its folder."""
        return CellClass(self.name, self.color, self.key, self.counted)


def gather_classes(
    names: Iterable[str], former: Sequence[DatasetClass] = ()
) -> tuple[DatasetClass, ...]:
    """Return the classes of a dataset.

    Parameters
    ----------
    names : iterable of str
        Of the objects.
    former : sequence of DatasetClass
        Those of the version before, which all stay: nobody's indices may change because a class
        has lost its last cell.

    Returns
    -------
    tuple of DatasetClass
        In the vocabulary's order, then the user's own, then others by name. Folders stay as they
        were.
    """
    try:
        own = load_own_classes()
    except ParameterError:
        own = ()
    known = {c.name: c for c in (*CLASSES, *GROUPS, *own)}
    earlier = {c.name: c for c in former}
    wanted = set(names) | set(earlier)
    order = [n for n in known if n in wanted] + sorted(wanted - set(known))
    folders = [c.folder for c in former]
    result = []
    for name in order:
        if name in earlier:
            result.append(earlier[name])
            continue
        folder = unique_name(name.lower(), folders)
        folders.append(folder)
        found = known.get(name) or CellClass(name, UNCLASSIFIED, "", counted=False)
        result.append(DatasetClass(name, found.color, found.key, found.counted, folder))
    return tuple(result)
