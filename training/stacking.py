"""Stacking and boosting: a meta-model over several classifiers and the measured morphology.

It is fitted on cells that the classifiers were not trained on (the validation side), and tried on
the test side.

References
----------
.. [1] Wolpert, "Stacked generalization", Neural Networks 5, 1992.
.. [2] Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics
   29, 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.models.manifest import Manifest
from training.predictions import MORPHOLOGY, NOT_FOUND, probability_columns

MetaKind = Literal["logistic", "boosting"]
#: Probabilities are turned into log-odds for the logistic model; these keep them finite.
_SMALLEST = 1e-6
#: Fewer cells of a class than this can neither be fitted nor left out in turn.
FEWEST = 2


@dataclass(frozen=True)
class MetaParams:
    """Regularisation of the meta-models; chosen once, for a few hundred cells, not tuned.

    Attributes
    ----------
    strength : float
        Inverse of the logistic model's L2 penalty.
    rounds, depth, rate : int, int, float
        Trees of the boosted model, their depth and its learning rate.
    smallest_leaf : int
        Cells in a leaf.
    seed : int
        Of the boosted model.
    """

    strength: float = 0.1
    rounds: int = 120
    depth: int = 3
    rate: float = 0.06
    smallest_leaf: int = 5
    seed: int = 0


class MetaModel:
    """A fitted meta-model.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :func:`training.predictions.predict_cells`: the cells to fit to. Cells that were not
        found take no part.
    classifiers : sequence of Manifest
        Whose probabilities it sees; none for the morphology alone.
    kind : {"logistic", "boosting"}
        Multinomial logistic regression, or gradient boosting of trees.
    params : MetaParams
        Regularisation.

    Raises
    ------
    ParameterError
        If there is no such kind, or fewer than two classes have `FEWEST` cells.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        classifiers: Sequence[Manifest],
        kind: MetaKind = "logistic",
        params: MetaParams = MetaParams(),
    ) -> None:
        if kind not in get_args(MetaKind):
            raise ParameterError(
                f"There is no meta-model {kind!r}: known are {', '.join(get_args(MetaKind))}."
            )
        self.kind: MetaKind = kind
        self._probabilities = [c for m in classifiers for c in probability_columns(m)]
        counts = table.loc[table["found"], "truth"].value_counts()
        enough = table["found"] & table["truth"].isin(counts.index[counts >= FEWEST])
        usable = table[enough]
        if usable["truth"].nunique() < 2:
            raise ParameterError(
                "A meta-model needs cells of at least two classes to be fitted to: "
                f"{len(table)} were given."
            )
        self._model: Any = _logistic(params) if kind == "logistic" else _boosting(params)
        self._model.fit(self._features(usable), usable["truth"].to_numpy(str))

    def _features(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return the (N, F) features: log-odds for the logistic model, and the morphology."""
        probability = table[self._probabilities].to_numpy(np.float64)
        if self.kind == "logistic":
            clipped = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
            probability = np.log(clipped / (1 - clipped))
        return np.hstack([probability, table[list(MORPHOLOGY)].to_numpy(np.float64)])

    def verdicts(self, table: pd.DataFrame) -> list[str]:
        """Return a class for every row; `NOT_FOUND` where the segmentation found no cell."""
        said = np.full(len(table), NOT_FOUND, dtype=object)
        found = table["found"].to_numpy(bool)
        if found.any():
            said[found] = self._model.predict(self._features(table[found]))
        return [str(s) for s in said]


def _logistic(params: MetaParams) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(keep_empty_features=True),  # a nucleus that was not found
        StandardScaler(),
        LogisticRegression(C=params.strength, class_weight="balanced", max_iter=2000),
    )


def _boosting(params: MetaParams) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=params.rounds,
        max_depth=params.depth,
        learning_rate=params.rate,
        min_samples_leaf=params.smallest_leaf,
        class_weight="balanced",
        early_stopping=False,
        random_state=params.seed,
    )
