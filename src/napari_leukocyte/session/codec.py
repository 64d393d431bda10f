"""Steps of a session as bytes, and back: JSON for what is small, packed arrays for what is not.

A record is the length of a JSON header (uint32, little-endian), the header, and the arrays that it
names by their place in the list ``blobs``. It holds what a command made of the state, not the
command, so that it reads the same whatever later versions compute.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.history import Step
from napari_leukocyte.session.maps import MapsFile
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.reviews import Review, SignOff
from napari_leukocyte.session.state import State

_HEAD = struct.Struct("<I")
#: Everything that reading bytes that are no record can raise.
_BAD = (ValueError, KeyError, TypeError, IndexError, struct.error, zlib.error, LeukocyteError)


class BadRecordError(Exception):
    """Bytes are no record, or one that does not follow on the state."""


@dataclass(frozen=True, eq=False)
class Record:
    """One command as it is written down.

    Attributes
    ----------
    step : Step
        What it changed; without ``maps``, and only its way forward.
    number : int
        How many commands there were up to this one.
    next_label : int
        First number that no object had after it.
    maps : MapsFile or None
        Where the maps are kept that the state then has.
    maps_changed : bool
        Whether `maps` says anything.
    reader, when : str
        Who did it, and when (ISO 8601, UTC).
    """

    step: Step
    number: int
    next_label: int
    maps: MapsFile | None = None
    maps_changed: bool = False
    reader: str = ""
    when: str = ""


class _Blobs:
    """Collects arrays behind a header."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def add(self, data: bytes) -> int:
        self.parts.append(data)
        return len(self.parts) - 1


def encode(record: Record) -> bytes:
    """Return a record as bytes."""
    blobs, step = _Blobs(), record.step
    changes: dict[str, Any] = {}
    for name in ("labels", "erased"):
        difference: Difference | None = getattr(step, name)
        if difference is not None:
            changes[name] = {
                "box": list(difference.box),
                "width": difference.width,
                "runs": difference.runs,
                "blob": blobs.add(difference.packed),
            }
    for name, value in step.after.items():
        if name not in ("maps", "known"):
            changes[name] = _encode_field(name, value, blobs)
    if record.maps_changed:
        maps = record.maps
        changes["maps"] = None if maps is None else {"name": maps.name, "sha256": maps.sha256}
    if step.reviews_after:
        changes["reviews"] = {str(n): _encode_review(r) for n, r in step.reviews_after.items()}
    header = json.dumps(
        {
            "number": record.number,
            "what": step.what,
            "reader": record.reader,
            "when": record.when,
            "next_label": record.next_label,
            "changes": changes,
            "blobs": [len(b) for b in blobs.parts],
        },
        ensure_ascii=False,
    ).encode("utf-8", "surrogatepass")
    return b"".join([_HEAD.pack(len(header)), header, *blobs.parts])


def decode(data: bytes) -> Record:
    """Return the record that bytes hold.

    Raises
    ------
    BadRecordError
        If they hold none.
    """
    try:
        (length,) = _HEAD.unpack_from(data)
        start = _HEAD.size + length
        header = json.loads(data[_HEAD.size : start].decode("utf-8", "surrogatepass"))
        blobs: list[bytes] = []
        for size in header["blobs"]:
            blobs.append(data[start : start + size])
            start += size
        changes = dict(header["changes"])
        maps_changed = "maps" in changes
        maps = changes.pop("maps", None)
        arrays = {n: _difference(changes.pop(n, None), blobs) for n in ("labels", "erased")}
        reviews = changes.pop("reviews", {})
        step = Step(
            what=str(header["what"]),
            kind="",
            **arrays,
            before={},
            after={n: _decode_field(n, v, blobs) for n, v in changes.items()},
            reviews_before={},
            reviews_after={int(n): _decode_review(r) for n, r in reviews.items()},
        )
        return Record(
            step,
            int(header["number"]),
            int(header["next_label"]),
            None if maps is None else MapsFile(str(maps["name"]), str(maps["sha256"])),
            maps_changed,
            str(header["reader"]),
            str(header["when"]),
        )
    except _BAD as error:
        raise BadRecordError(str(error)) from error


