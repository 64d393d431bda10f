"""Mixup and cutmix: pixels and classes are mixed by the same parts."""

from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.errors import ParameterError
from training.mixing import MixingParams, cutmix, mix_batch, mixup, random_box


def _batch(n: int = 16, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Images that are all of one grey value, the number of their class times ten."""
    numbers = np.arange(n) % classes
    images = np.broadcast_to(10.0 * numbers[:, None, None, None], (n, 24, 32, 3))
    return images.astype(np.float32), np.eye(classes, dtype=np.float32)[numbers]


@pytest.mark.parametrize(
    "params",
    [
        MixingParams(mixup_share=1.0, mixup_alpha=1.0),
        MixingParams(cutmix_share=1.0),
        MixingParams(mixup_share=0.4, cutmix_share=0.4),
    ],
)
def test_classes_say_what_the_pixels_show(params: MixingParams) -> None:
    images, targets = _batch()
    before = images.copy(), targets.copy()
    mixed, mixed_targets = mix_batch(images, targets, params, np.random.default_rng(3))
    assert mixed.dtype == mixed_targets.dtype == np.float32
    np.testing.assert_allclose(mixed_targets.sum(axis=1), 1, rtol=1e-5)
    # The mean grey value is linear in the parts, so it tells whether the classes are right.
    shown = mixed.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(shown, mixed_targets @ np.arange(0, 40, 10), atol=1e-3)
    assert (mixed_targets.max(axis=1) < 0.999).sum() > 4
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(targets, before[1])


def test_nothing_is_mixed_by_default_and_chance_is_not_asked() -> None:
    images, targets = _batch()
    rng = np.random.default_rng(3)
    same = mix_batch(images, targets, MixingParams(), rng)
    assert same[0] is images
    assert same[1] is targets
    assert rng.random() == np.random.default_rng(3).random()


def test_a_share_of_the_batch_is_mixed_and_repeats_with_its_seed() -> None:
    images, targets = _batch(400)
    params = MixingParams(mixup_share=0.3, cutmix_share=0.2)
    mixed, mixed_targets = mix_batch(images, targets, params, np.random.default_rng(3))
    blended = np.ptp(mixed, axis=(1, 2, 3)) == 0
    changed = np.abs(mixed_targets - targets).max(axis=1) > 0
    # A quarter of the partners has the same class.
    assert 0.1 < np.mean(changed & blended) < 0.3
    assert 0.05 < np.mean(changed & ~blended) < 0.2
    again, _ = mix_batch(images, targets, params, np.random.default_rng(3))
    np.testing.assert_array_equal(mixed, again)


def test_the_parts_are_as_asked_for() -> None:
    images, targets = _batch(4)
    partner = np.array([1, 2, 3, 0])
    mixed, classes = mixup(images, targets, partner, np.array([1.0, 0.5, 0.75, 0.0]))
    np.testing.assert_allclose(mixed[:, 0, 0, 0], [0, 15, 22.5, 0])
    np.testing.assert_allclose(classes[2], [0, 0, 0.75, 0.25])
    boxes = np.array([[0, 0, 12, 16], [0, 0, 0, 0], [0, 0, 24, 32], [20, 30, 24, 32]])
    pasted, classes = cutmix(images, targets, partner, boxes)
    np.testing.assert_allclose(classes[0], [0.75, 0.25, 0, 0])
    assert (pasted[0, :12, :16] == 10).all()
    assert pasted[0].sum() == 10 * 12 * 16 * 3
    np.testing.assert_array_equal(pasted[1], images[1])
    np.testing.assert_array_equal(pasted[2], images[3])


def test_boxes_stay_inside_and_have_about_their_share() -> None:
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(300):
        y0, x0, y1, x1 = random_box((24, 32), 0.25, rng)
        assert 0 <= y0 <= y1 <= 24
        assert 0 <= x0 <= x1 <= 32
        areas.append((y1 - y0) * (x1 - x0) / (24 * 32))
    assert max(areas) <= 0.3
    assert 0.12 < np.mean(areas) < 0.25


@pytest.mark.parametrize(
    "values",
    [
        {"mixup_share": -0.1},
        {"mixup_share": 0.6, "cutmix_share": 0.6},
        {"mixup_alpha": 0.0},
        {"cutmix_alpha": -1.0},
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="must be"):
        MixingParams(**values)
