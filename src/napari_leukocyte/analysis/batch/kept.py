"""Results of tasks, kept beside the run's until it is complete.

A result is a file with the key of all that it was made from, written whole or not at all. A task
whose result is there with its own key has nothing to do: a run that was killed goes on from there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from napari_leukocyte.analysis.slide.cells import read_table, write_table
from napari_leukocyte.errors import FormatError, OutputError
from napari_leukocyte.io import json_text
from napari_leukocyte.io.atomic import as_output_error, atomic_write

#: Folder within that of the results, gone when the run is complete.
FOLDER = ".napari-leukocyte-run"
#: Names of what a killed write leaves behind.
_LEFT_BEHIND = (".napari-leukocyte-????????", ".labels.zarr-*", ".objects-*")


def kept_folder(out: Path) -> Path:
    """Return the folder of a run's kept results."""
    return out / FOLDER


def keep_table(path: Path, key: str, table: pd.DataFrame, about: Mapping[str, Any]) -> None:
    """Keep a table and what is to be known of it.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, table, {"key": key, **about})


def kept_table(path: Path, key: str) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Return what `keep_table` kept; None if there is nothing whole with this key."""
    if not path.is_file():
        return None
    try:
        table, about = read_table(path)
    except FormatError:
        return None
    return (table, about) if about.pop("key", None) == key else None


def keep_json(path: Path, key: str, about: Mapping[str, Any]) -> None:
    """Keep what JSON can hold; see `keep_table`."""
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_bytes(json_text.dumps({"key": key, **about}))


def kept_json(path: Path, key: str) -> dict[str, Any] | None:
    """Return what `keep_json` kept; None if there is nothing whole with this key."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(found, dict) and found.pop("key", None) == key
    return found if same else None


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Keep other runs out of a folder of results.

    Raises
    ------
    OutputError
        If another run is at work in it.
    """
    from filelock import FileLock, Timeout

    folder = kept_folder(out)
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputError(f"Another run is writing to {out}: wait for it, or end it.") from error
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            (folder / "lock").unlink()
        with suppress(OSError):
            folder.rmdir()


def sweep(folder: Path) -> None:
    """Remove what writes that were killed have left behind in a folder."""
    for pattern in _LEFT_BEHIND:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def forget(out: Path) -> None:
    """Remove all kept results of a run that is complete."""
    for path in kept_folder(out).glob("*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "lock":
            path.unlink(missing_ok=True)
