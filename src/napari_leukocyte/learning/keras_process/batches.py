"""The photographs of a dataset as batches to train on: crops of fields and of single cells, varied.

The augmentation is milder than that of the shipped models: those had to meet smears that nobody has
seen; here the smears are known, and it is only to be avoided that a few hundred cells are learnt by
heart.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.classification.crops import fade_surroundings
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.learning.finetune.plan import FinetuneError, Plan
from napari_leukocyte.learning.head.cells import reviewed
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.ensemble import segment_members

Image = NDArray[np.uint8]
#: Standard deviations of the log of scale, of light, and of the amount of stain in each channel.
SCALE, LIGHT, STAIN = 0.1, 0.06, 0.12
#: Strongest blur, px, and noise, grey levels.
BLUR, NOISE = 1.0, 4.0
#: Side of the segmentation's crops, px, a multiple of 32: two and a half leukocytes.
FIELD_SIDE = 160
#: Share of crops that are not centred on a cell, so that what is none is seen as well.
EMPTY_SHARE = 0.15
#: Room around a cell's crop for turns and shifts, in parts of its side.
MARGIN = 1.5
Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class TrainingField:
    """A photograph with its truth.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    truth : ndarray
        (H, W, 2) float32: cells, and what the model in use says of nuclei, which nobody annotates
        and which must not be forgotten.
    centres : tuple of (float, float)
        y and x of every cell, px.
    diameter : float
        Of a cell, px (median).
    """

    rgb: NDArray[np.uint8]
    truth: NDArray[np.float32]
    centres: tuple[tuple[float, float], ...]
    diameter: float


@dataclass(frozen=True, eq=False)
class TrainingCell:
    """A cell with its class.

    Attributes
    ----------
    patch : ndarray
        (P, P, 3) uint8: around the cell, the background balanced to white.
    mask : ndarray
        (P, P) uint8, 255 inside.
    target : int
        Number of its class.
    """

    patch: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    target: int


def load_fields(dataset: Dataset, side: str, manifest: Manifest) -> list[TrainingField]:
    """Load the photographs of a side whose cells are all annotated.

    Parameters
    ----------
    dataset : Dataset
        A version of one.
    side : {"train", "validation"}
        Of the split.
    manifest : Manifest
        The segmentation in use.

    Returns
    -------
    list of TrainingField
    """
    fields = []
    for image in dataset.images:
        if image.side != side or image.image is None or not image.complete:
            continue
        rgb, labels = dataset.read_rgb(image), dataset.read_labels(image)
        regions = list(iterate_regions(labels))
        if not regions:
            continue
        areas = [r.area for r in regions]
        diameter = float(np.sqrt(4 * np.median(areas) / np.pi))
        nuclei = segment_members(rgb, str(manifest.folder), diameter=diameter).combine_nucleus()
        truth = np.stack([(labels > 0).astype(np.float32), nuclei], axis=-1)
        centres = tuple(((r.y0 + r.y1) / 2, (r.x0 + r.x1) / 2) for r in regions)
        fields.append(TrainingField(rgb, truth, centres, diameter))
    return fields


def load_cells(
    dataset: Dataset, side: str, plan: Plan, manifest: Manifest, patch: int, diameter: float
) -> list[TrainingCell]:
    """Cut the reviewed cells of a side.

    Parameters
    ----------
    dataset, side
        As for :func:`load_fields`.
    plan : Plan
        Names the classes.
    manifest : Manifest
        The classifier in use.
    patch : int
        Side of a patch, px.
    diameter : float
        Diameter that a cell gets, px.

    Returns
    -------
    list of TrainingCell
    """
    from napari_leukocyte.classification.crops import cut_window, standardise_density

    table = reviewed(dataset.objects())
    cells = []
    for image in dataset.images:
        rows = table[table["image"] == image.name]
        if image.side != side or image.image is None or rows.empty:
            continue
        rgb = dataset.read_rgb(image)
        balanced = balance_white(rgb, background_color(rgb))
        classes = dict(zip(rows[LABEL].tolist(), rows["class"].astype(str), strict=True))
        for region in iterate_regions(dataset.read_labels(image)):
            name = classes.get(region.label)
            if name is None:
                continue
            window, mask = cut_window(balanced, region, patch, diameter)
            if manifest.nucleus_density is not None:
                window = standardise_density(window, mask, manifest.nucleus_density)
            cells.append(TrainingCell(window, mask, plan.classes.index(name)))
    return cells


def refuse_too_few(train: int, validation: int, what: str) -> None:
    """Refuse a dataset that can't be trained on, in one sentence."""
    if train and validation:
        return
    missing = "training" if not train else "validation"
    raise FinetuneError(
        f"The dataset has no {what} on its {missing} side: export more photographs (each is on "
        "one side of the split for good)."
    )


def draw_affine(
    centre: tuple[float, float], scale: float, side: int, rng: np.random.Generator, shift: float
) -> NDArray[np.float64]:
    """Draw a turn, a mirror, a scale and a shift.

    Parameters
    ----------
    centre : (float, float)
        y and x, px, of what comes to the middle of the crop.
    scale : float
        Px of the crop for each of the image.
    side : int
        Of the crop, px.
    rng : numpy.random.Generator
        Source of randomness.
    shift : float
        Largest offset from the middle, parts of the side.

    Returns
    -------
    ndarray
        (2, 3), as OpenCV's ``warpAffine`` takes it.
    """
    factor = scale * float(np.exp(rng.normal(0, SCALE)))
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = factor * turn * [rng.choice([-1.0, 1.0]), 1.0]
    middle = side / 2 + rng.uniform(-shift, shift, 2) * side
    return np.column_stack([linear, middle - linear @ [centre[1], centre[0]]])


def warp(image: NDArray[Any], affine: NDArray[np.float64], side: int) -> NDArray[Any]:
    """Cut a crop of an image or a map; beyond its border it is mirrored."""
    # Shrinking without a blur would turn granules into noise.
    factor = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    source = image
    if factor < 0.7 and image.dtype == np.uint8:
        source = cv2.GaussianBlur(image, (0, 0), 0.4 / factor)
    return np.asarray(
        cv2.warpAffine(
            source,
            affine,
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    )


def vary_appearance(image: Image, rng: np.random.Generator) -> Image:
    """Vary stain, light, focus and noise of a crop, (S, S, 3) RGB."""
    amounts = np.exp(rng.normal(0, STAIN) + rng.normal(0, STAIN / 2, 3))
    light = np.exp(rng.normal(0, LIGHT) + rng.normal(0, LIGHT / 2, 3))
    levels = np.arange(256)[:, np.newaxis] / 255
    table = np.clip(255 * light * levels**amounts, 0, 255).round().astype(np.uint8)
    looked = np.stack([table[image[..., c], c] for c in range(3)], axis=-1)
    blur = rng.uniform(0, BLUR) if rng.random() < 0.3 else 0.0
    if blur > 0.2:
        looked = cv2.GaussianBlur(looked, (0, 0), blur)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(0, NOISE), looked.shape)
        looked = np.clip(looked + noise, 0, 255).astype(np.uint8)
    return np.asarray(looked, np.uint8)


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
