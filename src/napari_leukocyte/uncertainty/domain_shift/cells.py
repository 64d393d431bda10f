"""The out-of-distribution score of each cell, by the cells that a classifier was trained on.

References
----------
.. [1] Lee and others, "A simple unified framework for detecting out-of-distribution samples and
   adversarial attacks", NeurIPS 2018: the Mahalanobis distance to each class's mean.
.. [2] Jiang and others, "To trust or not to trust a classifier", NeurIPS 2018: the distance to the
   predicted class against that to the nearest other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: Principal components of the embedding that distances are taken in, about as many as there are
#: classes: the further ones tell the sets apart, not right from wrong. See
#: docs/measured/distribution-shift.md.
COMPONENTS = 8
#: Keeps the logarithm of a sure prediction's second probability finite.
_LEAST = 1e-4
#: Part of the mean variance that is added to each component's.
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class CellReference:
    """The training sets' cells in a classifier's embedding.

    Attributes
    ----------
    classes : tuple of str
        Classes with training cells.
    center : ndarray
        (E,): of the embeddings.
    components : ndarray
        (E, K): principal axes.
    means : ndarray
        (C, K): of the classes.
    precision : ndarray
        (K, K): inverse of the covariance within the classes.
    scale : ndarray
        (2, 2): median and interquartile range, on known cells held out, of the ratio of
        distances and of the ratio of probabilities, as logarithms.
    quantiles : ndarray
        (Q,), rising: evenly spaced quantiles of the score on known cells held out.
    wrong : ndarray
        (Q - 1,): share of wrong cells between two quantiles, in sets left out of training; NaN
        where not measured.
    """

    classes: tuple[str, ...]
    center: NDArray[np.float32]
    components: NDArray[np.float32]
    means: NDArray[np.float64]
    precision: NDArray[np.float64]
    scale: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    wrong: NDArray[np.float64]

    def ratios(
        self, embedding: NDArray[np.floating], said: Sequence[str] | NDArray[np.str_]
    ) -> NDArray[np.float64]:
        """Return the logarithm of the distance to a cell's class over that to the nearest other.

        Parameters
        ----------
        embedding : ndarray
            (N, E).
        said : sequence of str
            (N,): the class that each cell was given; one without training cells counts as the
            nearest.

        Returns
        -------
        ndarray
            (N,); below 0 where its own class is nearest. Distances are squared.
        """
        points = (np.asarray(embedding, np.float32) - self.center) @ self.components
        off = points[:, np.newaxis].astype(np.float64) - self.means
        squared = np.einsum("ncj,jk,nck->nc", off, self.precision, off)
        own = np.array([self.classes.index(s) if s in self.classes else -1 for s in said], int)
        own = np.where(own < 0, squared.argmin(axis=1), own) if len(own) else own
        rows = np.arange(len(squared))
        to_own = squared[rows, own]
        others = squared.copy()
        others[rows, own] = np.inf
        return np.asarray(np.log(to_own + 1e-6) - np.log(others.min(axis=1) + 1e-6))

    def score(
        self,
        embedding: NDArray[np.floating],
        probability: NDArray[np.float64],
        said: Sequence[str] | NDArray[np.str_],
    ) -> NDArray[np.float64]:
        """Return the out-of-distribution score of cells: distance and ambiguity together.

        Parameters
        ----------
        embedding, said
            As for `ratios`.
        probability : ndarray
            (N, C'): of the classifier.

        Returns
        -------
        ndarray
            (N,): about 0 for an ordinary cell of a training set, larger the farther out a cell is.
        """
        parts = np.stack([self.ratios(embedding, said), ambiguity(probability)])
        middle, spread = self.scale[:, :1], self.scale[:, 1:]
        return np.asarray(((parts - middle) / spread).mean(axis=0))

    def rank(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share, 0 to 1, of known cells held out with a lower score."""
        shares = np.linspace(0, 1, len(self.quantiles))
        return np.asarray(np.interp(score, self.quantiles, shares))

    def wrong_share(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how often cells that score so were wrong in sets left out; NaN where unknown."""
        place = np.searchsorted(self.quantiles[1:-1], score, side="right")
        return np.asarray(self.wrong[place])


def ambiguity(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the second class's probability over the first's, (N,)."""
    ordered = np.sort(probability, axis=1)
    return np.asarray(np.log(ordered[:, -2] + _LEAST) - np.log(ordered[:, -1] + _LEAST))


def fit_cells(
    embedding: NDArray[np.floating],
    truth: NDArray[np.str_],
    components: int = COMPONENTS,
) -> CellReference:
    """Describe the training sets' cells; the scale is set by `scaled`.

    Parameters
    ----------
    embedding : ndarray
        (N, E).
    truth : ndarray
        (N,) str: classes.
    components : int
        How many.

    Returns
    -------
    CellReference
    """
    classes = tuple(str(c) for c in np.unique(truth))
    values = np.asarray(embedding, np.float32)
    # Classes count alike: some sets hold thousands of one.
    least = max(1, min(int(np.sum(truth == c)) for c in classes if np.sum(truth == c) >= 30))
    rng = np.random.default_rng(0)
    balanced = np.concatenate(
        [values[rng.permutation(np.flatnonzero(truth == c))[:least]] for c in classes]
    )
    center = balanced.mean(axis=0)
    _, _, axes = np.linalg.svd(balanced - center, full_matrices=False)
    directions = axes[:components].T
    points = ((values - center) @ directions).astype(np.float64)
    means = np.array([points[truth == c].mean(axis=0) for c in classes])
    within = points - means[[classes.index(str(t)) for t in truth]]
    covariance = within.T @ within / len(within)
    ridge = _RIDGE * np.trace(covariance) / len(covariance)
    precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
    return CellReference(
        classes,
        center,
        directions,
        means,
        precision,
        np.array([[0.0, 1.0], [0.0, 1.0]]),
        np.zeros(2),
        np.full(1, np.nan),
    )


def scaled(
    reference: CellReference,
    embedding: NDArray[np.floating],
    probability: NDArray[np.float64],
    said: NDArray[np.str_],
    quantiles: int = 21,
) -> CellReference:
    """Set the scale by known cells that were held out from training.

    Parameters
    ----------
    reference : CellReference
        As from `fit_cells`.
    embedding, probability, said
        The cells; see `CellReference.score`.
    quantiles : int
        How many of the score's are kept.

    Returns
    -------
    CellReference
    """
    parts = np.stack([reference.ratios(embedding, said), ambiguity(probability)])
    low, middle, high = np.percentile(parts, [25, 50, 75], axis=1)
    scale = np.stack([middle, np.maximum(high - low, 1e-3)], axis=1)
    made = replace(reference, scale=scale)
    score = made.score(embedding, probability, said)
    return replace(
        made,
        quantiles=np.quantile(score, np.linspace(0, 1, quantiles)),
        wrong=np.full(quantiles - 1, np.nan),
    )
