"""Predictions and reviews of a session, taken from a table of its objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from napari_leukocyte.schema import LABEL, probabilities_of
from napari_leukocyte.session.objects import READER
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.reviews import FLAGS, Review


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
