"""Colours moved to another source's statistics."""

from __future__ import annotations

import numpy as np
import pytest

from training.stains import (
    LARGEST_STRETCH,
    SPACES,
    Space,
    collect,
    from_space,
    stain_like,
    statistics_of,
    to_space,
)


def _smear(tint: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 25, (48, 48, 1))
    return np.clip(np.array(tint) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("space", SPACES)
def test_there_and_back_is_the_same_image(space: Space) -> None:
    image = _smear((180, 120, 170))
    # What would be a negative amount of a stain is cut off.
    assert np.abs(from_space(to_space(image, space), space).astype(int) - image).mean() < 2


@pytest.mark.parametrize("space", SPACES)
def test_an_image_gets_the_statistics_asked_for(space: Space) -> None:
    image, other = _smear((180, 120, 170)), _smear((150, 150, 190), 1)
    target = statistics_of(other, space)
    before = np.abs(statistics_of(image, space) - target)[:3]
    after = np.abs(statistics_of(stain_like(image, target, space), space) - target)[:3]
    assert after.sum() < 0.35 * before.sum()


def test_an_empty_background_is_not_blown_up() -> None:
    plain = np.clip(np.random.default_rng(0).normal(200, 1, (48, 48, 3)), 0, 255).astype(np.uint8)
    target = statistics_of(_smear((180, 120, 170)), "lab")
    spread = statistics_of(stain_like(plain, target, "lab"), "lab")[3:]
    assert (spread <= LARGEST_STRETCH * statistics_of(plain, "lab")[3:] + 1.5).all()


def test_drawn_statistics_lie_around_the_sources() -> None:
    images = [_smear((180, 120, 170), s) for s in range(5)] + [_smear((120, 120, 200), 9)]
    statistics = collect(images, ["a"] * 5 + ["b"], "lab")
    rng = np.random.default_rng(0)
    drawn = np.stack([statistics.draw(rng) for _ in range(200)])
    low, high = statistics.values.min(0), statistics.values.max(0)
    assert (drawn >= low - 0.3 * (high - low) - 1e-6).all()
    assert (drawn <= high + 0.3 * (high - low) + 1e-6).all()
    assert np.ptp(drawn[:, 0]) > np.ptp(statistics.values[:, 0])
    assert (drawn[:, 3:] > 0).all()
