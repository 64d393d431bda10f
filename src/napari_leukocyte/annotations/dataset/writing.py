"""Write the files of one photograph into the version that is being made."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from napari_leukocyte.annotations.dataset.crops import as_png, cut_crops
from napari_leukocyte.annotations.dataset.field import Field
from napari_leukocyte.annotations.dataset.layout import (
    CROPS,
    IMAGES,
    LABELS,
    PROVENANCE,
    DatasetError,
    inside,
    refuse_unlike,
)
from napari_leukocyte.annotations.dataset.manifest import FileEntry
from napari_leukocyte.annotations.dataset.provenance import Event, chained
from napari_leukocyte.io.images.reading import IMAGE_SUFFIXES
from napari_leukocyte.reporting.labels_file import encode_labels

#: Where crops wait until the side of their photograph is known.
PENDING = ".pending"
#: Files that are brought to the disk at a time: it can order them then.
_FLUSHERS = 8
_CHUNK = 1 << 20


@dataclass
class Staging:
    """The folder of a version that is not whole yet.

    Attributes
    ----------
    folder : Path
        Where it lies.
    files : dict of str to FileEntry
        What is in it.
    written : list of str
        Those of them that are no links to an earlier version.
    """

    folder: Path
    files: dict[str, FileEntry] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Return where a file lies; its folder is made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, data: bytes) -> FileEntry:
        """Write a file."""
        self.path(name).write_bytes(data)
        return self._note(name, FileEntry(hashlib.sha256(data).hexdigest(), len(data)))

    def copy(self, name: str, source: Path) -> FileEntry:
        """Copy a file as it is."""
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as given, self.path(name).open("wb") as taken:
            while chunk := given.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                taken.write(chunk)
        return self._note(name, FileEntry(digest.hexdigest(), size))

    def add(self, name: str) -> FileEntry:
        """Take a file into the list that something else has written."""
        data = self.path(name).read_bytes()
        return self._note(name, FileEntry(hashlib.sha256(data).hexdigest(), len(data)))

    def move(self, name: str, to: str) -> None:
        """Move a file that was written."""
        self.path(name).rename(self.path(to))
        self.files[to] = self.files.pop(name)
        self.written[self.written.index(name)] = to

    def link(self, name: str, former: Path, entry: FileEntry) -> None:
        """Have a file of an earlier version in this one, too.

        Raises
        ------
        DatasetError
            If it is not there or has another size.
        """
        source, target = inside(former, name), self.path(name)
        if refuse_unlike(source) != entry.bytes:
            raise DatasetError(f"{source} is damaged: export its photograph again.")
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:
            # Not every file system has hard links, and some files have too many.
            shutil.copy2(source, target)
            self.written.append(name)
        self.files[name] = entry

    def flush(self) -> None:
        """Have everything on the disk: the rename must not get there before."""
        with ThreadPoolExecutor(_FLUSHERS) as pool:
            list(pool.map(self._flush, self.written))

    def _flush(self, name: str) -> None:
        with (self.folder / name).open("rb+") as file:
            os.fsync(file.fileno())

    def _note(self, name: str, entry: FileEntry) -> FileEntry:
        self.files[name] = entry
        self.written.append(name)
        return entry


@dataclass
class WrittenFiles:
    """The files of a photograph.

    Attributes
    ----------
    image : str or None
        Of the photograph.
    reference : dict or None
        Where it lies if it was not copied.
    labels, provenance : str
        Of the label image and of the log.
    erased : str or None
        Of the mask of removed objects.
    head : str
        Hash of the log's last line.
    entries : int
        How many lines it has.
    crops : dict of int to str
        Pending crops by object.
    """

    image: str | None
    reference: dict[str, Any] | None
    labels: str
    provenance: str
    erased: str | None
    head: str
    entries: int
    crops: dict[int, str]


def write_field(
    staging: Staging,
    given: Field,
    name: str,
    key: str,
    *,
    copy: bool,
    log: bytes = b"",
    head: str = "",
    events: list[Event],
) -> WrittenFiles:
    """Write everything of a photograph but the table.

    Parameters
    ----------
    staging : Staging
        Where to.
    given : Field
        The photograph.
    name : str
        What its files are called.
    key : str
        Image key (SHA-256 of its pixels).
    copy : bool
        Whether the photograph is copied, rather than its path and checksum kept.
    log : bytes
        Its log so far, which stays as it is.
    head : str
        Hash of the log's last line; empty without one.
    events : list of Event
        What is added to the log.
    """
    image, reference = _write_image(staging, given, name, copy=copy)
    labels = f"{LABELS}/{name}.tif"
    encoded = BytesIO()
    encode_labels(encoded, given.labels)
    staging.write(labels, encoded.getvalue())
    erased = None
    if given.erased is not None:
        erased = f"{LABELS}/{name}-erased.png"
        staging.write(erased, as_png(given.erased.astype(np.uint8) * np.uint8(255)))
    provenance = f"{PROVENANCE}/{name}.jsonl"
    lines, new_head = chained(events, head or key)
    staging.write(provenance, log + lines)
    entries = log.count(b"\n") + len(events)
    return WrittenFiles(
        image,
        reference,
        labels,
        provenance,
        erased,
        new_head,
        entries,
        _write_crops(staging, given, name),
    )


def digest_of(given: Field, *, copy: bool) -> str:
    """Return a checksum of all of a field that goes into a dataset, but its history."""
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(json.dumps(values, sort_keys=True, default=str).encode())

    add(given.name, given.group, sorted(given.left_out), dict(given.record), copy)
    if not copy and given.file is not None:
        add(os.fspath(given.file.absolute()))
    for array in (given.rgb, given.labels, given.erased):
        if array is not None:
            add(array.shape, array.dtype.str)
            digest.update(np.ascontiguousarray(array).data)
    table = given.table
    add([str(c) for c in table])
    for name in table:
        add(table[name].tolist())
    return digest.hexdigest()


def _write_image(
    staging: Staging, given: Field, name: str, *, copy: bool
) -> tuple[str | None, dict[str, Any] | None]:
    file = given.file
    if file is not None and not copy:
        with file.open("rb") as opened:
            checksum = hashlib.file_digest(opened, "sha256").hexdigest()
        path = os.fspath(file.absolute())
        return None, {"path": path, "sha256": checksum, "bytes": file.stat().st_size}
    if file is not None and file.suffix.lower() in IMAGE_SUFFIXES:
        target = f"{IMAGES}/{name}{file.suffix.lower()}"
        staging.copy(target, file)
        return target, None
    target = f"{IMAGES}/{name}.png"
    staging.write(target, as_png(given.rgb))
    return target, None


def _write_crops(staging: Staging, given: Field, name: str) -> dict[int, str]:
    table = given.table
    classified = set(table.loc[table["class"].notna(), "label"].tolist())
    crops: dict[int, str] = {}
    for label, crop in cut_crops(given.rgb, given.labels):
        if label in classified:
            crops[label] = f"{PENDING}/{name}_{label:04d}.png"
            staging.write(crops[label], as_png(crop))
    return crops


def settle_crops(
    staging: Staging, crops: dict[int, str], side: str, folders: Mapping[int, str]
) -> dict[int, str]:
    """Move a photograph's crops into the folders of side and class.

    Parameters
    ----------
    staging : Staging
        Where they lie.
    crops : dict of int to str
        Pending ones by object.
    side : str
        Of the split.
    folders : mapping of int to str
        The class's folder by object.

    Returns
    -------
    dict of int to str
        Their places by object.
    """
    settled = {}
    for label, pending in crops.items():
        settled[label] = f"{CROPS}/{side}/{folders[label]}/{Path(pending).name}"
        staging.move(pending, settled[label])
    return settled
