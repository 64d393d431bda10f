from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import (
    cut_crop,
    cut_window,
    fade_surroundings,
    nucleus_density,
    standardise_density,
)
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.io.images.background import WHITE

SIDE, DIAMETER = 96, 64.0
STAINED_SIDE = 40
PURPLE = (120, 60, 140)


def cell(
    shape: tuple[int, int], y: float, x: float, diameter: float
) -> tuple[NDArray[np.uint8], Region]:
    """Return a field with one purple disc, half of it darker, and the disc's region."""
    image = np.full((*shape, 3), int(WHITE), np.uint8)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    inside = np.hypot(rows - y, columns - x) <= diameter / 2
    image[inside] = PURPLE
    image[inside & (columns > x)] = (60, 20, 70)
    (region,) = iterate_regions(inside.astype(np.int32))
    return image, region


@pytest.mark.parametrize("diameter", [8, 20, 64, 150, 400])
def test_every_cell_gets_the_same_size(diameter: float) -> None:
    reference = cut_crop(*cell((700, 800), 350, 400, 128), SIDE, DIAMETER).astype(int)
    image, region = cell((700, 800), 350, 400, diameter)
    patch, mask = cut_window(image, region, SIDE, DIAMETER)
    assert patch.shape == (SIDE, SIDE, 3)
    assert mask.shape == (SIDE, SIDE)
    assert patch.dtype == mask.dtype == np.uint8
    found = np.sqrt(4 * (mask >= 128).sum() / np.pi)
    assert found == pytest.approx(DIAMETER, rel=0.02 + 0.5 / diameter)
    crop = cut_crop(image, region, SIDE, DIAMETER)
    # Small cells are blurred, and a pixel off is more of them.
    assert np.abs(crop - reference).mean() < 2 + 150 / diameter


@pytest.mark.parametrize("scale", [0.3, 1, 3])
def test_mask_lies_on_the_cell(scale: float) -> None:
    corners = np.array([(100, 60), (170, 90), (90, 150)]) * scale
    field = np.zeros((round(250 * scale), round(300 * scale)), np.uint8)
    cv2.fillPoly(field, [np.round(corners).astype(np.int32)], 1)
    image = np.where(field[..., np.newaxis] > 0, np.uint8(60), np.uint8(WHITE)).repeat(3, axis=2)
    (region,) = iterate_regions(field.astype(np.int32))
    patch, mask = cut_window(image, region, SIDE, 48)
    expected = (WHITE - patch[..., 0].astype(float)) / (WHITE - 60) * 255
    assert np.abs(mask - expected).mean() < 3


@given(
    st.integers(-60, 260),
    st.integers(-60, 360),
    st.integers(10, 120),
    st.sampled_from([32, 96, 128]),
)
def test_beyond_the_image_is_white(y: int, x: int, diameter: int, side: int) -> None:
    near = np.hypot(y - np.clip(y, 0, 199), x - np.clip(x, 0, 299)) < diameter / 2 - 2
    if not near:
        return
    image, region = cell((200, 300), y, x, diameter)
    patch, mask = cut_window(image, region, side, side * 0.6)
    whole = np.pad(image, ((400, 400), (400, 400), (0, 0)), constant_values=int(WHITE))
    moved = Region(
        1, region.y0 + 400, region.x0 + 400, region.y1 + 400, region.x1 + 400, region.mask
    )
    np.testing.assert_array_equal(cut_window(whole, moved, side, side * 0.6)[0], patch)
    np.testing.assert_array_equal(cut_window(whole, moved, side, side * 0.6)[1], mask)


def test_image_smaller_than_the_window_is_surrounded_by_white() -> None:
    image, region = cell((30, 30), 15, 15, 28)
    patch = cut_window(image, region, SIDE, 20)[0]
    np.testing.assert_array_equal(patch[:5], int(WHITE))
    assert patch[SIDE // 2, SIDE // 2 - 5].tolist() == list(PURPLE)


def test_surroundings_fade_and_the_cell_does_not() -> None:
    image, region = cell((200, 300), 100, 150, 64)
    image[:, 190:200] = (200, 60, 60)  # a neighbour, 8 px beside the cell
    patch, mask = cut_window(image, region, SIDE, DIAMETER)
    faded = fade_surroundings(patch, mask, DIAMETER)
    inside = cv2.erode(mask, np.ones((3, 3), np.uint8)) == 255
    assert np.abs(faded[inside].astype(int) - patch[inside]).max() <= 3
    beside = np.s_[40:56, SIDE - 6 : SIDE - 2]
    np.testing.assert_allclose(faded[beside], 0.4 * patch[beside] + 0.6 * WHITE, atol=1.5)
    np.testing.assert_array_equal(fade_surroundings(patch, mask, DIAMETER, 1.0), patch)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_field_gives_the_turned_crop(turns: int) -> None:
    image, region = cell((301, 301), 150, 150, 101)
    crop = cut_crop(image, region, SIDE, DIAMETER).astype(int)
    turned = Region(1, region.y0, region.x0, region.y1, region.x1, np.rot90(region.mask, turns))
    other = cut_crop(np.rot90(image, turns).copy(), turned, SIDE, DIAMETER).astype(int)
    assert np.abs(np.rot90(crop, turns) - other).mean() < 3


def stained_cell(density: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a patch with a nucleus of a given density (green) in paler cytoplasm, and its mask."""
    y, x = np.mgrid[:STAINED_SIDE, :STAINED_SIDE]
    distance = np.hypot(y - STAINED_SIDE / 2, x - STAINED_SIDE / 2)
    amount = np.where(distance < 9, 1.0, np.where(distance < 15, 0.25, 0.0))
    hue = np.array([0.6, 1.0, 0.2])
    light = WHITE * np.exp(-density * amount[..., np.newaxis] * hue)
    return light.round().astype(np.uint8), np.where(distance < 15, 255, 0).astype(np.uint8)


@given(st.floats(0.62, 2.8))
def test_any_stain_ends_at_the_density_asked_for(density: float) -> None:
    patch, mask = stained_cell(density)
    assert nucleus_density(patch, mask) == pytest.approx(density, abs=0.05)
    standard = standardise_density(patch, mask, 1.7)
    assert nucleus_density(standard, mask) == pytest.approx(1.7, abs=0.1)


@given(st.floats(0.7, 2.5), st.floats(0.7, 2.5))
def test_two_stains_of_one_hue_become_alike(first: float, second: float) -> None:
    patches = [standardise_density(*stained_cell(density), 1.7) for density in (first, second)]
    difference = np.abs(patches[0].astype(int) - patches[1].astype(int))
    assert difference.max() <= 10  # 8-bit rounding of a faint stain, made stronger


def test_the_factor_is_limited_and_an_empty_mask_changes_nothing_out_of_range() -> None:
    patch, mask = stained_cell(0.05)
    standard = standardise_density(patch, mask, 1.7)
    assert nucleus_density(standard, mask) < 0.2, "noise must not be made into a nucleus"
    empty = np.zeros_like(mask)
    assert nucleus_density(patch, empty) == 0.0
    assert standardise_density(patch, empty, 1.7).shape == patch.shape
