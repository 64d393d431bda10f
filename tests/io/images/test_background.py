from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.io.images.background import WHITE, background_color, balance_white


@pytest.mark.parametrize("lamp", [(250, 240, 200), (180, 200, 230), (90, 90, 90)])
def test_background_becomes_neutral_and_cells_keep_their_absorbance(
    lamp: tuple[int, int, int],
) -> None:
    transmitted = np.array((0.5, 0.25, 0.6))
    image = np.full((300, 400, 3), lamp, np.uint8)
    image[100:150, 100:150] = np.round(transmitted * lamp)
    background = background_color(image)
    np.testing.assert_allclose(background, lamp)
    balanced = balance_white(image, background)
    assert balanced.dtype == np.uint8
    np.testing.assert_allclose(balanced[0, 0], WHITE, atol=1)
    np.testing.assert_allclose(balanced[120, 120], transmitted * WHITE, atol=3)


def test_no_background_and_no_light_stay_finite() -> None:
    black = np.zeros((20, 20, 3), np.uint8)
    assert not balance_white(black, background_color(black)).any()
    glare = np.full((20, 20, 3), 255, np.uint8)
    np.testing.assert_allclose(balance_white(glare, background_color(glare)), WHITE, atol=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 977), (16, 20), (300, 517), (600, 900)])
@pytest.mark.parametrize("values", [(0, 256), (200, 203), (254, 256)])
def test_background_is_the_percentile_of_a_grid(
    shape: tuple[int, int], values: tuple[int, int], rng: np.random.Generator
) -> None:
    image = rng.integers(*values, (*shape, 3)).astype(np.uint8)
    step = max(1, min(shape) // 256)
    expected = np.percentile(image[::step, ::step].reshape(-1, 3), 90, axis=0)
    np.testing.assert_allclose(background_color(image), expected, rtol=1e-12)
