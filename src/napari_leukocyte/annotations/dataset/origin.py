"""The origin of a session that was read from a dataset, kept in the session's folder.

A session knows how things stand; what happened before it was read, which model drew the masks and
how large the nuclei are that the maps showed is known to the dataset alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from pydantic import BeforeValidator

from napari_leukocyte.annotations.dataset.provenance import Event
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import Number, Whole, WholeKey, parse
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.session import Session

FILE_NAME = "origin.json"
_KEY = "origin"
#: A mask is still the same if these are: to the last bit, since they are computed the same way.
_SAME = ("area_px", "y", "x", "circularity")
_RATIO = "nucleus_cell_ratio"

#: Of sessions that are not written down.
_IN_MEMORY: WeakKeyDictionary[Session, Origin] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Origin:
    """The origin of a session.

    Attributes
    ----------
    dataset : str
        Checksum of the manifest.
    group : str
        Of the photograph.
    name : str
        File name of the photograph as it first came.
    number : int
        How many commands the session had then.
    events : tuple of Event
        What happened before.
    record : mapping
        How the objects came about.
    measured : mapping of int to list
        By object, `_SAME` and the nucleus-to-cell ratio.
    """

    dataset: str
    group: str
    name: str
    number: Whole
    events: tuple[Annotated[Event, BeforeValidator(Event.from_dict)], ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[WholeKey, list[Number]] = field(default_factory=dict)


def measured_of(table: pd.DataFrame) -> dict[int, list[float]]:
    """Return what `Origin.measured` holds of a table's objects."""
    known = table[table[_RATIO].notna()]
    values = known[[*_SAME, _RATIO]].to_numpy(np.float64).tolist()
    return dict(zip(known[LABEL].tolist(), values, strict=True))


def with_ratios(table: pd.DataFrame, origin: Origin | None) -> pd.DataFrame:
    """Fill in nucleus-to-cell ratios that only the dataset knows, where masks are unchanged."""
    if origin is None or not origin.measured or not len(table):
        return table
    ratios = table[_RATIO].to_numpy(np.float64).copy()
    same = table[list(_SAME)].to_numpy(np.float64)
    for place, label in enumerate(table[LABEL].tolist()):
        known = origin.measured.get(label)
        if known is not None and np.isnan(ratios[place]) and known[:-1] == same[place].tolist():
            ratios[place] = known[-1]
    return table.assign(**{_RATIO: ratios})


def write_origin(session: Session, folder: Path | None, origin: Origin) -> None:
    """Remember where a session was read from; raises OutputError if that can't be written."""
    if folder is None:
        _IN_MEMORY[session] = origin
        return
    value = {
        "dataset": origin.dataset,
        "group": origin.group,
        "name": origin.name,
        "number": origin.number,
        "events": [e.to_dict() for e in origin.events],
        "record": dict(origin.record),
        "measured": {str(n): v for n, v in origin.measured.items()},
    }
    write_user_file(folder / FILE_NAME, _KEY, json.loads(json.dumps(value)))


def origin_of(session: Session, folder: Path | None) -> Origin | None:
    """Return where a session was read from; None if from no dataset, or the file is damaged."""
    if folder is None:
        return _IN_MEMORY.get(session)
    try:
        value = read_user_file(folder / FILE_NAME, _KEY)
        if value is None:
            return None
        return parse(Origin, value, complete=True)
    except (ParameterError, KeyError, TypeError, AttributeError):
        return None
