"""Calibrate again on this laboratory's reviewed cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_leukocyte.classification.classify import column
from napari_leukocyte.uncertainty.calibration import Calibration

#: What the cells that ship count for together beside a laboratory's own: as many cells as this.
#: Chosen by measurement; see docs/uncertainty.md.
WORTH = 10.0
#: Begins the note on cells that were approved in bulk: the model's word, which says nothing of
#: whether the model is right.
BULK = "approved in bulk"


def recalibrated(
    shipped: Calibration | None, own: Calibration, worth: float = WORTH
) -> Calibration:
    """Join the calibration that ships with a laboratory's own cells.

    Parameters
    ----------
    shipped : Calibration or None
        As it came with the classifier; None for a classifier without one.
    own : Calibration
        Reviewed cells, of the same classifier.
    worth : float
        How many cells those that ship count for together (of each class, those of that class).
        They fade: 25 own cells a class outweigh them.

    Returns
    -------
    Calibration
    """
    if shipped is None or not len(shipped) or worth <= 0:
        return own
    if shipped.classes != own.classes:
        raise ValueError("The two calibrations are of different classifiers.")
    counts = np.bincount(shipped.truth, minlength=len(shipped.classes))
    present = np.count_nonzero(counts)
    # Classes count alike among those that ship, as in the readers' choice of cells.
    weight = worth / present / counts[shipped.truth]
    return Calibration(
        own.classes,
        np.concatenate([own.truth, shipped.truth]),
        np.concatenate([own.probability, shipped.probability]),
        np.concatenate([own.weight, weight]),
        np.concatenate([own.source, shipped.source]),
    )


def reviewed_cells(table: pd.DataFrame, classes: tuple[str, ...]) -> Calibration:
    """Return the reviewed cells of a session's or a dataset's table.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``class``, ``reviewed``, ``note`` (optional) and the probability of every class, as
        from :meth:`napari_leukocyte.session.session.Session.table`.
    classes : tuple of str
        The classifier's.

    Returns
    -------
    Calibration
        Cells with a class that the classifier knows and with probabilities. Cells that were
        approved in bulk are left out: nobody has looked at them.
    """
    names = [column(name) for name in classes]
    if not len(table) or not set(names) <= set(table.columns):
        return Calibration.of(classes, [], np.zeros((0, len(classes))))
    chosen = table["reviewed"].to_numpy(bool) & table["class"].notna().to_numpy(bool)
    if "note" in table:
        bulk = table["note"].fillna("").astype(str).str.contains(BULK, regex=False)
        chosen &= ~bulk.to_numpy(bool)
    probability = table[names].to_numpy(np.float64)
    chosen &= np.isfinite(probability).all(axis=1)
    truth = table["class"].astype(str).to_numpy()[chosen].tolist()
    return Calibration.of(classes, truth, probability[chosen])
