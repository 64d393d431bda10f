"""Atomic writes: what is there is always whole, the old file or the new one.

Everything is written into a staging place beside its target, flushed to the disk, and moved.
Whole folders are replaced by :mod:`napari_leukocyte.io.replace`, over the same staging.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from napari_leukocyte.errors import OutputError
from napari_leukocyte.language import later

#: Files that are flushed at once: the disk flushes many small ones together if asked together.
_FLUSHED_AT_ONCE = 8
_REASONS = {
    errno.ENOSPC: later("the disk is full"),
    errno.EDQUOT: later("the disk is full"),
    errno.EACCES: later("writing there is not permitted"),
    errno.EPERM: later("writing there is not permitted"),
    errno.EROFS: later("the disk is read-only"),
    errno.ENOTDIR: later("a part of its path is a file, not a folder"),
    errno.EEXIST: later("a file of that name is in the way"),
    errno.EISDIR: later("a folder of that name is in the way"),
    errno.ENAMETOOLONG: later("the name is too long"),
}


@contextmanager
def as_output_error(path: Path) -> Iterator[None]:
    """Turn an operating system's error into one sentence.

    Parameters
    ----------
    path : Path
        What is being written.

    Raises
    ------
    OutputError
        In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise OutputError("{path} can't be written: {reason}.", path=path, reason=reason) from error


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl+C take effect only after what is inside; it must be short.

    Outside the main thread, which alone is interrupted, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held and callable(before):
        before(*held[0])


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write one file whole or not at all.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists. Its folder must exist.

    Yields
    ------
    Path
        File in the same folder that the caller writes; it takes the place of `path` at the end, or
        is removed if anything goes wrong.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    with as_output_error(path):
        # Through a link, the file that it points to is meant.
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
        try:
            yield temporary
            _flush(temporary)
            os.replace(temporary, target)  # noqa: PTH105 - one name for both moves of this module
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def staged(place: Path, made: Sequence[Path] = ()) -> Iterator[Path]:
    """Empty folder that is filled before anything moves to where it belongs.

    Parameters
    ----------
    place : Path
        The folder, which must not exist; on the same file system as the target.
    made : sequence of Path
        Folders from `make_folder` that are removed again, if they are empty, when anything goes
        wrong.

    Yields
    ------
    Path
        `place`. When the block ends, whatever is still there is removed.

    Raises
    ------
    OSError
        What the operating system says; see `as_output_error`.
    """
    complete = False
    try:
        place.mkdir()
        yield place
        complete = True
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if not complete:
            remove_empty(made)


@contextmanager
def write_together(
    folder: Path, names: Sequence[str], *, overwrite: bool = False
) -> Iterator[Path]:
    """Write several files of a folder, all of them or none.

    Parameters
    ----------
    folder : Path
        Made if it does not exist, with the folders above it.
    names : sequence of str
        The files. One that the caller does not write is removed if it exists, as it would belong
        to an earlier result.
    overwrite : bool
        Whether existing files may be replaced.

    Yields
    ------
    Path
        Folder that the caller writes the files to; they are moved from there at the end.

    Raises
    ------
    OutputError
        If a file exists and may not be replaced, or anything can't be written. Existing files
        are then as they were.
    """
    if not overwrite:
        refuse_existing(folder, names)
    with named(folder):
        made = make_folder(folder)
        with staged(folder / f".napari-leukocyte-{secrets.token_hex(4)}", made) as staging:
            yield staging
            flush(staging)
            if not overwrite:
                refuse_existing(folder, names)
            _move(staging, folder, names)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Say what the user asked for where an error names a file that is only passing.

    Raises
    ------
    OutputError
        In place of any OSError, and of an OutputError about a file of the staging place.
    """
    with as_output_error(path):
        try:
            yield
        except OutputError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise


def refuse_existing(folder: Path, names: Sequence[str]) -> None:
    """Raise OutputError if files of these names exist in a folder."""
    existing = [name for name in names if os.path.lexists(folder / name)]
    if existing:
        raise OutputError(
            "{folder} already holds {names}: choose another folder or allow overwriting.",
            folder=folder,
            names=", ".join(existing),
        )


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the ones that were made, outermost first."""
    missing = []
    current = folder
    while not os.path.lexists(current):
        missing.append(current)
        current = current.parent
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that `make_folder` made, unless something is in them."""
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def flush(folder: Path) -> None:
    """Have a folder's files on the disk: a move must not get there before what is moved."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    if len(files) < 2:
        for file in files:
            _flush(file)
        return
    with ThreadPoolExecutor(_FLUSHED_AT_ONCE) as pool:
        for _ in pool.map(_flush, files):
            pass


def _flush(file: Path) -> None:
    with file.open("rb+") as f:
        os.fsync(f.fileno())


def _move(staging: Path, folder: Path, names: Sequence[str]) -> None:
    """Move files into place; if one move fails, undo the others."""
    previous = staging / "previous"
    previous.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            target = folder / name
            if os.path.lexists(target):
                _keep(target, previous / name)
            moved.append(name)
            if (staging / name).exists():
                os.replace(staging / name, target)  # noqa: PTH105 - as above
            else:
                target.unlink(missing_ok=True)
    except BaseException:
        for name in reversed(moved):
            with suppress(OSError):
                if os.path.lexists(previous / name):
                    os.replace(previous / name, folder / name)  # noqa: PTH105 - as above
                else:
                    (folder / name).unlink(missing_ok=True)
        raise


def _keep(file: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(file)
    except OSError:
        # Not every file system has hard links.
        shutil.copy2(file, copy)
