"""Results that were written, as states of sessions: what was done, and of which photographs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.convert import read
from napari_leukocyte.annotations.formats.results_folder import is_record
from napari_leukocyte.errors import FormatError, ImageError, LeukocyteError, ParameterError
from napari_leukocyte.io import json_text
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.reporting.record import file_sha256
from napari_leukocyte.reporting.save import OBJECTS, RECORD
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.objects import MODEL, predictions_in, reviews_in
from napari_leukocyte.session.state import State

#: Bytes of the longest record that is looked at: of ten thousands of photographs.
_MOST_BYTES = 64 * 2**20
_TEXTS = ("reader", "when", "flags", "note")


@dataclass(frozen=True, eq=False)
class PhotographResult:
    """The results of one photograph.

    Attributes
    ----------
    name : str
        Of the photograph's file.
    file : Path or None
        The photograph, byte for byte that of the results; None if it is not to be had.
    missing : str
        Why it is not, as a part of a sentence; empty if it is.
    rgb : ndarray or None
        (H, W, 3) uint8: its pixels.
    state : State
        The work on it.
    """

    name: str
    file: Path | None
    missing: str
    rgb: NDArray[np.uint8] | None
    state: State


def is_results(path: Path) -> bool:
    """Whether a path is a folder that a run or the Save button wrote."""
    record = path / RECORD
    try:
        if not (path / OBJECTS).is_file() or record.stat().st_size > _MOST_BYTES:
            return False
        data = json_text.parse(record.read_text("utf-8"), str(record))
    except (OSError, ValueError, LeukocyteError):
        return False
    return is_record(data) and data.get("command") in ("run", "viewer")


def read_work(folder: Path) -> list[PhotographResult]:
    """Read the results in a folder, with their photographs.

    Parameters
    ----------
    folder : Path
        See `is_results`.

    Returns
    -------
    list of PhotographResult
        In the order of the record.

    Raises
    ------
    FormatError
        If the results are damaged.
    """
    path = folder / RECORD
    with as_unreadable(path, FormatError):
        record = json_text.parse(path.read_text("utf-8"), str(path))
    try:
        given = record.get("parameters")
        params = PostprocessParams() if given is None else PostprocessParams.from_dict(given)
    except (ParameterError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path} has parameters that this version does not know.") from error
    found = []
    for entry, image in zip(record["images"], read(folder), strict=True):
        file, missing = _photograph(folder, record, entry)
        rgb = None
        if file is not None:
            try:
                rgb = normalise_image(read_image(file)).rgb
            except ImageError as error:
                file, missing = None, f"can't be read any more ({error})"
        if rgb is not None and rgb.shape[:2] != image.shape:
            file, rgb, missing = None, None, "has another size than the results"
        labels = np.zeros(image.shape, np.int32) if image.labels is None else image.labels
        state = _state(labels, image.table, record, params)
        found.append(PhotographResult(image.name, file, missing, rgb, state))
    return found


def describe_missing(found: Sequence[PhotographResult]) -> str:
    """Say in one sentence which photographs can't be shown, and why; empty if all can."""
    lacking = [f"{r.name} {r.missing}" for r in found if r.missing]
    if not lacking:
        return ""
    shown = "; ".join(lacking[:3]) + (f"; and {len(lacking) - 3} more" if lacking[3:] else "")
    return f"Not shown with its photograph: {shown}."


def _photograph(
    folder: Path, record: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[Path | None, str]:
    """Return the photograph of an entry of the record, or why there is none."""
    given, checksum = Path(str(entry["image"])), entry.get("file_sha256")
    if not isinstance(checksum, str):
        return None, "came from no file"
    # As it was given, from where that was or from here; then beside the results, or below a folder
    # that holds them: both are often moved together.
    began = record.get("directory")
    starts = [Path(began)] if isinstance(began, str) and began else []
    starts += [Path.cwd(), folder, *folder.absolute().parents]
    places = [start / part for part in (given, Path(given.name)) for start in starts]
    changed = False
    for place in dict.fromkeys(Path(os.path.normpath(p)) for p in places):
        if not place.is_file():
            continue
        try:
            if file_sha256(place) == checksum:
                return place, ""
        except ImageError:
            continue
        changed = changed or place.name == given.name
    if changed:
        return None, "has changed since (another checksum)"
    return None, f"is not at {starts[0] / given} any more"


def _state(
    labels: NDArray[np.int32],
    rows: pd.DataFrame,
    record: Mapping[str, Any],
    params: PostprocessParams,
) -> State:
    table = _completed(rows)
    described = record.get("classification")
    return State(
        labels=labels,
        erased=np.zeros(labels.shape, bool),
        edited=frozenset(int(n) for n in table.loc[table["edited"], "label"]),
        params=params,
        predictions=predictions_in(table, described if isinstance(described, dict) else None),
        reviews=reviews_in(table),
    )


def _completed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all that a session's has; what no reader touched is the model's word."""
    table = rows.copy()
    for name in ("reviewed", "edited"):
        given = table[name] if name in table else pd.Series(False, index=table.index)
        table[name] = given.fillna(False).astype(bool)
    if "source" not in table:
        table["source"] = MODEL
    if "predicted" not in table:
        table["predicted"] = table["class"]
    if "confidence" not in table:
        table["confidence"] = np.nan
    for name in _TEXTS:
        given = table[name] if name in table else pd.Series("", index=table.index)
        table[name] = given.fillna("").astype(str)
    return table
