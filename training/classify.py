"""Train the classifier on crops of single cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.agree import candidates, photographs_with_agreed_classes
from training.cell_batches import (
    CellBatches,
    ClassifierConfig,
    balance_weights,
    plain_crops,
    targets,
)
from training.cells import Cell, load_cells, load_mistaken
from training.config import read_config
from training.data.photographs import Photograph, load
from training.data.splits import Side, select
from training.fitting import RUNS, fit, optimizer
from training.networks.classifier import build_classifier
from training.networks.warm_start import warm_start
from training.networks.weights import start_from
from training.ship_config import priors, recipe_of
from training.teachers import SHIPPED

#: Crops that the statistics of its normalisation are measured on.
_STATISTICS = 320


def cells_of(config: ClassifierConfig, data_root: Path, *sides: Side) -> list[Cell]:
    """Return the cells of an experiment's classes on the given sides of the split."""
    cells = []
    for dataset in config.datasets:
        there = select(load(dataset, data_root), dataset, *sides)
        # What only chooses the best epoch and the temperature needs fewer.
        most = config.most if "train" in sides else config.most // 4
        named = few_of_each([p for p in there if p.label in config.classes], most, config.seed)
        cells += load_cells(named, config.side, config.diameter)
        if config.mistaken:
            fields = [p for p in named if p.mask or p.label in LEUKOCYTE_NAMES]
            chosen = np.random.default_rng(config.seed).permutation(len(fields))[: config.mistaken]
            few = [fields[int(i)] for i in chosen]
            cells += load_mistaken(few, config.side, config.diameter, config.seed)
    return cells


def few_of_each(photographs: list[Photograph], most: int, seed: int) -> list[Photograph]:
    """Return at most `most` photographs of each class, in their order; all if it is 0."""
    if not most:
        return photographs
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for label in sorted({str(p.label) for p in photographs}):
        of_class = [i for i, p in enumerate(photographs) if p.label == label]
        chosen += [of_class[int(k)] for k in rng.permutation(len(of_class))[:most]]
    return [photographs[i] for i in sorted(chosen)]


def _go_on_from(model: keras.Model, config: ClassifierConfig, train: list[Cell]) -> None:
    """Start from a shipped classifier, without what its export took for rare."""
    shipped = find_model("classification", config.encoder_weights.removeprefix(SHIPPED))
    if shipped.classes != tuple(config.classes):
        raise ParameterError(f"{shipped.name} has other classes than {config.name}.")
    rng = np.random.default_rng(config.seed)
    weights = balance_weights(train, config)
    chosen = rng.choice(len(train), min(_STATISTICS, len(train)), replace=False, p=weights)
    taken_off = shipped.temperature * np.log(priors(recipe_of(shipped.name), config.classes))
    warm_start(model, shipped, plain_crops([train[i] for i in chosen], config), -taken_off)


def train_classifier(config_file: Path, data_root: Path) -> keras.Model:
    """Train a classifier as a TOML file says.

    Parameters
    ----------
    config_file : Path
        An experiment.
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    keras.Model
        With the best weights, which also lie in ``runs/<name>/model.keras``.
    """
    config = read_config(config_file, ClassifierConfig)
    keras.utils.set_random_seed(config.seed)
    # The photographs first: a wrong data root is said at once, whatever weights are there.
    train = cells_of(config, data_root, "train")
    if config.agreed:
        more = photographs_with_agreed_classes(data_root, config.agreed)
        train += load_cells(more, config.side, config.diameter)
    for dataset in config.teaching.unlabelled:
        more = [replace(p, label=None) for p in candidates(dataset, data_root)]
        train += load_cells(more, config.side, config.diameter)
    validation = cells_of(config, data_root, "validation")
    model = build_classifier(
        config.encoder,
        len(config.classes),
        config.dropout,
        config.stochastic_depth,
        config.normalisation,
    )
    if config.encoder_weights.startswith(SHIPPED):
        _go_on_from(model, config, train)
    else:
        start_from(model, config.encoder, config.encoder_weights)
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=config.label_smoothing
    )
    # The embedding has no truth to be compared with: it is trained through the logits alone.
    trained = keras.Model(model.input, model.output["logits"])
    trained.compile(
        optimizer(config.schedule, config.ema),
        loss=loss,
        metrics=["categorical_accuracy"],
        jit_compile=False,
    )
    # The best epoch is the best over classes and sets alike, not over the largest set.
    weights = balance_weights(validation, config) * len(validation)
    fit(
        trained,
        CellBatches(train, config),
        (plain_crops(validation, config), targets(validation, config.classes), weights),
        config.schedule,
        config.name,
        config,
    )
    model.save(RUNS / config.name / "model.keras")
    return model
