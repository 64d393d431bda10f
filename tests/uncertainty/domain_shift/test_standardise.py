"""Standardised images come nearer to the colours wanted, and the image itself stays."""

from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.classification.stain import nucleus_density
from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.io.images.background import WHITE, background_color, balance_white
from napari_leukocyte.uncertainty.domain_shift.standardise import (
    METHODS,
    Method,
    describe,
    stained_pixels,
    standardise,
    targets,
)
from tests.uncertainty.domain_shift.fields import field


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["pbc", "zheng1"])
def test_the_background_stays_empty_and_the_image_as_it_was(method: Method, target: str) -> None:
    rgb, labels = field(1, (0.8, 0.9, 1.0))
    before = rgb.copy()
    made = standardise(rgb, method, targets()[target], labels, density=1.5)
    np.testing.assert_array_equal(rgb, before)
    assert made.shape == rgb.shape
    assert made.dtype == np.uint8
    np.testing.assert_allclose(background_color(made), WHITE, atol=4)


def test_an_image_in_its_own_colours_stays_as_it_is() -> None:
    rgb, _ = field(2)
    balanced = balance_white(rgb, background_color(rgb))
    own = describe("image", stained_pixels(balanced))
    methods: tuple[Method, ...] = ("reinhard", "macenko")
    for method in methods:
        made = standardise(rgb, method, own)
        assert np.abs(made.astype(int) - balanced).mean() < 2


def test_colours_come_nearer_to_the_target() -> None:
    wanted = targets()["pbc"]
    rgb, _ = field(2)
    before = describe("image", stained_pixels(balance_white(rgb, background_color(rgb))))
    made = standardise(rgb, "reinhard", wanted)
    after = describe("image", stained_pixels(made))

    def off(lab: tuple[float, ...]) -> float:
        return float(np.linalg.norm(np.array(lab) - np.array(wanted.lab_mean)))

    assert off(after.lab_mean) < 0.7 * off(before.lab_mean)


def test_the_models_own_brings_nuclei_to_its_density() -> None:
    rgb, labels = field(3)
    made = standardise(rgb, "model", labels=labels, density=1.2)
    found = [
        nucleus_density(made, np.where(labels == n, 255, 0).astype(np.uint8))
        for n in np.unique(labels[labels > 0])
    ]
    assert np.median(found) == pytest.approx(1.2, abs=0.15)
    plain = standardise(rgb, "model")
    np.testing.assert_array_equal(plain, balance_white(rgb, background_color(rgb)))


def test_what_can_not_be_done_is_told() -> None:
    rgb, _ = field(1)
    with pytest.raises(ParameterError, match="no method 'vahadane'"):
        standardise(rgb, "vahadane")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="Choose the set"):
        standardise(rgb, "reinhard")
    with pytest.raises(ParameterError, match="segment first"):
        standardise(rgb, "model", density=1.7)
    empty = np.full((64, 64, 3), 230, np.uint8)
    with pytest.raises(ImageError, match="Too little of the image is stained"):
        standardise(empty, "macenko", targets()["pbc"])
