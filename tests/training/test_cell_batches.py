"""The classifier's training batches: crops as the plugin cuts them, drawn as a config says."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from napari_leukocyte.classification.crops import cut_crop
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES, PLATELET_OR_ARTEFACT
from training.artefacts import A_PHOTOGRAPH, central_object, mistaken_objects
from training.augment import Appearance, AppearanceParams, vary_stain_amounts
from training.cell_batches import (
    CellBatches,
    ClassifierConfig,
    augmented_crop,
    balance_weights,
    plain_crops,
)
from training.cells import Cell, load_cells, load_mistaken, main_region, truth_labels
from training.data.photographs import Photograph
from training.fitting import Schedule

CONFIG = ClassifierConfig(
    classes=(*LEUKOCYTE_NAMES, PLATELET_OR_ARTEFACT.name),
    side=64,
    diameter=42.0,
    nucleus_density=1.7,
    schedule=Schedule(epochs=1, steps=3, batch_size=4),
    appearance=AppearanceParams(stain_amounts=0.3, faint_share=0.5, defocus_share=0.5),
)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Photograph]:
    """Fields of the synthetic smear, each with its mask, called by one class each."""
    folder = tmp_path_factory.mktemp("fields")
    made = []
    for i, label in enumerate(("neutrophil", "neutrophil", "lymphocyte", "monocyte")):
        counts = {"neutrophil": 1, "lymphocyte": 1, "monocyte": 1}
        smear = synthetic_smear((360, 480), i, counts, diameter=60.0, touching_pairs=0)
        image, mask = folder / f"{i}.png", folder / f"{i}-mask.png"
        cv2.imwrite(str(image), smear.image[..., ::-1])
        cv2.imwrite(str(mask), np.where(smear.labels > 0, 128, 0).astype(np.uint8))
        made.append(Photograph("zheng1", f"{i}.png", image, mask, label))
    return made


@pytest.fixture(scope="module")
def cells(photographs: list[Photograph]) -> list[Cell]:
    return load_cells(photographs, CONFIG.side, CONFIG.diameter)


def test_training_crops_are_those_that_the_plugin_cuts(
    photographs: list[Photograph], cells: list[Cell]
) -> None:
    for photograph, crop in zip(photographs, plain_crops(cells, CONFIG), strict=True):
        rgb = photograph.read()
        region = main_region(truth_labels(photograph), central=False)
        assert region is not None
        balanced = balance_white(rgb, background_color(rgb))
        expected = cut_crop(balanced, region, CONFIG.side, CONFIG.diameter, CONFIG.nucleus_density)
        # A part of a pixel and a rounding apart: the one is balanced before it is resized, and its
        # window begins at another whole pixel.
        difference = np.abs(crop - expected)
        assert np.median(difference) <= 2
        assert difference.mean() < 5


def test_batches_follow_from_seed_and_epoch_alone(cells: list[Cell]) -> None:
    first, second = CellBatches(cells, CONFIG), CellBatches(cells, CONFIG)
    images, targets = first[1]
    assert images.shape == (4, 64, 64, 3)
    assert images.dtype == np.float32
    assert targets.sum(axis=1).tolist() == [1.0] * 4
    np.testing.assert_array_equal(images, second[1][0])
    first.on_epoch_end()
    assert np.any(first[1][0] != images)


@pytest.mark.parametrize("balance", ["none", "oversample", "undersample", "class_weight"])
def test_planned_epochs_give_weights(cells: list[Cell], balance: str) -> None:
    config = dataclasses.replace(CONFIG, balance=balance)  # type: ignore[arg-type]
    images, targets, weights = CellBatches(cells, config)[0]
    assert len(images) == len(targets) == len(weights) == 4
    if balance == "class_weight":
        rare = weights[targets[:, 0] == 0].min()
        assert rare > weights[targets[:, 0] == 1].max(), "two neutrophils, one of each other class"


def test_classes_beyond_the_five_are_drawn_less_often(
    photographs: list[Photograph], cells: list[Cell]
) -> None:
    few = load_mistaken(photographs, CONFIG.side, CONFIG.diameter, seed=0)
    assert few, "erythrocytes lie around the leukocytes"
    everything = [*cells, *few]
    weight = balance_weights(everything, CONFIG)
    assert weight.sum() == pytest.approx(1)
    names = np.array([c.photograph.label for c in everything])
    drawn = {name: weight[names == name].sum() for name in set(names.tolist())}
    assert drawn["neutrophil"] == pytest.approx(drawn["lymphocyte"])
    beyond = drawn[PLATELET_OR_ARTEFACT.name]
    assert beyond == pytest.approx(CONFIG.further_weight * drawn["monocyte"])


def test_mistaken_objects_keep_away_from_leukocytes(photographs: list[Photograph]) -> None:
    for photograph in photographs:
        rgb, labels = photograph.read(), truth_labels(photograph)
        areas = np.bincount(labels.ravel())[1:]
        diameter = float(np.sqrt(4 * np.median(areas) / np.pi))
        rng = np.random.default_rng(0)
        found = mistaken_objects(rgb, labels, background_color(rgb), diameter, rng)
        assert len(found) <= A_PHOTOGRAPH
        for region in found:
            window = labels[region.y0 : region.y1, region.x0 : region.x1]
            assert not window[region.mask].any()


def test_the_central_object_is_what_is_violet_at_the_centre() -> None:
    rgb = np.full((200, 200, 3), 235, np.uint8)
    cv2.circle(rgb, (60, 60), 25, (200, 170, 175), -1)  # an erythrocyte
    cv2.circle(rgb, (104, 98), 12, (110, 60, 150), -1)  # a platelet
    region = central_object(rgb)
    assert region is not None
    assert abs((region.y0 + region.y1) / 2 - 98) < 3
    assert abs((region.x0 + region.x1) / 2 - 104) < 3
    assert region.area == pytest.approx(np.pi * 12**2, rel=0.25)


def test_stain_amounts_leave_the_background_and_change_the_cell(cells: list[Cell]) -> None:
    cell = cells[0]
    rng = np.random.default_rng(3)
    changed = vary_stain_amounts(cell.patch, cell.mask, rng, 0.5).astype(int)
    difference = np.abs(changed - cell.patch.astype(int)).mean(axis=2)
    bright = cell.patch.min(axis=2) >= np.percentile(cell.patch.min(axis=2), 90)
    assert difference[cell.mask > 127].mean() > 5 * difference[bright].mean()
    nothing = np.zeros_like(cell.mask)
    np.testing.assert_array_equal(vary_stain_amounts(cell.patch, nothing, rng, 0.5), cell.patch)


def test_an_augmented_crop_still_shows_the_cell_in_its_middle(cells: list[Cell]) -> None:
    rng = np.random.default_rng(0)
    appearance = Appearance(CONFIG.appearance, 0)
    for cell in cells:
        crop = augmented_crop(cell, CONFIG, appearance, rng)
        assert crop.shape == (64, 64, 3)
        middle, rim = crop[24:40, 24:40].mean(), crop[[0, -1]].mean()
        assert middle < rim, "the cell is darker than what lies around it"


def test_regions_of_truth_are_as_many_as_drawn(photographs: list[Photograph]) -> None:
    assert [len(list(iterate_regions(truth_labels(p)))) for p in photographs] == [3, 3, 3, 3]
