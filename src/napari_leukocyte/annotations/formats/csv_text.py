"""Tables of objects as CSV from others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.annotations.formats import attributes, files
from napari_leukocyte.annotations.formats.limits import LONGEST_NAME, MOST_ATTRIBUTES
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.spreadsheet_text import parse_table
from napari_leukocyte.schema import LABEL, TRUTHS

_WHOLE = re.compile(r"[+-]?\d{1,15}", re.ASCII)


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of objects.

    Parameters
    ----------
    path : Path
        See `parse_table`; ``label`` must be among the names in the first line.

    Returns
    -------
    pandas.DataFrame
        ``label`` int64; ``class`` and ``image``, where they are there, text with gaps where nothing
        stands; other columns numbers, yes or no, or text, by their content.

    Raises
    ------
    FormatError
        If it is damaged or has no such column, or a number is none.
    """
    table = parse_table(files.read_bytes(path), str(path))
    if LABEL not in table or len(set(table.columns)) < len(table.columns):
        raise FormatError(f"{path} needs the column label, and no column twice.")
    if len(table.columns) > MOST_ATTRIBUTES or any(len(c) > LONGEST_NAME for c in table.columns):
        raise FormatError(f"{path} has too many columns, or a name too long.")
    where = str(path)
    columns: dict[str, Any] = {}
    for name in table.columns:
        values = [v if isinstance(v, str) else "" for v in table[name].tolist()]
        if name == LABEL:
            numbers = [attributes.number(_whole(v), where) for v in values]
            columns[name] = np.array(numbers, np.int64)
        elif name == "class":
            columns[name] = attributes.texts([attributes.class_name(v, where) for v in values])
        elif name == "image":
            columns[name] = attributes.texts(list(values))
        else:
            columns[name] = _typed(name, values)
    return pd.DataFrame(columns)


def _whole(text: str) -> object:
    text = text.strip().removesuffix(".0")
    return int(text) if _WHOLE.fullmatch(text) else text


def _typed(name: str, values: list[str]) -> Any:
    """Return a column as what all of its values are."""
    said = [attributes.attributes({name: v}).get(name) if v else None for v in values]
    if name in attributes.TEXTS or name in TRUTHS:
        return attributes.column(name, said)
    there = [v for v in values if v.strip()]
    if all(_WHOLE.fullmatch(v) for v in there):
        whole = [int(v) if v.strip() else None for v in values]
        return attributes.column(name, whole)
    try:
        numbers = [float(v) if v.strip() else np.nan for v in values]
    except ValueError:
        return attributes.texts([v if isinstance(v, str) else None for v in said])
    return np.where(np.isfinite(numbers), numbers, np.nan)
