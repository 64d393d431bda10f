"""Augmentation keeps image and mask together, and repeats with its seed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.augment import (
    Appearance,
    AppearanceParams,
    GeometryParams,
    crop_with_geometry,
    paste_neighbour,
    restain,
)


def _cell(side: int = 200, radius: int = 35) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((side, side, 3), (225, 220, 230), np.uint8)
    mask = np.zeros((side, side, 2), np.uint8)
    centre = (side // 2, side // 2)
    cv2.circle(image, centre, radius, (120, 60, 150), -1)
    for channel, r in enumerate((radius, radius // 2)):
        plane = np.zeros((side, side), np.uint8)
        cv2.circle(plane, centre, r, 1, -1)
        mask[..., channel] = plane
    return image, mask


def test_geometry_moves_image_and_mask_together(rng: np.random.Generator) -> None:
    image, mask = _cell()
    for _ in range(20):
        crop, truth = crop_with_geometry(
            image, mask, (100, 100), 0.9, 160, rng, GeometryParams(wide_scale_share=0.5)
        )
        dark = crop[..., 1] < 140
        inside = truth[..., 0] > 0
        assert np.count_nonzero(dark ^ inside) < 0.1 * np.count_nonzero(inside) + 40
        assert not (truth[..., 1] & ~truth[..., 0] & 1).any()


def test_appearance_repeats_with_its_seed_and_differs_without() -> None:
    image, _ = _cell()
    first, second, other = (Appearance(AppearanceParams(), seed) for seed in (3, 3, 4))
    looks = [first(image) for _ in range(6)]
    assert all(np.array_equal(a, second(image)) for a in looks)
    assert not all(np.array_equal(a, other(image)) for a in looks)
    assert len({a.tobytes() for a in looks}) > 3


def test_new_stains_keep_cells_darker_than_the_background(rng: np.random.Generator) -> None:
    image, mask = _cell()
    inside = mask[..., 0] > 0
    contrasts = []
    for _ in range(50):
        stained = restain(image, rng, AppearanceParams()).astype(float)
        contrasts.append(stained[~inside].mean() - stained[inside].mean())
    assert np.mean(np.array(contrasts) > 10) > 0.95


def test_a_pasted_neighbour_touches_and_brings_its_mask(rng: np.random.Generator) -> None:
    image, mask = _cell(160, 28)
    pasted, truth = paste_neighbour(image, mask, image, mask, rng)
    count, _ = cv2.connectedComponents(truth[..., 0])
    assert count - 1 == 1
    assert truth[..., 0].sum() > 1.6 * mask[..., 0].sum()
    assert (pasted != image).any()
    empty = np.zeros_like(mask)
    assert paste_neighbour(image, empty, image, mask, rng)[0] is image


@pytest.mark.parametrize("side", [96, 160])
def test_crops_have_the_size_asked_for(side: int, rng: np.random.Generator) -> None:
    image, mask = _cell()
    crop, truth = crop_with_geometry(image, mask, (0, 0), 0.2, side, rng, GeometryParams())
    assert crop.shape == (side, side, 3)
    assert truth.shape == (side, side, 2)
