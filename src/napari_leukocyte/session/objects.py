"""The table of objects: what was measured, predicted, said and edited, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.schema import LABEL, REVIEW, SESSION_BACK, TRUTHS, probabilities_of
from napari_leukocyte.session.predictions import Predictions
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
    labels = measured[LABEL]
    numbers = labels.tolist()
    known = predicted.reindex(labels.to_numpy())
    guesses = known["class"].tolist() if "class" in known else [None] * len(numbers)
    guesses = [_text(c) for c in guesses]
    rows = [_said(reviews.get(n, UNREVIEWED), g) for n, g in zip(numbers, guesses, strict=True)]
    said: dict[str, Any] = {
        name: np.array([row[name] for row in rows], bool)
        if name in TRUTHS
        else _texts([row[name] for row in rows])
        for name in REVIEW
    }
    front: dict[str, Any] = {
        LABEL: labels,
        "class": said["class"],
        "confidence": (
            known["confidence"].to_numpy()
            if "confidence" in known
            else np.full(len(numbers), np.nan)
        ),
    }
    for column in probabilities_of(known):
        front[column] = known[column].to_numpy()
    said |= {"edited": labels.isin(list(edited)), "predicted": _texts(guesses)}
    back = {name: said[name] for name in SESSION_BACK}
    return pd.concat(
        [pd.DataFrame(front), measured.drop(columns=LABEL), pd.DataFrame(back)], axis=1
    )


def reviewed_anew(
    table: pd.DataFrame, reviews: Mapping[int, Review], labels: Collection[int]
) -> pd.DataFrame:
    """Return a table in which readers say something else of a few objects.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `object_table`, of the same objects, predictions and edits; not changed.
    reviews : mapping of int to Review
        As they are now.
    labels : collection of int
        Of which objects they differ; those that do not exist are passed over.

    Returns
    -------
    pandas.DataFrame
        The same as `object_table` would give, in a time that goes with the number of `labels`.
    """
    changed = table.copy(deep=False)
    rows = np.flatnonzero(np.isin(table[LABEL].to_numpy(), list(labels))).tolist()
    numbers, guesses = table[LABEL].to_numpy(), table["predicted"].array
    said = [_said(reviews.get(int(numbers[row]), UNREVIEWED), _text(guesses[row])) for row in rows]
    for name in REVIEW:
        column = table[name].array
        differs = [
            (row, values[name])
            for row, values in zip(rows, said, strict=True)
            if column[row] != values[name]
        ]
        if differs:
            # One at a time: of a few, this is ten times as fast as pandas' way with many.
            column = column.copy()
            for row, value in differs:
                column[row] = value
            changed[name] = column
    return changed


def _said(review: Review, guess: str | None) -> dict[str, Any]:
    """Return these columns of one object."""
    own = review.class_name
    return {
        "class": own or guess,
        "source": READER if own else MODEL if guess else None,
        "reviewed": review.reviewed,
        "reader": review.reader,
        "when": review.when,
        "flags": "; ".join(f for f in FLAGS if f in review.flags),
        "note": review.note,
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


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
    columns = [LABEL, "predicted", "confidence", "class", "reader", "when"]
    return rows[columns].sort_values("confidence", ascending=False, ignore_index=True)


def _texts(values: Sequence[str | None]) -> pd.Series[str]:
    return pd.Series(list(values), dtype="str")


def predictions_in(rows: pd.DataFrame, description: Mapping[str, Any] | None) -> Predictions | None:
    """Return what a classifier said of objects.

    Parameters
    ----------
    rows : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`: ``label``, ``predicted``,
        ``confidence`` and probabilities.
    description : mapping or None
        Of the classifier, as its record has it.

    Returns
    -------
    Predictions or None
        None if it was not asked.
    """
    known = rows[rows["predicted"].notna()]
    if not len(known) and description is None:
        return None
    probabilities = [c for c in probabilities_of(rows) if known[c].notna().any()]
    table = known[[LABEL, "predicted", "confidence", *probabilities]]
    table = table.rename(columns={"predicted": "class"}).reset_index(drop=True)
    model = str((description or {}).get("model", ""))
    return Predictions(table, model, dict(description or {}))


def reviews_in(rows: pd.DataFrame) -> dict[int, Review]:
    """Return what readers said of objects, by label; nothing of those of whom nobody did."""
    found: dict[int, Review] = {}
    for row in rows.to_dict("records"):
        flags = frozenset(f for f in FLAGS if f in row["flags"].split("; "))
        name = row["class"] if row["source"] == READER and isinstance(row["class"], str) else None
        review = Review(name, row["reviewed"], row["reader"], row["when"], flags, row["note"])
        if not review.empty:
            found[int(row[LABEL])] = review
    return found
