"""The folder of a dataset while an export works in it: lock, leftovers, pointer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    refuse_link,
)
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import atomic_write, make_folder, remove_empty


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
            f"Another export into {folder} goes on for more than {patience:g} s: try again later."
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
        raise DatasetError(f"{folder} is a file, where a folder is needed.")
    names = {p.name for p in folder.iterdir()}
    if names and not names & {POINTER, VERSIONS, LOCK}:
        raise DatasetError(f"{folder} is not empty and holds no dataset: choose another folder.")


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
