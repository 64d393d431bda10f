"""What a classifier said of a session's objects, and which objects it has yet to see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.session.objects import MODEL
from napari_leukocyte.session.session import Session

#: A mask has become another one if its area has changed by this factor, either way, or its
#: centroid has moved by this part of its diameter: what was said of it no longer counts.
AREA_FACTOR, SHIFT = 1.3, 0.15


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one classifier said.

    Attributes
    ----------
    table : pandas.DataFrame
        As from :func:`napari_leukocyte.classification.classify.classify`.
    model : str
        The classifier's name.
    description : dict
        The same for the record, with the checksums of the files that were used.
    """

    table: pd.DataFrame
    model: str
    description: dict[str, Any]

    def merged(self, newer: Predictions) -> Predictions:
        """Return the newer predictions with these below them; only of the same classifier."""
        if newer.description != self.description:
            return newer
        kept = self.table[~self.table["label"].isin(newer.table["label"])]
        tables = [t for t in (kept, newer.table) if len(t)]
        joined = pd.concat(tables, ignore_index=True) if tables else newer.table
        return Predictions(joined.sort_values("label"), newer.model, newer.description)


_PREDICTIONS: WeakKeyDictionary[Session, Predictions] = WeakKeyDictionary()


def predictions_of(session: Session) -> Predictions | None:
    """Return what was last said of a session's objects, or None."""
    return _PREDICTIONS.get(session)


def take_over(session: Session, predictions: Predictions, *, all_objects: bool) -> None:
    """Give a session what a classifier said.

    Parameters
    ----------
    session : Session
        Its reader's own classes stay.
    predictions : Predictions
        Of all of its objects or of some.
    all_objects : bool
        Whether it was asked about all of them, so that earlier predictions go.
    """
    former = _PREDICTIONS.get(session)
    if former is not None and not all_objects:
        predictions = former.merged(predictions)
    _PREDICTIONS[session] = predictions
    session.set_predictions(predictions.table, predictions.model)


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
