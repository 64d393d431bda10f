"""Classes, numbers and all else that files say of an object, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte import schema
from napari_leukocyte.annotations.formats.annotated import REQUIRED
from napari_leukocyte.annotations.formats.files import printable, short
from napari_leukocyte.annotations.formats.limits import (
    LARGEST_LABEL,
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_ATTRIBUTES,
    whole,
)
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.json_text import plain
from napari_leukocyte.schema import MEASURED, SESSION_BACK, TRUTHS, is_probability

#: What stands for the class of an object that has none, where a format demands one.
UNCLASSIFIED = "unclassified"
#: A session's columns of text and of numbers; what others call alike may hold anything.
TEXTS = schema.TEXTS & {*SESSION_BACK}
_NUMBERS = {*MEASURED, "confidence", "score"}
#: A spreadsheet would take what begins so for a formula.
_FORMULA = ("=", "+", "-", "@")
_LARGEST_WHOLE = 2**53


def class_name(value: object, where: str) -> str | None:
    """Return the class that a file gives an object.

    Parameters
    ----------
    value : object
        Of the file.
    where : str
        What the file is called in a sentence.

    Returns
    -------
    str or None
        None where nobody said one.

    Raises
    ------
    FormatError
        If no class can have this name.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        raise FormatError(f"{where} has the class {short(value)}, which is not text.")
    if not value.strip() or value == UNCLASSIFIED:
        return None
    if len(value) > LONGEST_NAME or not printable(value):
        raise FormatError(
            f"{where} has the class {short(value)}, which can't be the name of a class."
        )
    if value.startswith(_FORMULA):
        raise FormatError(
            f"{where} has the class {short(value)}, which a spreadsheet would take for a formula."
        )
    return value


def number(value: object, where: str) -> int:
    """Return an object's number; raises FormatError if it can be none."""
    found = whole(value)
    if found is None or not 0 < found <= LARGEST_LABEL:
        raise FormatError(
            f"{where} has an object with the number {short(value)}; numbers are whole and lie "
            f"from 1 to {LARGEST_LABEL}."
        )
    return found


def attributes(values: object) -> dict[str, Any]:
    """Return what else a file says of an object, without what no table holds.

    Parameters
    ----------
    values : object
        Of the file; anything but a mapping of texts, numbers and yes or no is passed over.
    """
    if not isinstance(values, Mapping):
        return {}
    kept: dict[str, Any] = {}
    for key, value in values.items():
        known = isinstance(key, str) and 0 < len(key) <= LONGEST_NAME and printable(key)
        if not known or key in REQUIRED or len(kept) >= MOST_ATTRIBUTES:
            continue
        found = _value(key, value)
        if found is not None:
            kept[key] = found
    return kept


def _value(key: str, value: object) -> Any:
    """Return a value as its column holds it; None if it can't."""
    if key in TRUTHS:
        texts = {"true": True, "false": False}
        return value if isinstance(value, bool) else texts.get(str(value)[:9].lower())
    if isinstance(value, str):
        if key in _NUMBERS or is_probability(key):
            return _finite(value)
        return value if len(value) <= LONGEST_TEXT and _encodes(value) and value else None
    if key in TEXTS:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_WHOLE else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _finite(text: str) -> float | None:
    try:
        found = float(text[:50])
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a table's row says beside number, class and box, as JSON can hold it."""
    return {
        str(key): plain(value)
        for key, value in row.items()
        if key not in REQUIRED and not _missing(value)
    }


def _missing(value: object) -> bool:
    if isinstance(value, str):
        return not value
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def columns_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns that rows make, in the order in which they first come."""
    names = dict.fromkeys(key for row in rows for key in row)
    return {name: column(name, [row.get(name) for row in rows]) for name in names}


def column(name: str, values: list[Any]) -> Any:
    """Return a column: yes or no, numbers or text.

    Parameters
    ----------
    name : str
        By which an empty column is known.
    values : list
        None where one is missing. Whole numbers stay such if none is.
    """
    there = [v for v in values if v is not None]
    if name in TRUTHS or (there and all(isinstance(v, bool) for v in there)):
        # Of what nobody reviewed or edited nothing is said.
        return np.array([v is True for v in values], bool)
    if name not in TEXTS and all(isinstance(v, (int, float)) for v in there):
        if there and len(there) == len(values) and all(type(v) is int for v in values):
            return np.array(values, np.int64)
        return np.array([math.nan if v is None else float(v) for v in values])
    return texts([None if v is None else str(v) for v in values])


def texts(values: list[str | None]) -> pd.Series[str]:
    """Return a column of text."""
    return pd.Series(values, dtype="str")
