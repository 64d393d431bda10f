"""In which order objects are best reviewed: first what would change the count most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.vocabulary import CLASSES

#: Classes that are not in the total: that a cell is one rather than another changes nothing.
_UNCOUNTED = frozenset(c.name for c in CLASSES if not c.counted)


def review_order(
    predicted: pd.DataFrame, classes: Mapping[int, str], waiting: Collection[int]
) -> list[int]:
    """Order objects by how much a look at them may change the count.

    A wrong class takes one cell from one class and gives it to another. That matters the more the
    likelier it is, and the rarer the two classes are: one cell is a hundredth of the neutrophils
    and half of the basophils. An object's worth is therefore::

        (1 - margin) x (1 / (1 + n_first) + 1 / (1 + n_second))

    where the margin is the difference between the greatest and the second greatest probability
    (0: the model can't decide; 1: it is sure), first and second are the two classes, and n counts
    the objects that have that class now. A class outside the differential adds nothing, since
    only the other one's count would change.

    Parameters
    ----------
    predicted : pandas.DataFrame
        Index: labels; ``class``, ``confidence`` and a column ``p_...`` for each class, as from a
        classifier. Without such columns the margin is that of the confidence.
    classes : mapping of int to str
        The class that counts now, of every object that has one.
    waiting : collection of int
        Objects to be put in order.

    Returns
    -------
    list of int
        `waiting`, most worth first. Objects without any class come before all others, since they
        are missing from the count; equal ones come by number.
    """
    labels = np.array(sorted(waiting), np.int64)
    if not labels.size:
        return []
    unknown = np.array([int(n) not in classes for n in labels])
    worth = np.zeros(len(labels))
    known = predicted.index.isin(labels) if len(predicted) else np.zeros(0, bool)
    if known.any():
        rows = predicted[known]
        position = np.searchsorted(labels, rows.index.to_numpy())
        worth[position] = _worth(rows, Counter(classes.values()))
    worth[unknown] = np.inf
    return [int(n) for n in labels[np.lexsort((labels, -worth))]]


def _worth(rows: pd.DataFrame, counts: Counter[str]) -> NDArray[np.float64]:
    columns = [c for c in rows if str(c).startswith("p_")]
    if len(columns) < 2:
        sure = rows["confidence"].fillna(0.0).to_numpy(np.float64)
        weights = [_rarity(str(c), counts) for c in rows["class"]]
        return np.asarray((1 - sure) * np.array(weights))
    rarity = np.array([_rarity(str(c).removeprefix("p_"), counts) for c in columns])
    probabilities = np.nan_to_num(rows[columns].to_numpy(np.float64))
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    first, second = np.take_along_axis(probabilities, order, axis=1).T
    return np.asarray((1 - (first - second)) * rarity[order].sum(axis=1))


def _rarity(name: str, counts: Counter[str]) -> float:
    return 0.0 if name in _UNCOUNTED else 1 / (1 + counts[name])
