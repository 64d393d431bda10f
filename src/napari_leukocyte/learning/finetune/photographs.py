"""The photographs of a dataset as networks are trained on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.classification.regions import iterate_regions
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.learning.finetune.plan import FinetuneError, Plan
from napari_leukocyte.learning.head.gather import reviewed
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.segmentation.ensemble import segment_members


@dataclass(frozen=True, eq=False)
class Field:
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
class OneCell:
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


def load_fields(dataset: Dataset, side: str, manifest: Manifest) -> list[Field]:
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
    list of Field
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
        fields.append(Field(rgb, truth, centres, diameter))
    return fields


def load_one_cells(
    dataset: Dataset, side: str, plan: Plan, manifest: Manifest, patch: int, diameter: float
) -> list[OneCell]:
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
    list of OneCell
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
        classes = dict(zip(rows["label"].tolist(), rows["class"].astype(str), strict=True))
        for region in iterate_regions(dataset.read_labels(image)):
            name = classes.get(region.label)
            if name is None:
                continue
            window, mask = cut_window(balanced, region, patch, diameter)
            if manifest.nucleus_density is not None:
                window = standardise_density(window, mask, manifest.nucleus_density)
            cells.append(OneCell(window, mask, plan.classes.index(name)))
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
