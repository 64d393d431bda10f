"""The cells of a smear's fields in one file, so that the next opening reads no journal twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.schema import LABEL
from napari_leukocyte.version import __version__

#: Time, ns, and size, bytes, of a journal and of a blind read; None where there is none.
Stamp = tuple[tuple[int, int] | None, ...]
#: In the file's own description: what follows, by field, and which version wrote it.
_ENTRY = b"napari_leukocyte_cells"


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
        described = json.loads((stored.schema.metadata or {})[_ENTRY])
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
    metadata = {**(joined.schema.metadata or {}), _ENTRY: described}
    with suppress(LeukocyteError, OSError, pyarrow.ArrowException):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            pyarrow.parquet.write_table(joined.replace_schema_metadata(metadata), temporary)
