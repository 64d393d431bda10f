"""Replacement of files and whole folders: the old one stays until the new one is complete."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import (
    as_output_error,
    atomic_write,
    flush,
    make_folder,
    named,
    remove_empty,
    staged,
)

# Of Linux's renameat2(2): paths below the working folder, and two names that change places.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def replace_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Write a file whole or not at all, making its folder if need be.

    Parameters
    ----------
    path : Path
        The file.
    overwrite : bool
        Whether it may exist.

    Yields
    ------
    Path
        What the caller writes; it takes the place of `path` at the end.

    Raises
    ------
    OutputError
        If it exists and may not, or can't be written.
    """
    if os.path.lexists(path) and not overwrite:
        raise OutputError("{path} exists: choose another name or allow overwriting.", path=path)
    if path.is_dir():
        raise OutputError("{path} is a folder where a file is to be written.", path=path)
    with as_output_error(path):
        made = make_folder(path.parent)
    complete = False
    try:
        with named(path), atomic_write(path) as staging:
            yield staging
        complete = True
    finally:
        if not complete:
            remove_empty(made)


@contextmanager
def replace_folder(
    folder: Path,
    owns: Sequence[str],
    *,
    overwrite: bool,
    is_ours: Callable[[Path], bool] | None = None,
) -> Iterator[Path]:
    """Write a folder whole or not at all.

    Parameters
    ----------
    folder : Path
        The folder.
    owns : sequence of str
        Patterns of what may be replaced, relative to the folder.
    overwrite : bool
        Whether the folder may hold something.
    is_ours : callable, optional
        Tells of an existing folder whether it is one that may be replaced.

    Yields
    ------
    Path
        An empty folder that the caller fills; it takes the place of `folder` at the end.

    Raises
    ------
    OutputError
        If something is there that may not be replaced, or the folder can't be written.
    """
    target = Path(os.path.realpath(folder))
    with named(folder):
        _check_replaceable(folder, target, owns, overwrite, is_ours)
        made = make_folder(target.parent)
        place = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        with staged(place, made) as staging:
            yield staging
            flush(staging)
            _check_replaceable(folder, target, owns, overwrite, is_ours)
            _put(staging, target)


def _check_replaceable(
    folder: Path,
    target: Path,
    owns: Sequence[str],
    overwrite: bool,
    is_ours: Callable[[Path], bool] | None,
) -> None:
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputError("{folder} is a file where a folder is to be written.", folder=folder)
    inside = [p for p in target.rglob("*") if p.is_symlink() or not p.is_dir()]
    if not inside and is_ours is None:
        return
    if not overwrite:
        raise OutputError(
            "{folder} exists and is not empty: choose another folder or allow overwriting.",
            folder=folder,
        )
    others = [p for p in inside if not _owned(p.relative_to(target).as_posix(), owns)]
    if others or (is_ours is not None and not is_ours(target)):
        named = others[0].relative_to(target) if others else "other files"
        raise OutputError(
            "{folder} holds {named}, which this format did not write: choose another folder.",
            folder=folder,
            named=named,
        )


def _owned(path: str, owns: Sequence[str]) -> bool:
    return any(fnmatch(path, o) and ("**" in o or path.count("/") == o.count("/")) for o in owns)


def _put(staging: Path, target: Path) -> None:
    """Let a folder take the place of another, which may not be there."""
    if not target.is_dir():
        staging.rename(target)
    elif not _exchange(staging, target):
        # Where two names can't change places at once, the old folder is whole under another name
        # for a moment.
        aside = staging.with_name(staging.name + "-old")
        target.rename(aside)
        try:
            staging.rename(target)
        except BaseException:
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names at once, where the system can; say whether it did."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EPERM):  # not on this file system
        return False
    raise OSError(number, os.strerror(number), str(other))
