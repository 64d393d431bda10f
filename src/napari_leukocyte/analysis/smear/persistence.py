"""A smear's files on the disk: settings of its count, sign-off, and the state of its fields."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from napari_leukocyte.analysis.smear.inspection import FieldInspection
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError, OutputError, ParameterError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.json_text import read_json
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import parse

#: Longest that another program may take to write, s.
_PATIENCE = 5.0
_ENTRY, _LOOKS = "smear", "looks"


@dataclass(frozen=True)
class SmearSignOff:
    """A reader's word that the count of a smear is complete.

    Attributes
    ----------
    reader : str
        Who; empty if unknown.
    when : str
        ISO 8601, UTC.
    fields : mapping of str to str
        What each field's pixels are known by, and the checksum of what was signed.
    left_out : tuple of str
        Names of files that could not be read.
    """

    reader: str
    when: str
    fields: Mapping[str, str]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class SmearRecord:
    """The state of a smear that is kept on the disk.

    Attributes
    ----------
    settings : DifferentialSettings or None
        How it is counted; None if nobody has said so.
    sign_off : SmearSignOff or None
        The sign-off that stands.
    """

    settings: DifferentialSettings | None = None
    sign_off: SmearSignOff | None = None


#: Gets what is kept and returns what shall be.
Change = Callable[[SmearRecord], SmearRecord]


def read_record(path: Path) -> tuple[SmearRecord, str | None]:
    """Read what is kept.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    kept : SmearRecord
        Nothing, if there is no such file or it is damaged.
    sentence : str or None
        What there is to say; a damaged file is set aside.
    """
    try:
        values = read_user_file(path, _ENTRY)
        found = SmearRecord() if values is None else parse(SmearRecord, values, complete=True)
        return found, None
    except ParameterError:
        aside = path.with_suffix(".damaged.json")
        with suppress(OSError):
            os.replace(path, aside)  # noqa: PTH105 - as in io.atomic
        return SmearRecord(), (
            "The settings and the sign-off of this smear were damaged and are gone; the work on "
            f"its fields is not touched. The damaged file is now {aside}."
        )


def change_record(path: Path, change: Change) -> SmearRecord:
    """Change what is kept, whoever else does so at the same time.

    Parameters
    ----------
    path : Path
        The file.
    change : callable
        Gets what is kept now and returns what shall be.

    Returns
    -------
    SmearRecord
        As it is then.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"), timeout=_PATIENCE, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise OutputError(
                "Another program keeps the state of this smear from being written."
            ) from None
    try:
        former = read_record(path)[0]
        kept = change(former)
        if kept != former:
            write_user_file(path, _ENTRY, asdict(kept))
        return kept
    finally:
        lock.release()


def read_inspections(path: Path) -> dict[str, FieldInspection]:
    """Return what was seen of files the last time, by path; nothing if that can't be read."""
    try:
        return parse(dict[str, dict[str, FieldInspection]], read_json(path, ParameterError))[_LOOKS]
    except (ParameterError, KeyError, TypeError):
        return {}


def write_inspections(path: Path, looks: Mapping[str, FieldInspection]) -> None:
    """Write what was seen of files; a failure costs only time at the next opening."""
    text = json.dumps({_LOOKS: {p: asdict(v) for p, v in looks.items()}})
    with suppress(LeukocyteError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def without_sign_off(kept: SmearRecord) -> SmearRecord:
    """Return the same without the sign-off."""
    return replace(kept, sign_off=None)
