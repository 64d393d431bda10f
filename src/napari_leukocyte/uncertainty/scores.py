"""How badly a class fits a cell: the nonconformity scores that prediction sets are made of.

References
----------
.. [1] Sadinle, Lei, Wasserman, "Least ambiguous set-valued classifiers with bounded error levels",
   Journal of the American Statistical Association 114, 2019 (LAC).
.. [2] Romano, Sesia, Candes, "Classification with valid and adaptive coverage", NeurIPS 2020 (APS).
.. [3] Angelopoulos and others, "Uncertainty sets for image classifiers using conformal prediction",
   ICLR 2021 (RAPS).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError

ScoreName = Literal["lac", "aps", "raps"]
SCORES: tuple[ScoreName, ...] = get_args(ScoreName)
#: RAPS: what each class beyond the first `_FREE` costs. With eight classes at most one or two are
#: ever in question.
_PENALTY, _FREE = 0.1, 1


def nonconformity(probability: NDArray[np.float64], score: ScoreName) -> NDArray[np.float64]:
    """Score every class of every cell.

    Parameters
    ----------
    probability : ndarray
        (N, C), rows adding up to 1.
    score : {"lac", "aps", "raps"}
        LAC: one minus the probability. APS: the probability of the class and of all likelier ones.
        RAPS: the same, and a penalty for the class's rank. APS and RAPS are taken without their
        random part, so that the same cell always gets the same set.

    Returns
    -------
    ndarray
        (N, C): the larger, the worse a class fits.

    Raises
    ------
    ParameterError
        If there is no such score.
    """
    check_score(score)
    if score == "lac":
        return 1 - probability
    order = np.argsort(-probability, axis=1, kind="stable")
    summed = np.cumsum(np.take_along_axis(probability, order, axis=1), axis=1)
    if score == "raps":
        ranks = np.arange(1, probability.shape[1] + 1)
        summed = summed + _PENALTY * np.maximum(0, ranks - _FREE)
    result = np.empty_like(summed)
    np.put_along_axis(result, order, summed, axis=1)
    return result


def check_score(score: str) -> None:
    """Refuse what is not one of `SCORES`."""
    if score not in SCORES:
        raise ParameterError(f"There is no score {score!r}: known are {', '.join(SCORES)}.")
