"""The table of objects: what was measured, predicted, said and edited, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.session.reviews import FLAGS, UNREVIEWED, Review

#: Who said which class an object has.
MODEL, READER = "model", "reader"


def object_table(
    measured: pd.DataFrame,
    predicted: pd.DataFrame,
    reviews: Mapping[int, Review],
    edited: Collection[int],
) -> pd.DataFrame:
    """Put the objects of an image into one table.

    Parameters
    ----------
    measured : pandas.DataFrame
        As from :func:`napari_leukocyte.classification.measurements.measure`; its rows are the
        table's.
    predicted : pandas.DataFrame
        Index: labels; ``class``, ``confidence`` and probabilities. May be empty, and may lack
        objects or hold others.
    reviews : mapping of int to Review
        What readers said; their classes stand over the predicted ones.
    edited : collection of int
        Labels of the objects whose mask was changed by hand.

    Returns
    -------
    pandas.DataFrame
        See :meth:`napari_leukocyte.session.session.Session.table`.
    """
    labels = measured["label"]
    numbers = labels.tolist()
    known = predicted.reindex(labels.to_numpy())
    said = [reviews.get(n, UNREVIEWED) for n in numbers]
    guesses = known["class"].tolist() if "class" in known else [None] * len(numbers)
    guesses = [c if isinstance(c, str) else None for c in guesses]
    pairs = list(zip((r.class_name for r in said), guesses, strict=True))
    front: dict[str, Any] = {
        "label": labels,
        "class": _texts([s or g for s, g in pairs]),
        "confidence": (
            known["confidence"].to_numpy()
            if "confidence" in known
            else np.full(len(numbers), np.nan)
        ),
    }
    for column in (c for c in known if str(c).startswith("p_")):
        front[str(column)] = known[column].to_numpy()
    back = {
        "source": _texts([READER if s else MODEL if g else None for s, g in pairs]),
        "edited": labels.isin(list(edited)),
        "reviewed": np.array([r.reviewed for r in said], bool),
        "predicted": _texts(guesses),
        "reader": _texts([r.reader for r in said]),
        "when": _texts([r.when for r in said]),
        "flags": _texts(["; ".join(f for f in FLAGS if f in r.flags) for r in said]),
        "note": _texts([r.note for r in said]),
    }
    return pd.concat(
        [pd.DataFrame(front), measured.drop(columns="label"), pd.DataFrame(back)], axis=1
    )


def disagreements(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a session's table where reader and model differ.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `object_table`.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``predicted``, ``confidence``, ``class``, ``reader``, ``when``; the model's
        surest first.
    """
    both = (table["source"] == READER) & table["predicted"].notna()
    rows = table[both & (table["class"] != table["predicted"])]
    columns = ["label", "predicted", "confidence", "class", "reader", "when"]
    return rows[columns].sort_values("confidence", ascending=False, ignore_index=True)


def _texts(values: Sequence[str | None]) -> pd.Series[str]:
    return pd.Series(list(values), dtype="str")
