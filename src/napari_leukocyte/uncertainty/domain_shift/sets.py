"""How far an image's look is from each training set's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.uncertainty.domain_shift.image_profile import FEATURES, ImageProfile

#: Smallest standard deviation of a feature within a set: what the measurement itself varies by, in
#: the feature's unit (L*a*b* units; logarithms; correlations). Without it, a set photographed under
#: one setting would call every other image foreign.
_COLORS, _OPTICS = (1.5, 0.7, 0.7, 3, 2, 2, 3, 2, 2, 3, 2, 2), (0.12, 0.12, 0.1)
_GRAIN = (0.15,) * 6 + (0.08,) * 2
FLOORS = np.array([*_COLORS, *_OPTICS, *_GRAIN])
#: How far correlations within a set are shrunk towards none, as in Friedman, "Regularized
#: discriminant analysis", Journal of the American Statistical Association 84, 1989: some sets have
#: but 80 photographs.
SHRINKAGE = 0.2
#: Shares below this, of sets of a hundred photographs, are one photograph or none.
_TELLING = 0.02
#: Parts of a set's photographs that stand out, from which the limits of "as in this set" come.
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class SetProfile:
    """How the photographs of one set look.

    Attributes
    ----------
    name : str
        Of the set, as shown to the user.
    mean : ndarray
        (F,): of every feature.
    deviation : ndarray
        (F,): standard deviations, at least `FLOORS`.
    precision : ndarray
        (F, F): inverse of the correlations.
    distances : ndarray
        (N,), rising: of the set's own photographs, each measured without itself.
    """

    name: str
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    precision: NDArray[np.float64]
    distances: NDArray[np.float64]

    def deviations(self, look: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how many standard deviations each feature is off; 0 where not measured."""
        return np.nan_to_num((look - self.mean) / self.deviation, nan=0.0)

    def distance(self, look: NDArray[np.float64]) -> float:
        """Return the Mahalanobis distance of a look, over the features that were measured."""
        off = self.deviations(look)
        measured = max(1, int(np.isfinite(look).sum()))
        squared = max(0.0, float(off @ self.precision @ off))
        return float(np.sqrt(squared * len(look) / measured))

    def share_as_far(self, look: NDArray[np.float64]) -> float:
        """Return the share of the set's photographs that are at least as far from it, above 0."""
        farther = len(self.distances) - np.searchsorted(self.distances, self.distance(look))
        return float((farther + 1) / (len(self.distances) + 1))


@dataclass(frozen=True, eq=False)
class DomainMatch:
    """How like the training sets an image looks.

    Attributes
    ----------
    nearest : SetProfile
        The set that it is most like.
    share : float
        Share of a set's own photographs that are at least as far from it, of the set where that is
        largest: above 0, at most 1.
    distances : dict of str to float
        Mahalanobis distance by set.
    """

    nearest: SetProfile
    share: float
    distances: dict[str, float]


def compare(look: ImageProfile, sets: Sequence[SetProfile]) -> DomainMatch:
    """Compare an image with every set.

    Parameters
    ----------
    look : ImageProfile
        The image's.
    sets : sequence of SetProfile
        At least one.

    Returns
    -------
    DomainMatch
    """
    shares = [s.share_as_far(look.values) for s in sets]
    distances = {s.name: s.distance(look.values) for s in sets}
    # Far from all sets the shares only tell how many photographs each has: distances decide.
    far = max(shares) < _TELLING
    order = [-distances[s.name] if far else share for share, s in zip(shares, sets, strict=True)]
    best = order.index(max(order))
    return DomainMatch(sets[best], max(shares), distances)


def fit_set(name: str, looks: NDArray[np.float64]) -> SetProfile:
    """Describe a set by its photographs.

    Parameters
    ----------
    name : str
        Of the set.
    looks : ndarray
        (N, F), NaN where not measured; at least ten.

    Returns
    -------
    SetProfile
    """
    if len(looks) < 10 or looks.shape[1] != len(FEATURES):
        raise ValueError("A set is described by ten photographs or more, all features of each.")
    fold = np.arange(len(looks)) % _FOLDS
    distances = []
    for part in range(_FOLDS):
        without = _fit(name, looks[fold != part])
        distances += [without.distance(row) for row in looks[fold == part]]
    fitted = _fit(name, looks)
    return SetProfile(
        name, fitted.mean, fitted.deviation, fitted.precision, np.sort(np.array(distances))
    )


def _fit(name: str, looks: NDArray[np.float64]) -> SetProfile:
    mean = np.nan_to_num(np.nanmean(looks, axis=0))
    filled = np.where(np.isfinite(looks), looks, mean)
    deviation = np.maximum(filled.std(axis=0), FLOORS)
    scaled = (filled - mean) / deviation
    covariance = scaled.T @ scaled / len(scaled)
    identity = np.eye(len(FEATURES))
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * identity
    # Where the floor is above what was measured, the floor's share is noise of its own.
    shrunk += np.diag(np.maximum(0.0, 1 - np.diag(shrunk)))
    return SetProfile(name, mean, deviation, np.linalg.inv(shrunk), np.zeros(0))
