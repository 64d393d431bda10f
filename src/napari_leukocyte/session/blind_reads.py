"""A blind read that is not at its end, kept in a file beside the session's journal."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import WholeKey, parse

FILE_NAME = "blind.json"
_KEY = "blind_read"


@dataclass(frozen=True)
class StoredRead:
    """The state that a blind read is gone on with.

    Attributes
    ----------
    read : BlindRead
        How far it is.
    before : mapping of int to str
        Classes that readers had given cells before it began: they are no answers.
    """

    read: BlindRead
    before: Mapping[int, str] = field(default_factory=dict)


def save_read(folder: Path, kept: StoredRead) -> None:
    """Write a blind read into a session's folder, whole or not at all.

    Raises
    ------
    OutputError
        If it can't be written; what was written before is then as it was.
    """
    before = {str(n): name for n, name in sorted(kept.before.items())}
    write_user_file(folder / FILE_NAME, _KEY, kept.read.to_dict() | {"before": before})


def load_read(folder: Path) -> StoredRead | None:
    """Read the blind read in a session's folder.

    Returns
    -------
    StoredRead or None
        None if there is none.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """
    path = folder / FILE_NAME
    try:
        values = read_user_file(path, _KEY)
        if values is None and not path.exists():
            return None
        before = parse(dict[WholeKey, str], values["before"])
        return StoredRead(BlindRead.from_dict(values), before)
    except (ParameterError, KeyError, TypeError) as error:
        raise ParameterError(
            f"The blind read that was begun is lost, as its file is damaged: {path}."
        ) from error


def hidden_in(folder: Path, numbers: frozenset[int]) -> frozenset[int]:
    """Return which of a session's objects a read in its folder hides: all, if that is not known.

    Parameters
    ----------
    folder : Path
        The session's.
    numbers : frozenset of int
        Its objects.
    """
    try:
        kept = load_read(folder)
    except ParameterError:
        return numbers
    return frozenset() if kept is None else (kept.read.labels - kept.read.answers.keys()) & numbers


def remove_read(folder: Path) -> None:
    """Remove the blind read from a session's folder, if there is one."""
    with suppress(OSError):
        (folder / FILE_NAME).unlink()
