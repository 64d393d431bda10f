"""Grain tells cameras apart, whatever they photograph."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.uncertainty.domain_shift.domain_match import report_domain
from napari_leukocyte.uncertainty.domain_shift.image_profile import (
    GRAIN,
    measure_grain,
    measure_profile,
)
from tests.uncertainty.domain_shift.fields import field, training_domain


def with_noise(rgb: NDArray[np.uint8], shared: float, seed: int = 0) -> NDArray[np.uint8]:
    """Add noise of which a share is the same in all colours."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 6, (*rgb.shape[:2], 1))
    own = rng.normal(0, 6, rgb.shape)
    noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return np.asarray(np.clip(rgb + noise, 0, 255), np.uint8)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_what_colours_share_is_measured(shared: float) -> None:
    flat = np.full((200, 300, 3), 128, np.uint8)
    found = dict(zip(GRAIN, measure_grain(with_noise(flat, shared)), strict=True))
    assert found["shared_red_green"] == pytest.approx(shared, abs=0.03)
    assert found["shared_green_blue"] == pytest.approx(shared, abs=0.03)


def test_the_same_noise_on_another_scene_is_the_same_grain() -> None:
    scenes = [with_noise(field(seed)[0], 0.3, seed) for seed in (1, 2)]
    one, other = (measure_grain(scene) for scene in scenes)
    np.testing.assert_allclose(one, other, atol=0.15)
    compressed = cv2.imdecode(
        cv2.imencode(".jpg", scenes[0], [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR
    )
    assert np.abs(measure_grain(np.asarray(compressed, np.uint8)) - one).max() > 0.5


def test_tiny_large_and_empty_images() -> None:
    assert np.isfinite(measure_grain(with_noise(np.full((9, 9, 3), 128, np.uint8), 0.5))).all()
    empty = measure_grain(np.full((40, 40, 3), 255, np.uint8))
    assert np.isfinite(empty[:6]).all()
    assert np.isnan(empty[6:]).all()
    # Of a large image the middle is measured.
    large = np.full((100, 2000, 3), 128, np.uint8)
    large[:, 500:1500] = with_noise(large[:, 500:1500], 0.5)
    framed = large.copy()
    framed[:, :200] = 0
    np.testing.assert_array_equal(measure_grain(large), measure_grain(framed))


def test_another_camera_is_told_last() -> None:
    rgb, labels = field(3)
    other = with_noise(rgb, 1.0)
    report = report_domain(measure_profile(other, labels), training_domain())
    assert report.out_of_distribution
    assert "camera" in report.sentence or "noise" in report.sentence
