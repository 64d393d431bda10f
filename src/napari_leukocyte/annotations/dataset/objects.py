"""The table of a dataset's objects: its columns, and how it is written and read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.layout import LARGEST_TABLE, DatasetError, refuse_unlike
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.spreadsheet_text import escape_surrogates
from napari_leukocyte.reporting.save import write_csv
from napari_leukocyte.schema import (
    COLUMNS,
    DATASET_BACK,
    DATASET_FRONT,
    LABEL,
    OPTIONAL,
    TEXTS,
    TRUTHS,
    WHOLE,
    probabilities_of,
    probability_column,
)
from napari_leukocyte.vocabulary import CLASSES

_KNOWN_PROBABILITIES = tuple(probability_column(c.name) for c in CLASSES)
#: Columns that a reader may find empty; other texts are empty strings, never missing.
_MISSING = frozenset({"class", "predicted"})
#: A table of a million cells has so many rows; more is no table of ours.
MOST_ROWS = 50_000_000


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a table into the columns, order and types of a dataset's.

    Parameters
    ----------
    table : pandas.DataFrame
        With some of the columns; others than the dataset's, probabilities (``p_...``) and the
        ``score`` go.

    Returns
    -------
    pandas.DataFrame
        With all of them: what is not known is missing (class, predicted class, numbers), empty
        (other texts) or false.
    """
    columns: dict[str, Any] = {}
    for name in (*DATASET_FRONT, *_probabilities(table), *DATASET_BACK):
        given = table.get(name)
        if name in OPTIONAL and (given is None or not given.notna().any()):
            continue
        columns[name] = _typed(name, given, len(table))
    return pd.DataFrame(columns)


def join(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of several photographs into one, by photograph and number."""
    some = [t for t in tables if len(t)]
    if not some:
        return tidy(pd.DataFrame({LABEL: np.zeros(0, np.int64)}))
    joined = tidy(pd.concat(some, ignore_index=True))
    return joined.sort_values(["image", LABEL], ignore_index=True)


def write_objects(csv: Path, parquet: Path, table: pd.DataFrame) -> None:
    """Write the table as CSV and as Parquet.

    Raises
    ------
    OutputError
        If a file can't be written.
    """
    import pyarrow
    import pyarrow.parquet

    write_csv(csv, table)
    # Types by column, so that a table without rows reads the same; no note on who wrote it.
    types = {
        **dict.fromkeys(TEXTS, pyarrow.string()),
        **dict.fromkeys(TRUTHS, pyarrow.bool_()),
        **dict.fromkeys(WHOLE, pyarrow.int64()),
    }
    schema = pyarrow.schema([(str(c), types.get(str(c), pyarrow.float64())) for c in table])
    arrays = [
        pyarrow.array(_plain(table[c]), type=schema.field(str(c)).type, from_pandas=True)
        for c in table
    ]
    with as_output_error(parquet), atomic_write(parquet) as temporary:
        pyarrow.parquet.write_table(
            pyarrow.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd"
        )


def read_objects(path: Path, rows: int) -> pd.DataFrame:
    """Read the table from its Parquet file.

    Parameters
    ----------
    path : Path
        The file.
    rows : int
        How many there must be.

    Raises
    ------
    DatasetError
        If the file is damaged or holds something else.
    """
    import pyarrow
    import pyarrow.parquet

    refuse_unlike(path, LARGEST_TABLE)
    bad = DatasetError(f"{path} is not a table of objects that can be read.")
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            found = file.metadata
            size = sum(found.row_group(i).total_byte_size for i in range(found.num_row_groups))
            if found.num_rows != rows or rows > MOST_ROWS or size > LARGEST_TABLE:
                raise bad
            given = file.read()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise bad from error
    names = given.column_names
    lacking = set(COLUMNS) - {*names, *OPTIONAL}
    if lacking or len(set(names)) != len(names):
        raise bad
    try:
        table = pd.DataFrame({n: _read(given.column(n)) for n in names})
        return tidy(table)
    except (ValueError, TypeError, pyarrow.ArrowException) as error:
        raise bad from error


def _probabilities(table: pd.DataFrame) -> list[str]:
    # A class that no classifier was asked about needs no column.
    found = [c for c in probabilities_of(table) if table[c].notna().any()]
    known = [c for c in _KNOWN_PROBABILITIES if c in found]
    return [*known, *sorted(set(found) - set(known))]


def _typed(name: str, given: Any, length: int) -> Any:
    if name in TEXTS:
        values = [None] * length if given is None else given.tolist()
        empty = None if name in _MISSING else ""
        texts = [v if isinstance(v, str) and v else empty for v in values]
        return pd.Series(texts, dtype="str")
    if name in TRUTHS:
        values = [False] * length if given is None else given.tolist()
        return np.array([v is True or (isinstance(v, np.bool_) and bool(v)) for v in values], bool)
    if name in WHOLE:
        return np.zeros(length, np.int64) if given is None else _whole(np.asarray(given))
    return np.full(length, np.nan) if given is None else np.asarray(given, np.float64)


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("a number that must be whole is none")
    return values.astype(np.int64)


def _plain(series: Any) -> Any:
    if str(series.dtype) == "str":
        # Half of a surrogate pair, as a file's name may hold, is no text for Arrow.
        return [escape_surrogates(v) if isinstance(v, str) else None for v in series]
    return series.to_numpy()


def _read(column_: Any) -> Any:
    import pyarrow

    if pyarrow.types.is_string(column_.type) or pyarrow.types.is_large_string(column_.type):
        return pd.Series(column_.to_pylist(), dtype="str")
    return column_.to_numpy()
