from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from napari_leukocyte.segmentation.frame import without_frame


@pytest.fixture
def field(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a pale field with grain and one dark cell."""
    rgb = rng.integers(200, 225, (240, 320, 3), dtype=np.uint8)
    rgb[100:140, 150:190] = (90, 40, 120)
    return rgb


def test_a_plain_field_is_left_as_it_is(field: NDArray[np.uint8]) -> None:
    framed = without_frame(field)
    assert framed.rgb is field
    assert framed.outside is None
    assert framed.notes == ()


def test_corners_of_an_eyepiece_are_filled_and_said(field: NDArray[np.uint8]) -> None:
    y, x = np.mgrid[:240, :320]
    corners = np.hypot(y - 120, x - 160) > 150
    field[corners] = 6
    framed = without_frame(field)
    assert framed.outside is not None
    assert framed.outside[corners].all()
    assert not framed.outside[60:180, 90:230].any()
    assert framed.rgb.min(axis=2)[corners].min() > 190
    np.testing.assert_array_equal(framed.rgb[100:140, 150:190], field[100:140, 150:190])
    assert len(framed.notes) == 1
    assert "black" in framed.notes[0]


@pytest.mark.parametrize("width", [2, 30])
def test_a_dark_line_along_an_edge_is_filled(field: NDArray[np.uint8], width: int) -> None:
    field[:, :width] = 12
    framed = without_frame(field)
    assert framed.outside is not None
    assert framed.outside[:, :width].all()
    assert not framed.outside[:, width + 6 :].any()


def test_a_white_bar_is_no_image_but_a_white_background_is(field: NDArray[np.uint8]) -> None:
    barred, bright = field.copy(), field.copy()
    barred[:, :60] = 255
    assert without_frame(barred).outside is not None
    bright[bright > 150] = 255
    bright[:5] = 252
    assert without_frame(bright).outside is None


def test_an_over_exposed_background_around_a_cell_is_no_frame() -> None:
    crop = np.full((100, 100, 3), 255, np.uint8)
    y, x = np.mgrid[:100, :100]
    crop[np.hypot(y - 50, x - 50) < 32] = (190, 120, 150)
    assert without_frame(crop).outside is None
    # Nor where pale grains of erythrocytes and a cut cell are left beside it.
    crop[np.hypot(y, x - 60) < 25] = (200, 130, 160)
    crop[80:90, 5:15] = (240, 220, 230)
    assert without_frame(crop).outside is None


def test_a_white_spot_in_a_corner_is_no_frame(field: NDArray[np.uint8]) -> None:
    y, x = np.mgrid[:240, :320]
    field[np.hypot(y - 240, x) < 60] = 255
    assert without_frame(field).outside is None


def test_the_white_around_an_eyepiece_s_disc_is_filled(field: NDArray[np.uint8]) -> None:
    y, x = np.mgrid[:240, :320]
    around = np.hypot(y - 120, x - 160) > 130
    field[around] = 255
    framed = without_frame(field)
    assert framed.outside is not None
    assert framed.outside[around].all()
    assert framed.rgb[around].max() < 240
    assert "white" in framed.notes[0]


def test_a_black_cell_at_the_border_stays(field: NDArray[np.uint8]) -> None:
    field[0:40, 100:140] = 10
    assert without_frame(field).outside is None


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_any_image_keeps_its_shape_and_what_is_inside(rgb: NDArray[np.uint8]) -> None:
    framed = without_frame(rgb)
    assert framed.rgb.shape == rgb.shape
    inside = slice(None) if framed.outside is None else ~framed.outside
    np.testing.assert_array_equal(framed.rgb[inside], rgb[inside])


def test_light_that_falls_towards_an_eyepieces_rim_is_evened_out() -> None:
    rng = np.random.default_rng(3)
    even = np.full((400, 400, 3), (215, 205, 210), np.float32)
    for y, x in rng.uniform(60, 340, (20, 2)):
        cv2.circle(even, (int(x), int(y)), 14, (150.0, 90.0, 120.0), -1)
    yy, xx = np.mgrid[:400, :400] - 199.5
    light = np.clip((190 - np.hypot(yy, xx)) / 24, 0, 1) ** 0.5
    framed = without_frame((even * light[..., np.newaxis]).astype(np.uint8))
    assert framed.outside is not None
    inside = ~framed.outside
    dimmed = inside & (light < 0.85)
    assert dimmed.sum() > 500
    difference = np.abs(framed.rgb.astype(np.float32) - even).mean(axis=2)
    assert np.median(difference[dimmed]) < 8
    assert np.median(difference[inside]) < 3
    # A frame with a sharp edge leaves the photograph as it is.
    sharp = np.where(light[..., np.newaxis] > 0.6, even, 0).astype(np.uint8)
    kept = without_frame(sharp)
    assert kept.outside is not None
    np.testing.assert_array_equal(kept.rgb[~kept.outside], sharp[~kept.outside])
