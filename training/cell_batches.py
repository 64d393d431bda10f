"""Batches of single cells for the classifier: what an experiment says, and augmented crops."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import fade_surroundings, standardise_density
from napari_leukocyte.io.images.background import balance_white
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.augment import Appearance, AppearanceParams, vary_stain_amounts
from training.balance import Balance, Epoch, draw_weights, plan_epoch
from training.cells import Cell, patch_side
from training.data.photographs import DatasetName
from training.fitting import Schedule
from training.mixing import MixingParams, mix_batch
from training.teachers import Teachers, TeachingParams

#: Standard deviation of the log of the density that a nucleus gets in training: what is measured
#: at inference has an error.
DENSITY_ERROR = 0.08


@dataclass(frozen=True)
class ClassifierConfig:
    """An experiment of classification: the TOML files in ``configs/`` fill it.

    Attributes
    ----------
    name : str
        Names the run.
    encoder, encoder_weights : str
        See :class:`training.segment.SegmentationConfig`; also the name of an experiment of the same
        encoder and classes, from whose weights to go on, or ``"shipped:"`` and the name of a
        shipped classifier, see :mod:`training.networks.warm_start`.
    datasets, classes : tuple of str
        Sets to train on and classes to tell apart, in the order of the outputs.
    most : int
        Photographs of each class of a set that are trained on at most, drawn by `seed`, and a
        quarter of it validated on; 0 for all. Of thousands from one microscope few are ever drawn.
    side : int
        Side of the crops, px.
    diameter : float
        Diameter of a cell in them, px.
    nucleus_density : float
        Optical density that nuclei are brought to; 0 leaves stains alone. See
        :mod:`napari_leukocyte.classification.crops`.
    surroundings : tuple of float
        Range of the contrast that is left around the cell.
    mistaken : int
        Photographs of each set from which objects that are no leukocytes are cut as well; see
        :mod:`training.artefacts`.
    agreed : str
        Name of the agreement of earlier classifiers on the classes of Raabin's cells, which then
        take part; see :mod:`training.agree`. None by default.
    balance : str
        Over- or undersampling or weights instead of drawing; see :mod:`training.balance`.
    set_balance : float
        0 draws every set of a class alike, 1 every photograph alike.
    further_weight : float
        How often the classes beyond the five are drawn, in parts of how often those are: they are
        rare in most smears, and what is drawn as often as the others is said as often.
    label_smoothing, dropout, stochastic_depth : float
        Regularisation; weight decay is the schedule's.
    normalisation : {"batch", "frozen"}
        See :data:`training.networks.encoders.Normalisation`.
    mixing : MixingParams
        Mixup and cutmix; none by default.
    teaching : TeachingParams
        Earlier classifiers whose vote is learnt beside the labels; none by default.
    ema : float
        Momentum of the running average of the weights that is kept instead of the last ones, 0
        for none (Polyak and Juditsky, SIAM Journal on Control and Optimization 30, 1992).
    seed : int
        Seed of weights and crops.
    """

    name: str = "classifier"
    encoder: str = "lite0"
    encoder_weights: str = "imagenet"
    datasets: tuple[DatasetName, ...] = ("zheng1", "zheng2", "bccd", "pbc")
    classes: tuple[str, ...] = LEUKOCYTE_NAMES
    most: int = 0
    side: int = 128
    diameter: float = 84.0
    nucleus_density: float = 0.0
    surroundings: tuple[float, float] = (0.1, 0.8)
    mistaken: int = 0
    agreed: str = ""
    balance: Balance = "draw"
    set_balance: float = 0.4
    further_weight: float = 0.4
    label_smoothing: float = 0.05
    dropout: float = 0.3
    stochastic_depth: float = 0.2
    normalisation: str = "batch"
    mixing: MixingParams = field(default_factory=MixingParams)
    teaching: TeachingParams = field(default_factory=TeachingParams)
    ema: float = 0.0
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
        teaching = config.teaching
        self._teachers = Teachers(teaching, config.classes) if teaching.teachers else None
        self._epoch = 0
        self._plan = self._make_plan()

    def _make_plan(self) -> Epoch | None:
        """Return which cells this epoch shows, unless each batch draws its own."""
        config = self._config
        if config.balance == "draw":
            return None
        rng = np.random.default_rng([config.seed, self._epoch])
        return plan_epoch(*_labels_and_sets(self._cells), config.balance, config.set_balance, rng)

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self._config.schedule.steps

    def on_epoch_end(self) -> None:
        """Count epochs, so that each draws other crops."""
        self._epoch += 1
        self._plan = self._make_plan()

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], ...]:
        """Return a batch: (N, side, side, 3) RGB 0 to 255, one-hot classes, and any weights."""
        config = self._config
        rng = np.random.default_rng([config.seed, self._epoch, index])
        appearance = Appearance(config.appearance, int(rng.integers(2**31)))
        size = config.schedule.batch_size
        if self._plan is None:
            chosen = rng.choice(len(self._cells), size, p=self._weight)
            weights: tuple[NDArray[np.float32], ...] = ()
        else:
            place = np.arange(index * size, (index + 1) * size) % len(self._plan.indices)
            chosen = self._plan.indices[place]
            weights = (self._plan.weights[place].astype(np.float32),)
        crops = [augmented_crop(self._cells[i], config, appearance, rng) for i in chosen]
        images = np.stack(crops).astype(np.float32)
        images, truth = mix_batch(images, self._targets[chosen], config.mixing, rng)
        if self._teachers is not None:
            # What has no label, of a crop or of one that is mixed into it, the teachers fill up.
            truth = (1 - config.teaching.share) * truth
            truth += (1 - truth.sum(axis=1, keepdims=True)) * self._teachers.vote(images)
        return (images, truth, *weights)


def balance_weights(cells: list[Cell], config: ClassifierConfig) -> NDArray[np.float64]:
    """Return a weight for each cell: classes count alike, and sets as `set_balance` says.

    The classes beyond the five count less, by `further_weight`.
    """
    labels, sets = _labels_and_sets(cells)
    importance = [1.0 if label in LEUKOCYTE_NAMES else config.further_weight for label in labels]
    weight = draw_weights(labels, sets, config.set_balance) * importance
    return np.asarray(weight / weight.sum())


def _labels_and_sets(cells: list[Cell]) -> tuple[list[str], list[str]]:
    return [str(c.photograph.label) for c in cells], [c.photograph.dataset for c in cells]


def targets(cells: list[Cell], classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Return one-hot classes, (N, C) float32; of cells without a class all are 0."""
    named = np.vstack([np.eye(len(classes)), np.zeros(len(classes))]).astype(np.float32)
    labels = [c.photograph.label for c in cells]
    return named[[len(classes) if label is None else classes.index(label) for label in labels]]


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
    amounts = config.appearance.stain_amounts
    if amounts:
        patch = vary_stain_amounts(patch, mask, rng, amounts)
    looked = appearance(patch)
    # How the appearance changed the brightest part of the patch, it changed the background.
    gain = _bright(looked) / np.maximum(_bright(patch), 1.0)
    estimate = before * gain * np.exp(rng.normal(0, 0.03, 3))
    balanced = balance_white(looked, estimate)
    if config.nucleus_density:
        target = config.nucleus_density * float(np.exp(rng.normal(0, DENSITY_ERROR)))
        balanced = standardise_density(balanced, mask, target)
    left = float(rng.uniform(*config.surroundings))
    return fade_surroundings(balanced, mask, config.diameter, left)


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
    cut = (patch_side(config.side) - config.side) // 2
    inner = slice(cut, cut + config.side)
    for cell in cells:
        mask = cell.mask[inner, inner]
        balanced = balance_white(cell.patch[inner, inner], cell.background)
        if config.nucleus_density:
            balanced = standardise_density(balanced, mask, config.nucleus_density)
        crops.append(fade_surroundings(balanced, mask, config.diameter))
    return np.stack(crops).astype(np.float32)
