from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import rle
from napari_leukocyte.annotations.formats.outlines import (
    check_ring,
    fill,
    fill_parts,
    is_one_ring,
    one_path,
    outline,
    rings_of,
)
from napari_leukocyte.annotations.formats.packed import Runs
from napari_leukocyte.errors import FormatError

SHAPE = (14, 17)
masks = arrays.arrays(bool, st.tuples(st.integers(1, 10), st.integers(1, 11))).filter(
    lambda mask: bool(mask.any())
)


def placed(found: tuple[NDArray[np.bool_], int, int]) -> NDArray[np.bool_]:
    mask, y0, x0 = found
    canvas = np.zeros(SHAPE, bool)
    canvas[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]] = mask
    return canvas


@given(masks, st.integers(0, 4), st.integers(0, 6))
def test_an_outline_gives_the_same_mask_back(mask: NDArray[np.bool_], y0: int, x0: int) -> None:
    whole = placed((mask, y0, x0))
    polygons = outline(mask, y0, x0)
    rings = rings_of(polygons)
    assert is_one_ring(mask) == (len(rings) == 1)
    for way in (rings, [one_path(rings)]):
        np.testing.assert_array_equal(placed(fill(way, SHAPE, "it")), whole)
    parts = [[p.exterior, *p.holes] for p in polygons]
    np.testing.assert_array_equal(placed(fill_parts(parts, SHAPE, "it")), whole)


@given(masks)
def test_rings_are_simple_and_turn_as_geojson_wants(mask: NDArray[np.bool_]) -> None:
    for polygon in outline(mask):
        for ring, sign in ((polygon.exterior, 1), *((hole, -1) for hole in polygon.holes)):
            assert len({tuple(p) for p in ring.tolist()}) == len(ring) >= 4
            x, y = ring.T
            assert sign * (np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y)) > 0


def test_polygons_are_valid_by_hand() -> None:
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    (polygon,) = outline(mask)
    # The hole touches the corner that is missing: two loops, none of which touches itself.
    assert polygon.exterior.tolist() == [[0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [0, 3]]
    assert [sorted(h.tolist()) for h in polygon.holes] == [[[1, 1], [1, 2], [2, 1], [2, 2]]]


def test_a_centre_belongs_to_one_of_two_neighbours() -> None:
    left = fill([np.array([[0, 0], [2.5, 0], [2.5, 3], [0, 3]])], SHAPE, "it")
    right = fill([np.array([[2.5, 0], [6, 0], [6, 3], [2.5, 3]])], SHAPE, "it")
    both = placed(left).astype(int) + placed(right)
    assert both[:3, :6].tolist() == [[1] * 6] * 3
    assert both.sum() == 18


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ([[0, 0], [1, 1], [2, 2]], "on one line"),
        ([[0, 0], [0, 0], [0, 0]], "on one line"),
        ([[0, 0], [4, 0]], "on one line"),
        ([[0, 0], [float("nan"), 1], [2, 0]], "NaN, which is not a number"),
        ([[0, 0], [1e300, 1], [2, 5]], "larger than any image"),
        ([[0, 0, 1], [1, 1]], "not a list of points"),
        ("polygon", "not a list of points"),
        ([], "not a list of points"),
        ([[10**400, 0], [1, 1], [2, 0]], "not a list of points"),
    ],
)
def test_bad_rings(points: Any, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        check_ring(points, "it")


@given(masks, st.integers(0, 4), st.integers(0, 6))
def test_run_lengths_are_those_of_pycocotools(mask: NDArray[np.bool_], y0: int, x0: int) -> None:
    from pycocotools import mask as reference

    whole = placed((mask, y0, x0))
    counts = rle.counts_of(mask, y0, x0, SHAPE)
    text = rle.to_text(counts)
    assert text == reference.encode(np.asfortranarray(whole, np.uint8))["counts"].decode()
    assert rle.from_text(text, "it") == counts.tolist()
    np.testing.assert_array_equal(placed(rle.mask_of(counts.tolist(), SHAPE, "it")), whole)


@given(st.text(max_size=30))
def test_any_text_is_run_lengths_or_a_sentence(text: str) -> None:
    with suppress(FormatError):
        rle.mask_of(rle.from_text(text, "it"), SHAPE, "it")


@pytest.mark.parametrize("counts", [[-1, 2], [0, 10**30], [1.5, 2], ["a"], [0, 200, 100], [True]])
def test_bad_run_lengths(counts: list[Any]) -> None:
    with pytest.raises(FormatError, match="do not fit"):
        rle.mask_of(counts, SHAPE, "it")


@given(
    arrays.arrays(
        np.int32,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([0, 1, 2, 2**31 - 1]),
    )
)
def test_packed_labels_are_the_same(labels: NDArray[np.int32]) -> None:
    image = Runs.of(labels).image()
    assert image.dtype == np.int32
    np.testing.assert_array_equal(image, labels)


@given(st.lists(st.tuples(st.integers(-9, 30), st.integers(-9, 30)), min_size=3, max_size=7))
@example([(0, 0), (0, 1), (25, 11)])
def test_what_leaves_the_image_is_cut_and_not_bent(points: list[tuple[int, int]]) -> None:
    ring = np.array(points, float)
    larger = fill([ring + 10], (60, 60), "it")
    whole = np.zeros((60, 60), bool)
    pixels, y0, x0 = larger
    whole[y0 : y0 + pixels.shape[0], x0 : x0 + pixels.shape[1]] = pixels
    height, width = SHAPE
    cut = fill_parts([[ring]], SHAPE, "it")
    np.testing.assert_array_equal(placed(cut), whole[10 : 10 + height, 10 : 10 + width])
    twice = fill_parts([[ring], [ring]], SHAPE, "it")
    np.testing.assert_array_equal(placed(twice), placed(cut))
