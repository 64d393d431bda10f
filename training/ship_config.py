"""The recipe of a model that ships: the TOML files in ``configs/shipped/``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.vocabulary import (
    ERYTHROBLAST,
    IMMATURE_GRANULOCYTE,
    PLATELET_OR_ARTEFACT,
)
from training.config import read_config

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


def recipe_of(name: str) -> ShipConfig:
    """Return the recipe of a shipped model by the model's name.

    Raises
    ------
    ParameterError
        If there is none of this name.
    """
    for file in sorted((CONFIGS / "shipped").glob("*.toml")):
        if tomllib.loads(file.read_text(encoding="utf-8"))["name"] == name:
            return read_config(file, ShipConfig)
    raise ParameterError(f"No file in {CONFIGS / 'shipped'} makes a model of the name {name}.")


def priors(config: ShipConfig, classes: Sequence[str]) -> NDArray[np.float64]:
    """Return how common each class is taken for, in parts of what it was in training."""
    known = dict.fromkeys((IMMATURE_GRANULOCYTE.name, ERYTHROBLAST.name), config.rare_prior)
    known[PLATELET_OR_ARTEFACT.name] = config.artefact_prior
    return np.array([known.get(name, 1.0) for name in classes])
