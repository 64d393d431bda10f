from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage.measure import regionprops_table

from napari_leukocyte.classification.measurements import as_label_image, iterate_regions, measure
from napari_leukocyte.errors import ImageError
from napari_leukocyte.schema import MEASURED


def drawn(points: list[tuple[float, float]], angle: float, scale: float) -> NDArray[np.int32]:
    """Return a polygon about (0, 0), turned and scaled, in the middle of a field."""
    turn = np.deg2rad(angle)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = np.array(points) @ matrix.T + 150
    field = np.zeros((300, 300), np.uint8)
    cv2.fillPoly(field, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
    return field.astype(np.int32)


ANGLES = np.linspace(0, 2 * np.pi, 200)
DISC = [(float(np.cos(a)), float(np.sin(a))) for a in ANGLES]
ELLIPSE = [(float(np.cos(a)), float(0.5 * np.sin(a))) for a in ANGLES]
SQUARE: list[tuple[float, float]] = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
# Three of the four quarters of a square.
ELL: list[tuple[float, float]] = [(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)]
# Ramanujan's perimeter of the ellipse.
ELLIPSE_CIRCULARITY = 4 * np.pi * (np.pi / 2) / (np.pi * (4.5 - np.sqrt(3.5 * 2.5))) ** 2


@pytest.mark.parametrize("angle", [0, 15, 30, 45, 77])
@pytest.mark.parametrize("scale", [20, 60, 100])
@pytest.mark.parametrize(
    ("points", "area", "circularity", "solidity"),
    [
        (DISC, np.pi, 1, 1),
        (ELLIPSE, np.pi / 2, ELLIPSE_CIRCULARITY, 1),
        (SQUARE, 4, np.pi / 4, 1),
        (ELL, 3, 4 * np.pi * 3 / 64, 6 / 7),
    ],
    ids=["disc", "ellipse", "square", "L"],
)
def test_known_shapes_at_any_angle_and_size(
    points: list[tuple[float, float]],
    area: float,
    circularity: float,
    solidity: float,
    angle: float,
    scale: float,
) -> None:
    row = measure(drawn(points, angle, scale)).iloc[0]
    rounding = 3 / scale  # fillPoly counts the outline in
    assert row["area_px"] == pytest.approx(area * scale**2, rel=rounding)
    assert row["equivalent_diameter_px"] == pytest.approx(np.sqrt(4 * row["area_px"] / np.pi))
    # Four directions see too few corners of a square that lies straight: 0.87 for 0.79.
    assert row["circularity"] == pytest.approx(circularity, abs=0.105)
    assert row["solidity"] == pytest.approx(solidity, abs=0.015 + 0.5 / scale)
    assert np.isnan(row["nucleus_cell_ratio"])


@given(st.integers(0, 10_000), st.floats(0.5, 5), st.integers(0, 3))
def test_numbers_are_those_of_scikit_image(seed: int, smoothness: float, turns: int) -> None:
    noise = np.random.default_rng(seed).random((50, 60))
    smooth = cv2.GaussianBlur(noise, (0, 0), smoothness)
    mask = (smooth > np.percentile(smooth, 60)).astype(np.uint8)
    labels = np.asarray(cv2.connectedComponents(mask)[1], np.int32)
    labels = np.rot90(labels * 7 % 1000, turns).copy()
    table = measure(labels)
    expected = regionprops_table(
        labels,
        properties=(
            "label",
            "centroid",
            "bbox",
            "area",
            "equivalent_diameter_area",
            "perimeter_crofton",
        ),
    )
    for column, name in {
        "label": "label",
        "y": "centroid-0",
        "x": "centroid-1",
        "bbox_y0": "bbox-0",
        "bbox_x0": "bbox-1",
        "bbox_y1": "bbox-2",
        "bbox_x1": "bbox-3",
        "area_px": "area",
        "equivalent_diameter_px": "equivalent_diameter_area",
    }.items():
        np.testing.assert_allclose(table[column], expected[name])
    circularity = 4 * np.pi * expected["area"] / expected["perimeter_crofton"] ** 2
    np.testing.assert_allclose(table["circularity"], np.minimum(circularity, 1))
    assert table["solidity"].between(0, 1).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_few_pixels_have_a_shape_too(shape: tuple[int, int]) -> None:
    row = measure(np.ones(shape, np.int32)).iloc[0]
    assert row["solidity"] == 1
    assert 0 < row["circularity"] <= 1
    assert (row["y"], row["x"]) == ((shape[0] - 1) / 2, (shape[1] - 1) / 2)


def test_part_of_the_cell_that_is_nucleus() -> None:
    labels = np.zeros((40, 100), np.int32)
    labels[10:30, 10:30], labels[10:30, 60:80] = 5, 2
    nucleus = np.zeros((40, 100), np.float32)
    nucleus[10:20, 5:20] = 0.6  # reaches beyond cell 5, fills a quarter of it
    nucleus[12:14, 60:80] = 0.4
    nucleus[15:17, 60:80] = np.nan
    table = measure(labels, nucleus)
    assert table["label"].tolist() == [2, 5]
    assert table["nucleus_cell_ratio"].tolist() == [0, 0.25]
    np.testing.assert_array_equal(
        measure(labels, nucleus >= 0.5)["nucleus_cell_ratio"], table["nucleus_cell_ratio"]
    )


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 5)])
def test_no_object_makes_an_empty_table_of_the_same_kind(shape: tuple[int, int]) -> None:
    empty, full = measure(np.zeros(shape, np.int32)), measure(np.ones((5, 5), np.int32))
    assert len(empty) == 0
    assert tuple(empty.columns) == MEASURED
    pd_types = empty.dtypes.tolist()
    assert pd_types == full.dtypes.tolist()


