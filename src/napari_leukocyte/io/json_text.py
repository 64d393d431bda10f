"""JSON from others, and JSON for others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_leukocyte.errors import FormatError


def parse(text: str, where: str, constants: set[str] | None = None) -> Any:
    """Parse JSON.

    Parameters
    ----------
    text : str
        The JSON.
    where : str
        What the file is called in a sentence.
    constants : set of str, optional
        Gets the names of NaN and the infinities that it holds, which are read then.

    Raises
    ------
    FormatError
        If it is none, is cut off, is nested too deep or holds NaN or infinity.
    """

    def note(constant: str) -> float:
        if constants is None:
            raise FormatError(f"{where} holds {constant}, which is no number.")
        constants.add(constant)
        return float(constant.replace("Infinity", "inf"))

    try:
        return json.loads(text, parse_constant=note)
    except FormatError:
        raise
    except RecursionError as error:
        raise FormatError(f"{where} is nested too deep to be read.") from error
    except ValueError as error:  # also of numbers with thousands of digits
        raise FormatError(f"{where} is not whole JSON: it is damaged or cut off.") from error


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
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
