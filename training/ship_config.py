"""The recipe of a model that ships: the TOML files in ``configs/shipped/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.vocabulary import (
    ERYTHROBLAST,
    IMMATURE_GRANULOCYTE,
    PLATELET_OR_ARTEFACT,
)

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class ShipConfig:
    """A model to ship: the TOML files in ``configs/shipped/`` fill it.

    Attributes
    ----------
    name, title, kind, licence : str
        Go into the manifest.
    members : tuple of str
        Experiments in ``configs/`` whose networks take part.
    default : bool
        Whether the plugin takes it unless told otherwise.
    views : int
        Turned and mirrored views that a classifier's probabilities are averaged over.
    rare_prior, artefact_prior : float
        How common a classifier takes immature granulocytes and erythroblasts for, and platelets and
        artefacts, in parts of what they are by its training: there they are drawn to be learnt, in
        most blood they are rare. Put into the biases of the last layer (Saerens and others, Neural
        Computation 14, 2002).
    """

    name: str = ""
    title: str = ""
    kind: str = "segmentation"
    licence: str = ""
    members: tuple[str, ...] = ()
    default: bool = True
    views: int = 1
    rare_prior: float = 1.0
    artefact_prior: float = 1.0


def priors(config: ShipConfig, classes: Sequence[str]) -> NDArray[np.float64]:
    """Return how common each class is taken for, in parts of what it was in training."""
    known = dict.fromkeys((IMMATURE_GRANULOCYTE.name, ERYTHROBLAST.name), config.rare_prior)
    known[PLATELET_OR_ARTEFACT.name] = config.artefact_prior
    return np.array([known.get(name, 1.0) for name in classes])