@pytest.mark.parametrize("nucleus", [np.zeros((5, 4)), np.zeros(25), np.full((5, 5), "a"), 0.5])
def test_nucleus_map_that_does_not_fit_is_refused(nucleus: object) -> None:
    with pytest.raises(ImageError, match=r"^The nucleus map .*\.$"):
        measure(np.ones((5, 5), np.int32), nucleus)  # type: ignore[arg-type]


LARGEST = np.iinfo(np.int32).max
NUMBERS = st.sampled_from([0, 0, 1, 2, 3, 70_000, 99_999, 100_001, LARGEST - 1, LARGEST])


@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0), elements=NUMBERS))
def test_regions_are_the_label_image_taken_apart(labels: NDArray[np.int32]) -> None:
    again = np.zeros_like(labels)
    numbers = []
    for region in iterate_regions(labels):
        numbers.append(region.label)
        box = np.s_[region.y0 : region.y1, region.x0 : region.x1]
        assert region.mask.shape == again[box].shape
        # The box is tight.
        assert region.mask[[0, -1]].any(axis=1).all()
        assert region.mask[:, [0, -1]].any(axis=0).all()
        assert region.area == (labels == region.label).sum()
        again[box][region.mask] = region.label
    np.testing.assert_array_equal(again, labels)
    assert numbers == sorted(set(labels.ravel().tolist()) - {0})


def test_image_without_background_and_with_one_huge_number() -> None:
    labels = np.full((3, 4), LARGEST, np.int32)
    assert [(r.label, r.area) for r in iterate_regions(labels)] == [(LARGEST, 12)]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([[0, 1], [2, 2]], np.uint8),
        np.array([[0, 1], [2, 2]], np.uint64),
        np.array([[0, 1], [2, 2]], ">i2"),
        [[0, 1], [2, 2]],
    ],
)
def test_any_whole_numbers_are_taken(labels: Any) -> None:
    array = as_label_image(labels, (2, 2))
    assert array.dtype == np.int32
    assert array.tolist() == [[0, 1], [2, 2]]
    assert as_label_image(np.array([[True, False]])).tolist() == [[1, 0]]
    kept = np.zeros((3, 3), np.int32)
    assert as_label_image(kept) is kept


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(4, np.int32),
        np.zeros((2, 2, 2), np.int32),
        np.zeros((2, 3), np.int32),
        np.zeros((2, 2)),
        np.full((2, 2), "a"),
        np.full((2, 2), None),
        np.full((2, 2), -1),
        np.full((2, 2), LARGEST + 1, np.int64),
        np.full((2, 2), 2**64 - 1, np.uint64),
    ],
)
def test_what_is_no_label_image_gets_one_sentence(labels: Any) -> None:
    with pytest.raises(ImageError, match=r"^[^\n]+\.$"):
        as_label_image(labels, (2, 2))
