"""JSON from others, and JSON for others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_leukocyte.errors import FormatError, LeukocyteError
from napari_leukocyte.io.refusing import as_unreadable


def read_json(path: Path, error: type[LeukocyteError]) -> Any:
    """Read a small JSON file; None if there is none.

    Raises
    ------
    LeukocyteError
        Of the given type, if it can't be read or is no JSON as `parse` takes it.
    """
    with as_unreadable(path, error):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
    return parse(data, str(path), error=error)


def parse(
    text: str | bytes,
    where: str,
    constants: set[str] | None = None,
    error: type[LeukocyteError] = FormatError,
) -> Any:
    """Parse JSON.

    Parameters
    ----------
    text : str or bytes
        The JSON; of bytes, UTF-8, in which files' names may have left halves of surrogate pairs.
    where : str
        What the file is called in a sentence.
    constants : set of str, optional
        Gets the names of NaN and the infinities that it holds, which are read then.
    error : type of LeukocyteError
        What is raised.

    Raises
    ------
    FormatError
        If it is none, is cut off, is nested too deep or holds NaN or infinity.
    """

    def note(constant: str) -> float:
        if constants is None:
            raise error(f"{where} holds {constant}, which is not a number.")
        constants.add(constant)
        return float(constant.replace("Infinity", "inf"))

    try:
        decoded = text.decode("utf-8", "surrogatepass") if isinstance(text, bytes) else text
        return json.loads(decoded, parse_constant=note)
    except LeukocyteError:
        raise
    except RecursionError as found:
        raise error(f"{where} is nested too deep to be read.") from found
    except ValueError as found:  # also of numbers with thousands of digits
        raise error(f"{where} is not whole JSON: it is damaged or cut off.") from found


def dumps(value: object, indent: int | None = None) -> bytes:
    """Return a value as JSON in UTF-8; the caller has made it `plain`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return (text + "\n").encode("utf-8", "backslashreplace")


def plain(value: object) -> Any:
    """Return a value as JSON can hold it; NaN and infinity, which JSON lacks, become null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "item") and hasattr(value, "dtype"):  # a number of NumPy's
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
