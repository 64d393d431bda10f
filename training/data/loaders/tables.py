"""The layout that several sets share: ``images/`` and beside it a table of one row a file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from training.data.photograph import DataError


def read_rows(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read a table with a header.

    Parameters
    ----------
    path : Path
        A CSV file.
    columns : iterable of str
        Columns it must have.

    Returns
    -------
    list of dict
        One a row, values as text.

    Raises
    ------
    DataError
        If it is missing or lacks a column.
    """
    if not path.is_file():
        raise DataError(f"{path}, which describes the photographs beside it, is missing.")
    with path.open(newline="", encoding="utf-8-sig") as f:
        reader = csv.DictReader(f)
        lacking = [c for c in columns if c not in (reader.fieldnames or ())]
        if lacking:
            raise DataError(f"{path} has no column {lacking[0]!r}.")
        return list(reader)


def read_table(folder: Path, columns: Iterable[str]) -> list[tuple[Path, dict[str, str]]]:
    """List the photographs in ``images/`` that ``labels.csv`` names, each with its row.

    Parameters
    ----------
    folder : Path
        Of the set.
    columns : iterable of str
        Columns that the table must have beside ``file``.

    Returns
    -------
    list of (Path, dict)
        In the order of the files' names; empty if there is no photograph.

    Raises
    ------
    DataError
        If photographs are there and the table is missing or lacks a column.
    """
    images = {p.name: p for p in sorted((folder / "images").glob("*.jpg"))}
    if not images:
        return []
    rows = {r["file"]: r for r in read_rows(folder / "labels.csv", ("file", *columns))}
    return [(path, rows[name]) for name, path in images.items() if name in rows]
