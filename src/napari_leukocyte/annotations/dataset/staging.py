"""The folder of a dataset while an export works in it: lock, staged version, pointer, leftovers."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from napari_leukocyte.annotations.dataset.layout import (
    KIND,
    LOCK,
    POINTER,
    SCHEMA_VERSION,
    STAGING,
    VERSIONS,
    DatasetError,
    inside,
    refuse_link,
    refuse_unlike,
)
from napari_leukocyte.annotations.dataset.manifest import FileEntry
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import atomic_write, make_folder, remove_empty

#: Files that are brought to the disk at a time: it can order them then.
_FLUSHERS = 8
#: Bytes that are copied at a time.
_CHUNK = 1 << 20


@contextmanager
def locked_folder(folder: Path, patience: float) -> Iterator[None]:
    """Make the folder if need be, and keep other exports out."""
    refuse_foreign(folder)
    made = make_folder(folder)
    for name in (LOCK, VERSIONS, POINTER):
        refuse_link(folder / name)
    lock = FileLock(folder / LOCK, timeout=patience, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            "Another export has been writing to {folder} for more than {patience:g} s: try "
            "again later.",
            folder=folder,
            patience=patience,
        ) from None
    try:
        yield
    finally:
        # An export that comes to nothing leaves no folder that was not there.
        with suppress(OSError):
            (folder / VERSIONS).rmdir()
            if made:
                (folder / LOCK).unlink()
        lock.release()
        remove_empty(made)


def refuse_foreign(folder: Path) -> None:
    """Raise DatasetError if a folder holds something, and no dataset."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise DatasetError("{folder} is a file, where a folder is needed.", folder=folder)
    names = {p.name for p in folder.iterdir()}
    if names and not names & {POINTER, VERSIONS, LOCK}:
        raise DatasetError(
            "{folder} is not empty and holds no dataset: choose another folder.", folder=folder
        )


def remove_leftovers(folder: Path) -> None:
    """Remove what exports left that were stopped; nobody else is at work."""
    versions_ = folder / VERSIONS
    found = list(versions_.iterdir()) if versions_.is_dir() else []
    for path in found:
        if path.name.startswith(STAGING):
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path, ignore_errors=True)
    # Of the pointer, as `io.atomic` calls what it has not moved yet.
    for path in folder.glob(f".{Path(POINTER).stem}-*{Path(POINTER).suffix}"):
        path.unlink(missing_ok=True)


def point(folder: Path, version: int, checksum: str) -> None:
    """Have the pointer say which version is the newest."""
    values = {"schema": SCHEMA_VERSION, "kind": KIND, "current": version, "manifest": checksum}
    text = json.dumps(values, indent=1) + "\n"
    path = folder / POINTER
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
            raise DatasetError("{source} is damaged: export its photograph again.", source=source)
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
