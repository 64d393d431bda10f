"""Train the classifier on crops of single cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import fade_surroundings
from napari_leukocyte.images.background import balance_white
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.augment import Appearance, AppearanceParams
from training.cells import MARGIN, Cell, load_cells
from training.config import read_config
from training.data.photographs import CLASSIFIED, DatasetName, load
from training.data.splits import Side, select
from training.fitting import RUNS, Schedule, fit, optimizer
from training.networks.classifier import build_classifier
from training.networks.imagenet import load_imagenet


@dataclass(frozen=True)
class ClassifierConfig:
    """An experiment of classification: the TOML files in ``configs/`` fill it.

    Attributes
    ----------
    name : str
        Names the run.
    encoder, encoder_weights : str
        See :class:`training.segment.SegmentationConfig`; also the name of an experiment of the same
        encoder and classes, from whose weights to go on.
    datasets, classes : tuple of str
        Sets to train on and classes to tell apart, in the order of the outputs.
    side : int
        Side of the crops, px.
    diameter : float
        Diameter of a cell in them, px.
    set_balance : float
        0 draws every set of a class alike, 1 every photograph alike.
    label_smoothing, dropout : float
        Regularisation.
    seed : int
        Seed of weights and crops.
    """

    name: str = "classifier"
    encoder: str = "lite0"
    encoder_weights: str = "imagenet"
    datasets: tuple[DatasetName, ...] = CLASSIFIED
    classes: tuple[str, ...] = LEUKOCYTE_NAMES
    side: int = 128
    diameter: float = 84.0
    set_balance: float = 0.4
    label_smoothing: float = 0.05
    dropout: float = 0.3
    seed: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    appearance: AppearanceParams = field(default_factory=AppearanceParams)


class CellBatches(keras.utils.PyDataset):
    """Augmented crops, drawn evenly over the classes and, within a class, over the sets."""

    def __init__(self, cells: list[Cell], config: ClassifierConfig) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._cells, self._config = cells, config
        self._targets = targets(cells, config.classes)
        self._weight = balance_weights(cells, config)
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self._config.schedule.steps

    def on_epoch_end(self) -> None:
        """Count epochs, so that each draws other crops."""
        self._epoch += 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a batch: (N, side, side, 3) RGB 0 to 255 and one-hot classes."""
        config = self._config
        rng = np.random.default_rng([config.seed, self._epoch, index])
        appearance = Appearance(config.appearance, int(rng.integers(2**31)))
        size = config.schedule.batch_size
        chosen = rng.choice(len(self._cells), size, p=self._weight)
        crops = [augmented_crop(self._cells[i], config, appearance, rng) for i in chosen]
        return np.stack(crops).astype(np.float32), self._targets[chosen]


def balance_weights(cells: list[Cell], config: ClassifierConfig) -> NDArray[np.float64]:
    """Return a weight for each cell: classes count alike, and sets as `set_balance` says."""
    pairs = [(str(c.photograph.label), c.photograph.dataset) for c in cells]
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    share = {pair: n**config.set_balance for pair, n in counts.items()}
    of_class = {
        name: sum(s for (label, _), s in share.items() if label == name) for name in config.classes
    }
    weight = np.array([share[p] / of_class[p[0]] / counts[p] for p in pairs])
    return np.asarray(weight / weight.sum())


def targets(cells: list[Cell], classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Return one-hot classes, (N, C) float32."""
    numbers = [classes.index(str(c.photograph.label)) for c in cells]
    return np.eye(len(classes), dtype=np.float32)[numbers]


def augmented_crop(
    cell: Cell, config: ClassifierConfig, appearance: Appearance, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a new look of a cell.

    Rotation, scale, shift and mirror in one interpolation; then stain and camera; then the
    background is brought to white as at inference, with the error such an estimate has.
    """
    side, centre = config.side, cell.patch.shape[0] / 2
    scale = np.exp(rng.normal(0, 0.1)) * np.exp(rng.uniform(-0.08, 0.08, 2))
    angle = rng.uniform(0, 2 * np.pi)
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * (
        scale * [rng.choice([-1.0, 1.0]), 1.0]
    )
    shift = side / 2 + rng.normal(0, 0.03, 2) * side
    affine = np.column_stack([linear, shift - linear @ [centre, centre]])
    border = cv2.BORDER_REFLECT_101
    patch = np.asarray(
        cv2.warpAffine(cell.patch, affine, (side, side), flags=cv2.INTER_LINEAR, borderMode=border),
        np.uint8,
    )
    warped = cv2.warpAffine(cell.mask, affine, (side, side), flags=cv2.INTER_LINEAR)
    mask = _imprecise(np.asarray(warped, np.uint8), config.diameter, rng)
    before = np.maximum(cell.background, 1.0)
    looked = appearance(patch)
    # How the appearance changed the brightest part of the patch, it changed the background.
    gain = _bright(looked) / np.maximum(_bright(patch), 1.0)
    estimate = before * gain * np.exp(rng.normal(0, 0.03, 3))
    balanced = balance_white(looked, estimate)
    return fade_surroundings(balanced, mask, config.diameter, float(rng.uniform(0.1, 0.8)))


def _bright(patch: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(np.percentile(patch[::3, ::3].reshape(-1, 3), 95, axis=0), np.float64)


def _imprecise(
    mask: NDArray[np.uint8], diameter: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Grow or shrink a mask a little, as no segmentation is exact."""
    width = 2 * int(rng.integers(0, max(2, round(0.06 * diameter)))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    change = cv2.dilate if rng.random() < 0.6 else cv2.erode
    return np.asarray(change(mask, kernel), np.uint8)


def plain_crops(cells: list[Cell], config: ClassifierConfig) -> NDArray[np.float32]:
    """Return the crops as the plugin cuts them, (N, side, side, 3) float32."""
    crops = []
    cut = (round(config.side * MARGIN) - config.side) // 2
    inner = slice(cut, cut + config.side)
    for cell in cells:
        balanced = balance_white(cell.patch[inner, inner], cell.background)
        crops.append(fade_surroundings(balanced, cell.mask[inner, inner], config.diameter))
    return np.stack(crops).astype(np.float32)


def cells_of(config: ClassifierConfig, data_root: Path, *sides: Side) -> list[Cell]:
    """Return the cells of an experiment's classes on the given sides of the split."""
    photographs = [
        p
        for dataset in config.datasets
        for p in select(load(dataset, data_root), dataset, *sides)
        if p.label in config.classes
    ]
    return load_cells(photographs, config.side, config.diameter)


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
    model = build_classifier(config.encoder, len(config.classes), config.dropout)
    if config.encoder_weights == "imagenet":
        load_imagenet(model, config.encoder)
    elif config.encoder_weights != "none":
        model.load_weights(RUNS / config.encoder_weights / "model.keras")
    train = cells_of(config, data_root, "train")
    validation = cells_of(config, data_root, "validation")
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=config.label_smoothing
    )
    # The embedding has no truth to be compared with: it is trained through the logits alone.
    trained = keras.Model(model.input, model.output["logits"])
    trained.compile(
        optimizer(config.schedule),
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
