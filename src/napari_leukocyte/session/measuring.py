"""Keep the objects' measurements in step with the label image, measuring only what changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import measure_some
from napari_leukocyte.schema import BOX, LABEL
from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.state import LabelCache, numbers_in

Box = tuple[int, int, int, int]


def touched_by(
    before: NDArray[np.int32], after: NDArray[np.int32], difference: Difference
) -> frozenset[int]:
    """Return the numbers of the objects whose pixels differ.

    Parameters
    ----------
    before, after : ndarray
        (H, W) int32.
    difference : Difference
        Of the two.
    """
    y0, x0, y1, x1 = difference.box
    old, new = before[y0:y1, x0:x1], after[y0:y1, x0:x1]
    changed = old != new
    touched = {*numbers_in(old[changed]), *numbers_in(new[changed])}
    return frozenset(touched - {0})


def reach(known: LabelCache, touched: frozenset[int], difference: Difference) -> Box | None:
    """Return a box that wholly holds objects before and after a change.

    Parameters
    ----------
    known : LabelCache
        Of the label image before.
    touched : frozenset of int
        The objects.
    difference : Difference
        That the change made.

    Returns
    -------
    tuple of int or None
        y0, x0, y1, x1, px, ends exclusive; None if the objects were not measured before.
    """
    if known.measured is None:
        return None
    rows = known.measured[known.measured[LABEL].isin(touched)]
    boxes = np.vstack([rows[list(BOX)].to_numpy(np.int64), [difference.box]])
    y0, x0 = (int(n) for n in boxes[:, :2].min(axis=0))
    y1, x1 = (int(n) for n in boxes[:, 2:].max(axis=0))
    return y0, x0, y1, x1


def measured_again(
    before: LabelCache,
    after: NDArray[np.int32],
    touched: frozenset[int],
    box: Box | None,
    nucleus: NDArray[np.float32] | None,
) -> LabelCache:
    """Return what is known of a label image after a change of some of its objects.

    Parameters
    ----------
    before : LabelCache
        Of the label image before.
    after : ndarray
        (H, W) int32.
    touched : frozenset of int
        Objects that changed.
    box : tuple of int or None
        As from `reach`.
    nucleus : ndarray or None
        (H, W) float32.

    Returns
    -------
    LabelCache
        Still empty if nothing was measured before.
    """
    if before.measured is None or box is None:
        return LabelCache()
    kept = before.measured[~before.measured[LABEL].isin(touched)]
    changed = measure_some(after, touched, box, nucleus)
    parts = [t for t in (kept, changed) if len(t)] or [kept]
    table = pd.concat(parts, ignore_index=True).sort_values(LABEL, ignore_index=True)
    return LabelCache(table)
