"""Erythrocytes: their diameter is measured where they lie alone, and bounds a leukocyte's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.progress import silent
from napari_leukocyte.segmentation.erythrocytes import FEWEST, erythrocyte_diameter
from napari_leukocyte.segmentation.finder import OF_ERYTHROCYTE, estimate_diameter


def field(
    diameter: float, count: int, side: int = 600, pallor: float = 0.5, seed: int = 0
) -> NDArray[np.uint8]:
    """Draw `count` erythrocytes of a smear that lie alone, with pale centres."""
    rng = np.random.default_rng(seed)
    image = np.full((side, side, 3), (232, 226, 224), np.uint8)
    step = int(1.5 * diameter)
    places = [
        (y, x) for y in range(step, side - step, step) for x in range(step, side - step, step)
    ]
    for i in rng.permutation(len(places))[:count]:
        y, x = places[int(i)]
        cv2.circle(image, (x, y), round(diameter / 2), (206, 156, 150), -1, cv2.LINE_AA)
        cv2.circle(image, (x, y), round(pallor * diameter / 2), (224, 205, 200), -1, cv2.LINE_AA)
    return image


@given(
    diameter=st.floats(20, 60),
    pallor=st.floats(0, 0.7),
    gain=st.floats(0.6, 1.05),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_the_diameter_of_drawn_ones_is_found(
    diameter: float, pallor: float, gain: float, seed: int
) -> None:
    image = field(diameter, 20, pallor=pallor, seed=seed)
    image = np.clip(image * gain, 0, 255).astype(np.uint8)
    found = erythrocyte_diameter(image)
    assert found is not None
    assert found == pytest.approx(diameter, rel=0.1, abs=2)


@pytest.mark.parametrize("image", [field(40, 0), field(40, FEWEST - 1), field(40, 12)[:90, :90]])
def test_few_say_nothing(image: NDArray[np.uint8]) -> None:
    assert erythrocyte_diameter(image) is None


def test_small_ones_of_a_large_field_are_seen_in_a_finer_copy() -> None:
    found = erythrocyte_diameter(field(24, 200, side=3000))
    assert found == pytest.approx(24, rel=0.15)


def test_what_is_smaller_than_erythrocytes_does_not_set_the_size() -> None:
    image = field(48, 14, side=480)
    platelets = [(24, 400), (300, 24), (456, 200), (24, 200)]
    for y, x in platelets:
        cv2.circle(image, (x, y), 17, (96, 40, 120), -1, cv2.LINE_AA)
    found = estimate_diameter(image, silent, _sees_dark)
    assert found.px == pytest.approx(OF_ERYTHROCYTE * 48, rel=0.1)
    assert len(found.notes) == 1
    for y, x in platelets:
        cv2.circle(image, (x, y), 40, (96, 40, 120), -1, cv2.LINE_AA)
    assert estimate_diameter(image, silent, _sees_dark).notes == ()


def _sees_dark(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stand in for the finder: whatever is dark is a leukocyte for sure."""
    n, height, width, _ = batch.shape
    blocks = batch[..., 1].reshape(n, height // 4, 4, width // 4, 4).mean(axis=(2, 4))
    dark = (blocks < 110).astype(np.float32) * np.float32(0.95)
    across = np.full_like(dark, np.log2(400.0))
    for i, image in enumerate(dark):
        count, labels, stats, _ = cv2.connectedComponentsWithStats((image > 0).astype(np.uint8))
        for label in range(1, count):
            across[i][labels == label] = np.log2(4 * np.sqrt(4 * stats[label, 4] / np.pi))
    return np.stack([dark, dark, across], axis=-1)
