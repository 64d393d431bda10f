from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.interpretation import words
from napari_leukocyte.interpretation.measured import colour_name, count_lobes, measure_cell
from tests.interpretation.networks import field, only_region


def discs(*centres: tuple[int, int], radius: int = 12, bridge: int = 0) -> NDArray[np.bool_]:
    nucleus = np.zeros((120, 160), np.uint8)
    for (y, x), (y1, x1) in itertools.pairwise(centres):
        if bridge:
            cv2.line(nucleus, (x, y), (x1, y1), 1, bridge)
    for y, x in centres:
        cv2.circle(nucleus, (x, y), radius, 1, -1)
    return nucleus > 0


@pytest.mark.parametrize("bridge", [0, 4, 8])
@pytest.mark.parametrize("lobes", [1, 2, 3, 4])
def test_lobes_are_counted(lobes: int, bridge: int) -> None:
    centres = [(40 + 30 * (i % 2), 25 + 34 * i) for i in range(lobes)]
    assert count_lobes(discs(*centres, bridge=bridge)) == lobes


def test_neither_a_kidney_nor_a_speck_is_a_lobe() -> None:
    assert count_lobes(np.zeros((9, 9), bool)) == 0
    kidney = discs(*[(60, x) for x in range(40, 90, 2)], radius=14)
    assert count_lobes(kidney) == 1
    with_speck = discs((60, 50), radius=20)
    with_speck[60:64, 120:124] = True
    assert count_lobes(with_speck) == 1


@given(angle=st.floats(0, 180))
def test_turning_changes_no_count(angle: float) -> None:
    nucleus = discs((45, 50), (75, 80), (45, 110), bridge=5).astype(np.uint8)
    matrix = cv2.getRotationMatrix2D((80, 60), angle, 0.7)
    turned = cv2.warpAffine(nucleus, matrix, (160, 120))
    assert count_lobes(turned > 0) == 3


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((238, 238, 238), "colourless"),
        ((200, 205, 235), "pale blue"),
        ((120, 140, 220), "blue"),
        ((70, 75, 130), "deep blue"),
        ((240, 190, 200), "pink"),
        ((240, 150, 110), "orange"),
        ((120, 120, 120), "grey"),
    ],
)
def test_colours_have_names(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_name(rgb).endswith(name) or colour_name(rgb) == f"pale {name}"


def test_a_cell_is_measured_inside_its_mask() -> None:
    rgb, labels = field()
    rgb[labels > 0] = (150, 160, 230)
    nucleus = np.zeros(labels.shape, np.float32)
    rows, columns = np.mgrid[:100, :140]
    inside = (rows - 50) ** 2 + (columns - 60) ** 2 <= 10**2
    nucleus[inside] = 0.9
    rgb[inside] = (90, 24, 120)
    nucleus[5:15, 100:120] = 0.9  # another cell's
    found = measure_cell(rgb, only_region(labels), nucleus, np.full(3, 240.0))
    assert found.nucleus_cell_ratio == pytest.approx(0.25, abs=0.01)
    assert found.lobes == 1
    assert found.chromatin_density == pytest.approx(1.0, abs=1e-6)
    assert found.chromatin_variation == pytest.approx(0, abs=1e-6)
    assert found.cytoplasm_rgb == (150, 160, 230)
    assert found.cytoplasm_colour == "blue"
    rows_shown = dict(words.describe_measured(found))
    assert rows_shown["Nucleus / cell"] == "0.25"
    unknown = measure_cell(rgb, only_region(labels), None)
    assert np.isnan(unknown.nucleus_cell_ratio)
    assert "segment the image" in dict(words.describe_measured(unknown))["Nucleus"]
