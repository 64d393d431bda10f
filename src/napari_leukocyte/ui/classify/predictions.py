"""Which of a session's objects a classifier has yet to see."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.session.objects import MODEL
from napari_leukocyte.session.predictions import Predictions

#: A mask has become another one if its area has changed by this factor, either way, or its
#: centroid has moved by this part of its diameter: what was said of it no longer counts.
AREA_FACTOR, SHIFT = 1.3, 0.15


def unseen(table: pd.DataFrame, predictions: Predictions | None) -> list[int]:
    """List the objects that the classifier should (again) be asked about.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`.
    predictions : Predictions or None
        What was said so far.

    Returns
    -------
    list of int
        Numbers of the objects without a class, and of those whose class a model gave to a mask
        that has since become another. Objects with a reader's class are not among them.
    """
    missing = table["class"].isna().to_numpy()
    if predictions is None:
        return [int(n) for n in table["label"][missing]]
    seen = predictions.table.set_index("label").reindex(table["label"])
    if "area_px" not in seen:
        return [int(n) for n in table["label"][missing]]
    factor = table["area_px"].to_numpy() / seen["area_px"].to_numpy()
    shift = np.hypot(*(table[c].to_numpy() - seen[c].to_numpy() for c in ("y", "x")))
    other = (
        (np.maximum(factor, 1 / factor) > AREA_FACTOR)
        | (shift > SHIFT * table["equivalent_diameter_px"].to_numpy())
    ) & (table["source"] == MODEL).to_numpy()
    return [int(n) for n in table["label"][missing | other]]


def only(labels: NDArray[np.int32], numbers: Collection[int]) -> NDArray[np.int32]:
    """Return a copy of a label image, (H, W) int32, that holds only some of its objects."""
    kept = np.zeros(int(labels.max(initial=0)) + 1, bool)
    kept[[n for n in numbers if n < kept.size]] = True
    return np.where(kept[labels], labels, np.int32(0))
