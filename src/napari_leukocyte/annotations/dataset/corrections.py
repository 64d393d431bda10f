"""The corrections that a history of objects lacks to lead to their table, and who said what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.annotations.dataset.objects import tidy
from napari_leukocyte.annotations.dataset.provenance import Event, Kind, Standing, standing_of
from napari_leukocyte.reporting.record import model_sha256
from napari_leukocyte.schema import LABEL, REVIEW
from napari_leukocyte.session.objects import MODEL, READER
from napari_leukocyte.session.reviews import FLAGS

#: Columns that a history leads to.
_USED = (LABEL, "area_px", "edited", "predicted", "model", "model_sha256", *REVIEW)


def corrections(
    events: Iterable[Event], table: pd.DataFrame, left_out: Collection[int] = ()
) -> list[Event]:
    """Return the events that a history lacks to lead to a table.

    Parameters
    ----------
    events : iterable of Event
        What is known.
    table : pandas.DataFrame
        As from `tidy`.
    left_out : collection of int
        Objects that are not in the table, but were not removed either.

    Returns
    -------
    list of Event
        Concluded from the table; none if the history leads there already. Of a photograph that was
        read from some format, it is all that is known.
    """
    standing = standing_of(events)
    found: list[Event] = []
    columns = [table[name].tolist() for name in _USED]
    for values in zip(*columns, strict=True):
        row = dict(zip(_USED, values, strict=True))
        label = int(row[LABEL])
        was = standing.get(label)
        found += _correct(label, was or Standing(), row, new=was is None)
    here = {*table[LABEL].tolist(), *left_out}
    gone = [n for n in standing if n not in here]
    found += [Event(n, "removed", standing[n].area, None, summary=True) for n in gone]
    return found


def _correct(label: int, was: Standing, row: Mapping[Any, Any], *, new: bool) -> Iterator[Event]:
    """Return the events that lead one object from how it was to its row."""
    by = Event(label, "drawn", reader=row["reader"], when=row["when"], summary=True)
    area = int(row["area_px"])
    if area != was.area:
        who = row["reader"] if row["edited"] else ""
        kind: Kind = "drawn" if new else "mask changed"
        yield Event(label, kind, None if new else was.area, area, reader=who, summary=True)
    guess = row["predicted"] if isinstance(row["predicted"], str) else None
    if guess != was.predicted:
        yield replace(
            Event(label, "predicted", was.predicted, guess, summary=True),
            model=row["model"],
            sha256=row["model_sha256"],
        )
    name = row["class"] if isinstance(row["class"], str) else None
    own = name if row["source"] == READER else None
    if own is not None and own != was.said:
        yield replace(by, kind="classified", before=was.said or guess, after=own)
    elif (own is None and was.said is not None) or (was.reviewed and not row["reviewed"]):
        yield replace(by, kind="decision withdrawn", before=was.said or guess, after=guess)
        was = Standing(reviewed=False)
    if row["reviewed"] and not was.reviewed and own == was.said:
        yield replace(by, kind="confirmed", before=name, after=name)
    flags = [f for f in FLAGS if f in row["flags"].split("; ")]
    if flags != was.flags:
        yield replace(by, kind="flagged", before=was.flags, after=flags)
    if row["note"] != was.note:
        yield replace(by, kind="noted", before=was.note, after=row["note"])


def with_models(table: pd.DataFrame, record: Mapping[str, Any]) -> pd.DataFrame:
    """Add who said which class: the reader, or the model and its checksum."""
    classification = record.get("classification") or {}
    name, checksum = str(classification.get("model", "")), model_sha256(classification)
    if not {"predicted", "source"} & set(table) and "confidence" in table:
        # As a run writes it: what has a probability is the model's word.
        table = table.assign(predicted=table["class"].where(table["confidence"].notna()))
    tidied = tidy(table)
    if "source" not in table:
        tidied["source"] = _sources(tidied)
    has = tidied["predicted"].notna()
    if name:
        tidied["model"] = pd.Series(np.where(has, name, ""), dtype="str")
        tidied["model_sha256"] = pd.Series(np.where(has, checksum, ""), dtype="str")
    by_reader = (tidied["source"] == READER) | tidied["reviewed"]
    who = np.where(by_reader, tidied["reader"], tidied["model"])
    tidied["who"] = pd.Series(np.where(tidied["class"].notna(), who, ""), dtype="str")
    return tidied


def _sources(table: pd.DataFrame) -> pd.Series[str]:
    """Return who gave each class where the format does not say."""
    same = table["class"] == table["predicted"]
    sources = np.where(table["class"].isna(), "", np.where(same, MODEL, READER))
    return pd.Series(sources, dtype="str")
