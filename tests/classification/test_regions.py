from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import as_label_image, iterate_regions
from napari_leukocyte.errors import ImageError

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
