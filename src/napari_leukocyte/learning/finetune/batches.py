"""Batches for fine-tuning: crops of fields, and of single cells."""

from __future__ import annotations

from abc import abstractmethod

import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import fade_surroundings
from napari_leukocyte.learning.finetune.augment import draw_affine, vary_appearance, warp
from napari_leukocyte.learning.finetune.photographs import TrainingCell, TrainingField

#: Side of the segmentation's crops, px, a multiple of 32: two and a half leukocytes.
FIELD_SIDE = 160
#: Share of crops that are not centred on a cell, so that what is none is seen as well.
EMPTY_SHARE = 0.15
#: Room around a cell's crop for turns and shifts, in parts of its side.
MARGIN = 1.5

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


class _Batches(keras.utils.PyDataset):
    """Batches that follow from seed, epoch and number alone, so that a resumed run repeats none."""

    def __init__(self, batch_size: int, steps: int, seed: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        self._batch_size, self._steps, self._seed = batch_size, steps, seed
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self._steps

    def on_epoch_end(self) -> None:
        """Count epochs, so that each draws other crops."""
        self.epoch += 1

    def __getitem__(self, index: int) -> Batch:
        """Return a batch."""
        rng = np.random.default_rng([self._seed, self.epoch, index])
        pairs = [self._draw(rng) for _ in range(self._batch_size)]
        images, truth = zip(*pairs, strict=True)
        return np.stack(images).astype(np.float32), np.stack(truth).astype(np.float32)

    @abstractmethod
    def _draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return a crop and its truth."""


class FieldBatches(_Batches):
    """Crops of fields, (N, S, S, 3), and maps of cell and nucleus, (N, S, S, 2)."""

    def __init__(
        self, fields: list[TrainingField], diameter: float, batch_size: int, steps: int, seed: int
    ) -> None:
        super().__init__(batch_size, steps, seed)
        self._fields, self._diameter = fields, diameter

    def _draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        field = self._fields[rng.integers(len(self._fields))]
        centre = field.centres[rng.integers(len(field.centres))]
        height, width = field.rgb.shape[:2]
        if rng.random() < EMPTY_SHARE:
            centre = (rng.uniform(0, height), rng.uniform(0, width))
        affine = draw_affine(centre, self._diameter / field.diameter, FIELD_SIDE, rng, 0.3)
        image, truth = warp(field.rgb, affine, FIELD_SIDE), warp(field.truth, affine, FIELD_SIDE)
        return vary_appearance(np.asarray(image, np.uint8), rng), np.asarray(truth, np.float32)


class CellBatches(_Batches):
    """Crops of cells, (N, S, S, 3), classes drawn alike, and one-hot classes, (N, C)."""

    def __init__(
        self,
        cells: list[TrainingCell],
        classes: int,
        side: int,
        diameter: float,
        batch_size: int,
        steps: int,
        seed: int,
    ) -> None:
        super().__init__(batch_size, steps, seed)
        self._by_class = [[c for c in cells if c.target == i] for i in range(classes)]
        self._by_class = [of_class for of_class in self._by_class if of_class]
        self._truth = np.eye(classes, dtype=np.float32)
        self._side, self._diameter = side, diameter

    def _draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        of_class = self._by_class[rng.integers(len(self._by_class))]
        cell = of_class[rng.integers(len(of_class))]
        middle = cell.patch.shape[0] / 2
        affine = draw_affine((middle, middle), 1.0, self._side, rng, 0.05)
        patch = np.asarray(warp(cell.patch, affine, self._side), np.uint8)
        mask = np.asarray(warp(cell.mask, affine, self._side), np.uint8)
        faded = fade_surroundings(vary_appearance(patch, rng), mask, self._diameter)
        return faded, self._truth[cell.target]


def validation_fields(fields: list[TrainingField], diameter: float) -> Batch:
    """Return a crop of every cell of fields, at its true scale, upright."""
    images, truth = [], []
    for field in fields:
        scale = diameter / field.diameter
        for y, x in field.centres:
            shift = [FIELD_SIDE / 2 - scale * x, FIELD_SIDE / 2 - scale * y]
            affine = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
            images.append(warp(field.rgb, affine, FIELD_SIDE))
            truth.append(warp(field.truth, affine, FIELD_SIDE))
    return np.stack(images).astype(np.float32), np.stack(truth).astype(np.float32)


def validation_cells(cells: list[TrainingCell], classes: int, side: int, diameter: float) -> Batch:
    """Return the crop of every cell as the plugin cuts it."""
    images = []
    for cell in cells:
        cut = (cell.patch.shape[0] - side) // 2
        inner = slice(cut, cut + side)
        images.append(
            fade_surroundings(cell.patch[inner, inner], cell.mask[inner, inner], diameter)
        )
    truth = np.eye(classes, dtype=np.float32)[[c.target for c in cells]]
    return np.stack(images).astype(np.float32), truth
