"""A smear's files on the disk: settings of its count, sign-off, state and cells of its fields."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from napari_leukocyte.analysis.smear.inspection import FieldInspection
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError, OutputError, ParameterError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.json_text import read_json
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import parse
from napari_leukocyte.schema import LABEL
from napari_leukocyte.version import __version__

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


#: Time, ns, and size, bytes, of a journal and of a blind read; None where there is none.
Stamp = tuple[tuple[int, int] | None, ...]
#: In the file's own description: what follows, by field, and which version wrote it.
_CELLS_ENTRY = b"napari_leukocyte_cells"


@dataclass(frozen=True, eq=False)
class KeptCells:
    """The cells of a field, and the files that they were read from.

    Attributes
    ----------
    stamp : tuple
        See `Stamp`.
    table : pandas.DataFrame
        As it may be shown.
    """

    stamp: Stamp
    table: pd.DataFrame


def read_cells(path: Path) -> dict[str, KeptCells]:
    """Return what is kept, by the key of the field's pixels; nothing if that can't be read.

    A file of another version of the package is passed over: its columns may be others.
    """
    import pyarrow
    import pyarrow.parquet

    if not path.is_file():
        return {}
    try:
        stored = pyarrow.parquet.read_table(path)
        described = json.loads((stored.schema.metadata or {})[_CELLS_ENTRY])
        if described["version"] != __version__:
            return {}
        table = stored.to_pandas()
        found, start = {}, 0
        for key, stamps, rows in described["fields"]:
            stamp = tuple(None if s is None else (int(s[0]), int(s[1])) for s in stamps)
            part = table.iloc[start : start + int(rows)].reset_index(drop=True)
            found[str(key)] = KeptCells(stamp, part)
            start += int(rows)
        return found if start == len(table) and LABEL in table else {}
    except (OSError, KeyError, TypeError, ValueError, pyarrow.ArrowException):
        return {}


def write_cells(path: Path, cells: Mapping[str, KeptCells]) -> None:
    """Keep the cells of fields; a failure costs only time at the next opening.

    Parameters
    ----------
    path : Path
        The file.
    cells : mapping of str to KeptCells
        By the key of the field's pixels; at least one has cells.
    """
    import pyarrow
    import pyarrow.parquet

    tables = [each.table for each in cells.values() if len(each.table)]
    if not tables:
        return
    joined = pyarrow.Table.from_pandas(pd.concat(tables, ignore_index=True), preserve_index=False)
    fields = [[key, list(each.stamp), len(each.table)] for key, each in cells.items()]
    described = json.dumps({"version": __version__, "fields": fields}).encode()
    metadata = {**(joined.schema.metadata or {}), _CELLS_ENTRY: described}
    with suppress(LeukocyteError, OSError, pyarrow.ArrowException):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            pyarrow.parquet.write_table(joined.replace_schema_metadata(metadata), temporary)
