"""Measurements of objects that a file gives without."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.schema import BOX, LABEL, MEASURED, PLACE


def measured(table: pd.DataFrame, labels: NDArray[np.int32] | None) -> pd.DataFrame:
    """Return a table with the columns that every table of objects has.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an object. What it has of measurements stays.
    labels : ndarray or None
        (H, W) int32; without them only the centre is known, that of the box.
    """
    table = table.drop(columns="image", errors="ignore")
    if "confidence" not in table:
        table = table.assign(confidence=np.nan)
    if all(column in table for column in PLACE):
        return table
    if labels is None:
        y0, x0, y1, x1 = (table[c].to_numpy(np.float64) for c in BOX)
        return table.assign(y=(y0 + y1) / 2, x=(x0 + x1) / 2, area_px=np.nan)
    found = measure(labels).set_index(LABEL).loc[table[LABEL].to_numpy()]
    new = [c for c in MEASURED if c not in table]
    return table.assign(**{c: found[c].to_numpy() for c in new})
