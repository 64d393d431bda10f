"""Nonconformity scores that were compared with the one in use: how badly a class fits a cell.

References
----------
.. [1] Romano, Sesia, Candes, "Classification with valid and adaptive coverage", NeurIPS 2020 (APS).
.. [2] Angelopoulos and others, "Uncertainty sets for image classifiers using conformal prediction",
   ICLR 2021 (RAPS).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.uncertainty.calibration import Score, lac

#: RAPS: what each class beyond the first `_FREE` costs. With eight classes at most one or two are
#: ever in question.
_PENALTY, _FREE = 0.1, 1


def aps(probability: NDArray[np.float64], penalty: float = 0.0) -> NDArray[np.float64]:
    """Return the probability of each class and of all likelier ones together.

    Without its random part, so that the same cell always gets the same set.

    Parameters
    ----------
    probability : ndarray
        (N, C), rows adding up to 1.
    penalty : float
        Added for each rank of the class beyond the first.

    Returns
    -------
    ndarray
        (N, C): the larger, the worse a class fits.
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    summed = np.cumsum(np.take_along_axis(probability, order, axis=1), axis=1)
    ranks = np.arange(1, probability.shape[1] + 1)
    summed = summed + penalty * np.maximum(0, ranks - _FREE)
    result = np.empty_like(summed)
    np.put_along_axis(result, order, summed, axis=1)
    return np.asarray(result)


def raps(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `aps` with a penalty for the class's rank, which keeps sets small."""
    return aps(probability, _PENALTY)


SCORES: dict[str, Score] = {"lac": lac, "aps": aps, "raps": raps}
