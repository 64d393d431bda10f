"""The table of objects: what was measured, predicted, said and edited, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

#: Who said which class an object has.
MODEL, READER = "model", "reader"


def object_table(
    measured: pd.DataFrame,
    predicted: pd.DataFrame,
    assigned: Mapping[int, str],
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
    assigned : mapping of int to str
        Classes that a reader gave; they stand over the predicted ones.
    edited : collection of int
        Labels of the objects whose mask was changed by hand.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``class``, ``confidence``, probabilities, measurements, ``source``, ``edited``.
    """
    labels = measured["label"]
    known = predicted.reindex(labels.to_numpy())
    said = [assigned.get(int(n)) for n in labels]
    guesses = known["class"].tolist() if "class" in known else [None] * len(labels)
    guesses = [c if isinstance(c, str) else None for c in guesses]
    pairs = list(zip(said, guesses, strict=True))
    classes = [s or g for s, g in pairs]
    source = [READER if s else MODEL if g else None for s, g in pairs]
    front: dict[str, Any] = {
        "label": labels,
        "class": pd.Series(classes, index=labels.index, dtype="str"),
        "confidence": (
            known["confidence"].to_numpy()
            if "confidence" in known
            else np.full(len(labels), np.nan)
        ),
    }
    for column in (c for c in known if str(c).startswith("p_")):
        front[str(column)] = known[column].to_numpy()
    return pd.concat([pd.DataFrame(front), measured.drop(columns="label")], axis=1).assign(
        source=pd.Series(source, index=labels.index, dtype="str"),
        edited=labels.isin(list(edited)),
    )
