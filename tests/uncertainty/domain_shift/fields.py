"""Small painted fields, in colours that can be changed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.samples.synthetic import SyntheticSmear, synthetic_smear
from napari_leukocyte.uncertainty.domain_shift.cells import CellReference, fit_cells, scaled
from napari_leukocyte.uncertainty.domain_shift.image_profile import measure_profile
from napari_leukocyte.uncertainty.domain_shift.training_domain import (
    SetProfile,
    TrainingDomain,
    fit_set,
)

Tint = tuple[float, float, float]
PLAIN: Tint = (1.0, 1.0, 1.0)


@cache
def smear(seed: int) -> SyntheticSmear:
    return synthetic_smear((220, 220), seed, {"neutrophil": 1, "lymphocyte": 1}, 60.0, 0)


def field(seed: int = 0, tint: Tint = PLAIN) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    made = smear(seed)
    rgb = np.clip(made.image * np.array(tint), 0, 255).astype(np.uint8)
    return rgb, made.labels.astype(np.int32)


@cache
def known_set() -> SetProfile:
    """Return the profile of 60 fields whose light varies a little."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(60):
        red, green, blue = 1 + rng.normal(0, 0.01, 3)
        rows.append(measure_profile(*field(i % 8, (red, green, blue))).values)
    return fit_set("painted", np.array(rows))


def cells(number: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Return embeddings of two classes that lie apart."""
    rng = np.random.default_rng(seed)
    truth = np.array(["lymphocyte", "neutrophil"])[rng.integers(0, 2, number)]
    shift = np.where(truth == "neutrophil", 4.0, 0.0)[:, np.newaxis] * np.eye(20)[0]
    return (rng.normal(0, 1, (number, 20)) + shift).astype(np.float32), truth


def sure(said: NDArray[np.str_]) -> NDArray[np.float64]:
    p = np.random.default_rng(5).uniform(0.8, 0.99, len(said))
    first = np.where(said == "lymphocyte", p, 1 - p)
    return np.stack([first, 1 - first], axis=1)


def reference() -> CellReference:
    embedding, truth = cells(300, 1)
    fitted = fit_cells(embedding, truth, 4)
    held, said = cells(200, 2)
    return scaled(fitted, held, sure(said), said)


def training_domain() -> TrainingDomain:
    return TrainingDomain((known_set(),), reference(), (0.1,), 0.2)
