"""A smear's files on the disk: settings of its count, sign-off, and the state of its fields."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from napari_leukocyte.analysis.smear.inspection import FieldInspection
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError, OutputError, ParameterError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.user_files import read_user_file, write_user_file

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
    fields: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


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
        return (SmearRecord() if values is None else _kept(values)), None
    except (ParameterError, ValueError, TypeError, KeyError, AttributeError):
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
            write_user_file(path, _ENTRY, _as_json(kept))
        return kept
    finally:
        lock.release()


def read_inspections(path: Path) -> dict[str, FieldInspection]:
    """Return what was seen of files the last time, by path; nothing if that can't be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(p): FieldInspection.from_dict(v) for p, v in data[_LOOKS].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_inspections(path: Path, looks: Mapping[str, FieldInspection]) -> None:
    """Write what was seen of files; a failure costs only time at the next opening."""
    text = json.dumps({_LOOKS: {p: v.to_dict() for p, v in looks.items()}})
    with suppress(LeukocyteError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def without_sign_off(kept: SmearRecord) -> SmearRecord:
    """Return the same without the sign-off."""
    return replace(kept, sign_off=None)


def _kept(values: Any) -> SmearRecord:
    settings, signed = values["settings"], values["sign_off"]
    return SmearRecord(
        None if settings is None else DifferentialSettings.from_dict(settings),
        None
        if signed is None
        else SmearSignOff(
            str(signed["reader"]),
            str(signed["when"]),
            {str(k): str(d) for k, d in signed["fields"].items()},
            tuple(str(n) for n in signed["left_out"]),
        ),
    )


def _as_json(kept: SmearRecord) -> dict[str, Any]:
    signed = kept.sign_off
    return {
        "settings": None if kept.settings is None else kept.settings.to_dict(),
        "sign_off": None
        if signed is None
        else {
            "reader": signed.reader,
            "when": signed.when,
            "fields": dict(signed.fields),
            "left_out": list(signed.left_out),
        },
    }