def follow(state: State, record: Record) -> State:
    """Return the state after a record, without maps.

    Raises
    ------
    BadRecordError
        If it does not fit the state.
    """
    try:
        return record.step.forward(state)
    except _BAD as error:
        raise BadRecordError(str(error)) from error


def whole(state: State) -> Step | None:
    """Return the step that leads from nothing to a state; None if it is nothing."""
    empty = State.empty((state.labels.shape[0], state.labels.shape[1]))
    # What is known is no part of it.
    return Step.between(replace(empty, known=state.known), state, "Everything so far")


def _encode_field(name: str, value: Any, blobs: _Blobs) -> Any:
    if value is None:
        return None
    if name == "params":
        return value.to_dict()
    if name == "edited":
        return sorted(value)
    if name == "markers":
        return value.tolist()
    if name == "predictions":
        return _encode_predictions(value, blobs)
    if name == "signed_off":
        return [value.reader, value.when]
    return list(value)  # weights


def _decode_field(name: str, value: Any, blobs: list[bytes]) -> Any:
    if value is None and name in ("weights", "markers", "predictions", "signed_off"):
        return None
    if name == "params":
        return PostprocessParams.from_dict(value)
    if name == "edited":
        return frozenset(int(n) for n in value)
    if name == "markers":
        return np.array(value, np.float64).reshape(-1, 2)
    if name == "predictions":
        return _decode_predictions(value, blobs)
    if name == "signed_off":
        reader, when = value
        return SignOff(str(reader), str(when))
    if name == "weights":
        return tuple(float(w) for w in value)
    raise ValueError(f"unknown field {name}")


def _encode_review(review: Review | None) -> list[Any] | None:
    if review is None:
        return None
    r = review
    return [r.class_name, r.reviewed, r.reader, r.when, sorted(r.flags), r.note]


def _decode_review(value: list[Any] | None) -> Review | None:
    if value is None:
        return None
    name, reviewed, reader, when, flags, note = value
    texts = (name or "", reader, when, note, *flags)
    if not all(isinstance(t, str) for t in texts):
        raise ValueError("a review must hold texts")
    return Review(name, bool(reviewed), reader, when, frozenset(flags), note)


def _encode_predictions(predictions: Predictions, blobs: _Blobs) -> dict[str, Any]:
    columns: list[dict[str, Any]] = []
    for name, column in predictions.table.items():
        entry: dict[str, Any] = {"name": str(name)}
        if column.dtype.kind in "iuf":
            array = np.ascontiguousarray(column.to_numpy())
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            entry |= {
                "dtype": little.dtype.str,
                "blob": blobs.add(zlib.compress(little.tobytes(), 1)),
            }
        elif column.dtype.kind == "b":
            entry["truths"] = [bool(v) for v in column]
        else:
            entry["texts"] = [None if pd.isna(v) else str(v) for v in column]
        columns.append(entry)
    return {
        "model": predictions.model,
        "description": dict(predictions.description),
        "columns": columns,
    }


def _decode_predictions(value: Mapping[str, Any], blobs: list[bytes]) -> Predictions:
    columns: dict[str, Any] = {}
    for entry in value["columns"]:
        if "blob" in entry:
            dtype = np.dtype(entry["dtype"])
            if dtype.kind not in "iuf":
                raise ValueError("a column of numbers must hold numbers")
            stored = np.frombuffer(zlib.decompress(blobs[entry["blob"]]), dtype)
            columns[entry["name"]] = stored.astype(dtype.newbyteorder("="))
        elif "truths" in entry:
            columns[entry["name"]] = np.array(entry["truths"], bool)
        else:
            columns[entry["name"]] = pd.Series(entry["texts"], dtype="str")
    table = pd.DataFrame(columns)
    if not {LABEL, "class", "confidence"} <= set(table):
        raise ValueError("predictions lack a column")
    return Predictions(table, str(value["model"]), dict(value["description"]))


def _difference(value: Mapping[str, Any] | None, blobs: list[bytes]) -> Difference | None:
    if value is None:
        return None
    y0, x0, y1, x1 = (int(n) for n in value["box"])
    return Difference(
        (y0, x0, y1, x1), int(value["width"]), int(value["runs"]), blobs[value["blob"]]
    )
