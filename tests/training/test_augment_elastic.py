"""Elastic deformation bends image and mask alike, and changes no experiment without it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_leukocyte.errors import ParameterError
from training.augment import GeometryParams, crop_with_geometry
from training.elastic import deform


def _cell(side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((side, side, 3), 220, np.uint8)
    mask = np.zeros((side, side, 2), np.uint8)
    cv2.circle(image, (side // 2, side // 2), 40, (120, 60, 150), -1)
    for channel, radius in enumerate((40, 20)):
        plane = np.zeros((side, side), np.uint8)
        cv2.circle(plane, (side // 2, side // 2), radius, 1, -1)
        mask[..., channel] = plane
    return image, mask


def test_image_and_mask_bend_together(rng: np.random.Generator) -> None:
    image, mask = _cell()
    changes = []
    for _ in range(20):
        bent, truth = deform(image, mask, 0.02, 5, rng)
        dark, inside = bent[..., 1] < 140, truth[..., 0] > 0
        assert np.count_nonzero(dark ^ inside) < 0.03 * np.count_nonzero(inside)
        assert not (truth[..., 1] > truth[..., 0]).any()
        assert cv2.connectedComponents(truth[..., 0])[0] == 2
        changes.append(np.count_nonzero(truth[..., 0] != mask[..., 0]) / mask[..., 0].sum())
    assert 0.03 < np.mean(changes) < 0.3
    assert deform(image, mask[..., :1], 0.02, 5, rng)[1].shape == (160, 160, 1)


def test_no_shift_changes_nothing(rng: np.random.Generator) -> None:
    image, mask = _cell()
    bent, truth = deform(image, mask, 0.0, 5, rng)
    np.testing.assert_array_equal(bent, image)
    np.testing.assert_array_equal(truth, mask)
    with pytest.raises(ParameterError, match="at least 2 nodes"):
        deform(image, mask, 0.1, 1, rng)


def test_crops_are_bent_if_asked_for_and_else_repeat_as_before() -> None:
    image, mask = _cell()

    def crop(params: GeometryParams) -> tuple[np.ndarray, float]:
        rng = np.random.default_rng(5)
        _, truth = crop_with_geometry(image, mask, (80, 80), 1.0, 128, rng, params)
        return truth, rng.random()

    plain, next_chance = crop(GeometryParams())
    # What a crop has always drawn: width of the scale, scale, angle, stretch, mirror, shift.
    rng = np.random.default_rng(5)
    assert rng.random() >= 0.2
    rng.normal()
    rng.uniform(size=2)
    rng.choice([-1.0, 1.0])
    rng.uniform(size=2)
    assert rng.random() == next_chance
    bent, _ = crop(GeometryParams(elastic_share=1.0, elastic_shift=0.03))
    changed = np.count_nonzero(bent[..., 0] != plain[..., 0])
    assert 0.02 < changed / np.count_nonzero(plain[..., 0]) < 0.5
    np.testing.assert_array_equal(crop(GeometryParams(elastic_shift=0.03))[0], plain)
