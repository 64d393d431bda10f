"""Label errors: cells whose class may be wrong, in the way of confident learning.

A simple model is fitted to what the classifier sees of the cells, and asked about cells of groups
that it was not fitted to. Where it is as sure of another class as it is of nearly all cells that
have that class, and hardly believes the one given, the label is doubtful.

References
----------
Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal of
Artificial Intelligence Research 70 (2021), https://doi.org/10.1613/jair.1.12125. There, a class's
threshold is the mean of what its own cells get; half of the wrong labels among cells that are
easily told apart stay below that, so it is a low quantile here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL

#: Cells and groups that a class needs to be looked at, and cells in all: with fewer, the model
#: knows nothing.
CELLS_OF_CLASS, GROUPS_OF_CLASS, CELLS = 5, 2, 30
FOLDS = 5
#: Probability of the given class above which nothing is doubted, and of another class below which
#: nothing is suggested, whatever the thresholds are.
MOST_BELIEF, LEAST_BELIEF = 0.2, 0.5
#: Share of a class's own cells of which the model is less sure than of a suspect.
UNSURE = 0.1


@dataclass(frozen=True)
class LabelError:
    """A cell whose class is doubtful.

    Attributes
    ----------
    image : str
        Name of the photograph.
    label : int
        Number of the cell.
    given, suggested : str
        The class that it has, and the one that is more likely.
    belief : float
        Probability of the given class, 0 to 1.
    """

    image: str
    label: int
    given: str
    suggested: str
    belief: float

    @property
    def sentence(self) -> str:
        """Say so."""
        return (
            f"{self.image}, cell {self.label}: {self.given}, but it looks like {self.suggested} "
            f"({self.belief:.0%} for {self.given})."
        )


def enough(cells: pd.DataFrame) -> pd.DataFrame:
    """Keep the cells of classes that have enough cells and groups.

    Parameters
    ----------
    cells : pandas.DataFrame
        ``label``, ``class``, ``group``: cells of one group, such as a patient's, are never asked
        about by a model that was fitted to others of it.
    """
    of_class = cells.groupby("class")
    good = (of_class[LABEL].count() >= CELLS_OF_CLASS) & (
        of_class["group"].nunique() >= GROUPS_OF_CLASS
    )
    names = set(good[good].index)
    return cells[cells["class"].isin(names)].reset_index(drop=True)


def find_label_errors(
    cells: pd.DataFrame, features: NDArray[np.floating], progress: Progress = silent
) -> list[LabelError]:
    """List the cells whose class is doubtful.

    Parameters
    ----------
    cells : pandas.DataFrame
        ``image``, ``label``, ``class``, ``group`` of N cells, as `enough` leaves them.
    features : ndarray
        (N, D): what the classifier makes of each.
    progress : callable
        Called before each of the models is fitted.

    Returns
    -------
    list of LabelError
        The least believed first; none where there are too few cells.
    """
    if len(cells) < CELLS or cells["class"].nunique() < 2:
        return []
    return list(_doubted(cells, _out_of_sample(features, cells, progress)))


def _out_of_sample(
    features: NDArray[np.floating], cells: pd.DataFrame, progress: Progress
) -> NDArray[np.float64]:
    """Return the probability of every class by a model that has not seen the cell's group."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from threadpoolctl import threadpool_limits

    names = sorted(set(cells["class"].tolist()))
    given = np.array([names.index(c) for c in cells["class"].tolist()])
    groups = cells["group"].to_numpy(object)
    folds = GroupKFold(min(FOLDS, len(set(groups.tolist()))))
    beliefs = np.full((len(cells), len(names)), np.nan)
    for fold, (train, test) in enumerate(folds.split(features, given, groups)):
        progress(fold, FOLDS, "Comparing classes")
        if len(set(given[train].tolist())) < 2:
            continue
        # Regularised: it must not learn single wrong labels by heart.
        model: Any = LogisticRegression(C=1.0, max_iter=500, class_weight="balanced")
        # Thousands of small products: on a busy machine threads wait longer than they compute.
        with threadpool_limits(1):
            model.fit(features[train], given[train])
        beliefs[test] = 0.0
        beliefs[np.ix_(test, model.classes_)] = model.predict_proba(features[test])
    return beliefs


def _doubted(cells: pd.DataFrame, beliefs: NDArray[np.float64]) -> Iterator[LabelError]:
    names = sorted(set(cells["class"].tolist()))
    given = np.array([names.index(c) for c in cells["class"].tolist()])
    asked = np.asarray(~np.isnan(beliefs).any(axis=1))
    own = np.where(asked, beliefs[np.arange(len(cells)), given], np.nan)
    # A class that the model was not asked about is never the likelier one.
    usual = np.full(len(names), np.inf)
    for n in range(len(names)):
        if (mine := asked & (given == n)).any():
            usual[n] = max(LEAST_BELIEF, float(np.quantile(own[mine], UNSURE)))
    sure = np.logical_and(asked[:, np.newaxis], beliefs >= usual)
    np.put_along_axis(sure, given[:, np.newaxis], False, axis=1)
    chosen = np.flatnonzero(np.any(sure, axis=1) & (np.nan_to_num(own, nan=1.0) < MOST_BELIEF))
    for place in chosen[np.argsort(own[chosen], kind="stable")]:
        best = int(np.argmax(np.where(sure[place, :], beliefs[place, :], -1)))
        row = cells.iloc[int(place)]
        yield LabelError(
            str(row["image"]), int(row[LABEL]), str(row["class"]), names[best], float(own[place])
        )
