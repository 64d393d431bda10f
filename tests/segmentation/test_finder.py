from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.errors import Cancelled
from napari_leukocyte.progress import silent
from napari_leukocyte.segmentation.finder import (
    STRIDE,
    Candidate,
    estimate_diameter,
    typical_diameter,
)

Smear = Callable[..., NDArray[np.uint8]]


class ByStain:
    """A finder that sees what is stained, of the sizes that the real one was trained on."""

    def __init__(self, strength: float = 0.95) -> None:
        self.shown: list[tuple[int, ...]] = []
        self.strength = strength

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.shown.append(batch.shape)
        n, height, width, _ = batch.shape
        blocks = batch[..., 1].reshape(n, height // STRIDE, STRIDE, width // STRIDE, STRIDE)
        stained = (blocks.mean(axis=(2, 4)) < 150) * np.float32(self.strength)
        # Every pixel tells the width of the widest run of stain in its row.
        width = (stained > 0).sum(axis=2).max() * STRIDE + 1e-6
        return np.stack([stained, stained, np.full_like(stained, np.log2(width))], axis=-1)


@pytest.mark.parametrize(
    ("shape", "radius"),
    [
        ((480, 640), 20.0),
        ((480, 640), 55.0),
        ((480, 640), 100.0),
        ((120, 120), 45.0),
        ((1500, 2000), 20.0),
    ],
)
def test_diameter_of_drawn_cells_is_measured(
    smear: Smear, shape: tuple[int, int], radius: float
) -> None:
    centres = [(0.5 * shape[0], 0.5 * shape[1])]
    if min(shape) > 6 * radius:
        centres += [(0.2 * shape[0], 0.2 * shape[1]), (0.8 * shape[0], 0.7 * shape[1])]
    found = estimate_diameter(smear(shape, centres, radius), silent, ByStain())
    assert found.px == pytest.approx(2 * radius, rel=0.15)
    assert found.notes == ()


def test_finer_copies_are_looked_at_only_until_a_cell_is_seen(smear: Smear) -> None:
    large, small = ByStain(), ByStain()
    estimate_diameter(smear((1200, 1600), [(600, 800)], 150), silent, large)
    estimate_diameter(smear((1200, 1600), [(600, 800)], 12), silent, small)
    assert [shape[2] for shape in large.shown] == [256]
    assert [shape[2] for shape in small.shown] == [256, 768, 1600]


def test_no_leukocyte_is_said_and_something_sensible_assumed(smear: Smear) -> None:
    small = estimate_diameter(smear((200, 300), [], 1), silent, ByStain())
    assert small.px == 64
    assert len(small.notes) == 1
    assert "64 px" in small.notes[0]
    assert estimate_diameter(smear((1000, 1200), [], 1), silent, ByStain()).px == 100


@pytest.mark.parametrize("strength", [0.6, 0.95])
def test_one_platelet_does_not_set_the_size(smear: Smear, strength: float) -> None:
    alone = estimate_diameter(smear((400, 600), [(200, 300)], 11), silent, ByStain(strength))
    assert alone.px == 64
    assert len(alone.notes) == 1


def test_in_a_small_image_one_small_cell_sets_the_size(smear: Smear) -> None:
    found = estimate_diameter(smear((120, 160), [(60.0, 80.0)], 12.0), silent, ByStain())
    assert found.px == pytest.approx(24.0, rel=0.15)
    assert found.notes == ()


def test_many_small_cells_do(smear: Smear) -> None:
    centres = [(100.0, 150.0), (200.0, 300.0), (300.0, 450.0)]
    found = estimate_diameter(smear((400, 600), centres, 14), silent, ByStain())
    assert found.px == pytest.approx(28, rel=0.2)
    assert found.notes == ()


def test_what_is_not_seen_for_sure_is_said(smear: Smear) -> None:
    unsure = estimate_diameter(smear((480, 640), [(240, 320)], 60), silent, ByStain(0.6))
    assert unsure.px == pytest.approx(120, rel=0.15)
    assert "for sure" in unsure.notes[0]


def test_estimate_can_be_stopped(smear: Smear) -> None:
    def stop(done: int, total: int, what: str) -> None:
        assert 0 <= done <= total
        if done == 1:
            raise Cancelled

    finder = ByStain()
    with pytest.raises(Cancelled):
        estimate_diameter(smear((200, 300), [], 1), stop, finder)
    assert len(finder.shown) == 1


@given(st.lists(st.tuples(st.floats(16, 500), st.floats(0, 1)), max_size=12))
def test_the_typical_diameter_is_one_of_the_sure_ones(found: list[tuple[float, float]]) -> None:
    candidates = [Candidate(0, 0, diameter, score) for diameter, score in found]
    typical = typical_diameter(candidates)
    if any(c.score >= 0.85 for c in candidates):
        assert typical in [c.diameter for c in candidates if c.score >= 0.7]
    else:
        assert typical is None
