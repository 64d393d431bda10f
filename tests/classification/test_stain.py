"""One strength of stain: nuclei end at the density asked for, hues and empty masks as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.classification.crops import nucleus_density, standardise_density
from napari_leukocyte.io.images.background import WHITE

SIDE = 40


def cell(density: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a patch with a nucleus of a given density (green) in paler cytoplasm, and its mask."""
    y, x = np.mgrid[:SIDE, :SIDE]
    distance = np.hypot(y - SIDE / 2, x - SIDE / 2)
    amount = np.where(distance < 9, 1.0, np.where(distance < 15, 0.25, 0.0))
    hue = np.array([0.6, 1.0, 0.2])
    light = WHITE * np.exp(-density * amount[..., np.newaxis] * hue)
    return light.round().astype(np.uint8), np.where(distance < 15, 255, 0).astype(np.uint8)


@given(st.floats(0.62, 2.8))
def test_any_stain_ends_at_the_density_asked_for(density: float) -> None:
    patch, mask = cell(density)
    assert nucleus_density(patch, mask) == pytest.approx(density, abs=0.05)
    standard = standardise_density(patch, mask, 1.7)
    assert nucleus_density(standard, mask) == pytest.approx(1.7, abs=0.1)


@given(st.floats(0.7, 2.5), st.floats(0.7, 2.5))
def test_two_stains_of_one_hue_become_alike(first: float, second: float) -> None:
    patches = [standardise_density(*cell(density), 1.7) for density in (first, second)]
    difference = np.abs(patches[0].astype(int) - patches[1].astype(int))
    assert difference.max() <= 10  # 8-bit rounding of a faint stain, made stronger


def test_the_factor_is_limited_and_an_empty_mask_changes_nothing_out_of_range() -> None:
    patch, mask = cell(0.05)
    standard = standardise_density(patch, mask, 1.7)
    assert nucleus_density(standard, mask) < 0.2, "noise must not be made into a nucleus"
    empty = np.zeros_like(mask)
    assert nucleus_density(patch, empty) == 0.0
    assert standardise_density(patch, empty, 1.7).shape == patch.shape
