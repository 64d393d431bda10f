"""The training domain of a classifier: its sets' profiles and cells, in one file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.language import later
from napari_leukocyte.models.artifact import ArtifactKind
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.uncertainty.domain_shift.cells import CellReference
from napari_leukocyte.uncertainty.domain_shift.image_profile import FEATURES

FILE_NAME = "home.npz"
_FILE = ArtifactKind(
    header=FILE_NAME,
    tie="classifier_sha256",
    checksum="checksum",
    subject=later("The reference of the training sets was"),
    otherwise=later("distances to its training sets can't be told. Install the model again"),
)
#: What a set is called in sentences.
TITLES = {
    "zheng1": "Zheng 1 (Jiangxi Tecom)",
    "zheng2": "Zheng 2 (CellaVision)",
    "bccd": "BCCD",
    "pbc": "PBC (Barcelona)",
}
_CELL_ARRAYS = ("center", "components", "means", "precision", "scale", "quantiles", "wrong")
_SET_ARRAYS = ("mean", "deviation", "precision", "distances")
#: Smallest standard deviation of a feature within a set: what the measurement itself varies by, in
#: the feature's unit (L*a*b* units; logarithms; correlations). Without it, a set photographed under
#: one setting would call every other image out of
#: distribution.
_COLORS, _OPTICS = (1.5, 0.7, 0.7, 3, 2, 2, 3, 2, 2, 3, 2, 2), (0.12, 0.12, 0.1)
_GRAIN = (0.15,) * 6 + (0.08,) * 2
FLOORS = np.array([*_COLORS, *_OPTICS, *_GRAIN])
#: How far correlations within a set are shrunk towards none, as in Friedman, "Regularized
#: discriminant analysis", Journal of the American Statistical Association 84, 1989: some sets have
#: but 80 photographs.
SHRINKAGE = 0.2
#: Parts of a set's photographs that stand out, from which the limits of "as in this set" come.
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class SetProfile:
    """The profile of one set: how its photographs look.

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

    def deviations(self, profile: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how many standard deviations each feature is off; 0 where not measured."""
        return np.nan_to_num((profile - self.mean) / self.deviation, nan=0.0)

    def distance(self, profile: NDArray[np.float64]) -> float:
        """Return the Mahalanobis distance of a profile, over the features that were measured."""
        off = self.deviations(profile)
        measured = max(1, int(np.isfinite(profile).sum()))
        squared = max(0.0, float(off @ self.precision @ off))
        return float(np.sqrt(squared * len(profile) / measured))

    def share_as_far(self, profile: NDArray[np.float64]) -> float:
        """Return the share of the set's photographs that are at least as far from it, above 0."""
        farther = len(self.distances) - np.searchsorted(self.distances, self.distance(profile))
        return float((farther + 1) / (len(self.distances) + 1))


@dataclass(frozen=True, eq=False)
class TrainingDomain:
    """The training sets of a classifier: how they look, their cells, and its errors.

    Attributes
    ----------
    sets : tuple of SetProfile
        The profiles of the training sets.
    cells : CellReference
        Their cells.
    in_domain_error : tuple of float
        For each set, the share of the five classes' cells that were wrong on its photographs held
        out from training; NaN where not measured.
    ood_error : float
        The same, in the mean, on sets that were left out of training, by classifiers of the same
        recipe.
    """

    sets: tuple[SetProfile, ...]
    cells: CellReference
    in_domain_error: tuple[float, ...]
    ood_error: float


def fit_set(name: str, profiles: NDArray[np.float64]) -> SetProfile:
    """Describe a set by its photographs.

    Parameters
    ----------
    name : str
        Of the set.
    profiles : ndarray
        (N, F), NaN where not measured; at least ten.

    Returns
    -------
    SetProfile
    """
    if len(profiles) < 10 or profiles.shape[1] != len(FEATURES):
        raise ValueError("A set is described by ten photographs or more, all features of each.")
    fold = np.arange(len(profiles)) % _FOLDS
    distances = []
    for part in range(_FOLDS):
        without = _fit(name, profiles[fold != part])
        distances += [without.distance(row) for row in profiles[fold == part]]
    fitted = _fit(name, profiles)
    return SetProfile(
        name, fitted.mean, fitted.deviation, fitted.precision, np.sort(np.array(distances))
    )


def write_training_domain(classifier: Manifest, domain: TrainingDomain) -> Path:
    """Write what ships with a classifier.

    Parameters
    ----------
    classifier : Manifest
        Which.
    domain : TrainingDomain
        What.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        f"cells_{name}": np.asarray(getattr(domain.cells, name), np.float32)
        for name in _CELL_ARRAYS
    }
    for i, one in enumerate(domain.sets):
        for name in _SET_ARRAYS:
            arrays[f"set{i}_{name}"] = np.asarray(getattr(one, name), np.float32)
    header = {
        "classifier_sha256": [m.sha256 for m in classifier.members],
        "features": list(FEATURES),
        "sets": [one.name for one in domain.sets],
        "classes": list(domain.cells.classes),
        "wrong_at_home": [_number(share) for share in domain.in_domain_error],
        "wrong_abroad": _number(domain.ood_error),
    }
    return _FILE.write(classifier.folder, header, arrays)


def read_training_domain(classifier: Manifest) -> TrainingDomain | None:
    """Read what ships with a classifier.

    Parameters
    ----------
    classifier : Manifest
        Which.

    Returns
    -------
    TrainingDomain or None
        None for a classifier without it, such as one that a user has added.

    Raises
    ------
    ArtifactError
        If the file is damaged, or was made for other networks.
    """
    found = _FILE.read(classifier.folder, classifier)
    if found is None:
        return None
    header, arrays = found.header, found.arrays
    with found.parsing():
        if header["features"] != list(FEATURES):
            raise found.other_layout()
        sets = tuple(
            SetProfile(
                str(name), *(np.asarray(arrays[f"set{i}_{part}"], float) for part in _SET_ARRAYS)
            )
            for i, name in enumerate(header["sets"])
        )
        cells = CellReference(
            tuple(str(c) for c in header["classes"]),
            np.asarray(arrays["cells_center"], np.float32),
            np.asarray(arrays["cells_components"], np.float32),
            *(np.asarray(arrays[f"cells_{part}"], np.float64) for part in _CELL_ARRAYS[2:]),
        )
        errors = tuple(map(_share, header["wrong_at_home"]))
        if len(errors) != len(sets):
            raise ValueError("an error for each set was expected")
        return TrainingDomain(sets, cells, errors, _share(header["wrong_abroad"]))


def _fit(name: str, profiles: NDArray[np.float64]) -> SetProfile:
    mean = np.nan_to_num(np.nanmean(profiles, axis=0))
    filled = np.where(np.isfinite(profiles), profiles, mean)
    deviation = np.maximum(filled.std(axis=0), FLOORS)
    scaled = (filled - mean) / deviation
    covariance = scaled.T @ scaled / len(scaled)
    identity = np.eye(len(FEATURES))
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * identity
    # Where the floor is above what was measured, the floor's share is noise of its own.
    shrunk += np.diag(np.maximum(0.0, 1 - np.diag(shrunk)))
    return SetProfile(name, mean, deviation, np.linalg.inv(shrunk), np.zeros(0))


def _number(share: float) -> float | None:
    return None if np.isnan(share) else round(share, 4)


def _share(value: float | None) -> float:
    return float("nan") if value is None else float(value)
