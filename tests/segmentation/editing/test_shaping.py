from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.editing.shaping import fill_holes, smooth
from tests.segmentation.editing.drawing import (
    Labels,
    check_others,
    discs,
    jaccard,
    label_images,
    numbers_of,
    pieces,
)


def test_smoothing_takes_off_what_is_fine_and_keeps_the_cell(rng: np.random.Generator) -> None:
    disc = discs((100, 100), (50, 50, 30))
    ragged = disc.copy()
    rim = cv2.dilate(disc.astype(np.uint8), np.ones((5, 5))) - cv2.erode(
        disc.astype(np.uint8), np.ones((5, 5))
    )
    ragged[rim > 0] = rng.random(disc.shape)[rim > 0] < 0.5
    ragged[48:52, 80:97] = 1  # a spike
    smoothed = smooth(ragged, [1], 3)
    assert smoothed.changed == (1,)
    assert jaccard(smoothed.labels == 1, disc == 1) > 0.95 > jaccard(ragged == 1, disc == 1)
    assert not smoothed.labels[50, 90:].any()
    assert pieces(smoothed.labels, 1) == 1


def test_a_cell_at_the_border_keeps_its_cut_side() -> None:
    labels = discs((60, 60), (0, 30, 20))
    assert (smooth(labels, [1], 3).labels[0] == labels[0]).all()


def test_what_is_too_thin_stays() -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[20, 5:30] = 4
    smoothed = smooth(labels, [4], 5)
    assert not smoothed
    np.testing.assert_array_equal(smoothed.labels, labels)


@pytest.mark.parametrize("radius", [0, -1, np.nan, 1e9])
def test_an_absurd_radius_is_refused(radius: float) -> None:
    with pytest.raises(ParameterError, match="radius"):
        smooth(discs((60, 60), (30, 30, 20)), [1], radius)


@given(labels=label_images, data=st.data(), radius=st.floats(0.3, 8))
def test_smoothing_loses_no_object_and_takes_none_from_others(
    labels: Labels, data: st.DataObject, radius: float
) -> None:
    known = numbers_of(labels)
    if not known:
        return
    numbers = data.draw(st.lists(st.sampled_from(known), min_size=1))
    smoothed = smooth(labels, numbers, radius)
    assert numbers_of(smoothed.labels) == known
    check_others(labels, smoothed.labels, set(numbers))
    for number in numbers:
        assert pieces(smoothed.labels, number) <= pieces(labels, number)
        same = np.array_equal(smoothed.labels == number, labels == number)
        assert (number in smoothed.changed) is not same


def test_holes_are_filled_around_what_lies_in_them() -> None:
    labels = discs((100, 100), (50, 50, 40))
    labels[discs((100, 100), (50, 50, 30)) > 0] = 0
    labels[45:55, 45:55] = 2
    labels[10:20, 48:52] = 1
    filled = fill_holes(labels, [1])
    check_others(labels, filled.labels, {1})
    assert (filled.labels[50, 20:45] == 1).all()
    assert filled.changed == (1,)
    # A bay that is open is no hole, and there is nothing to do for the other.
    labels[48:52, :30] = 0
    assert not fill_holes(labels, [1, 2])


@given(labels=label_images)
def test_filling_is_done_once_and_for_all(labels: Labels) -> None:
    known = numbers_of(labels)
    if not known:
        with pytest.raises(ParameterError):
            fill_holes(labels, known)
        return
    once = fill_holes(labels, known)
    twice = fill_holes(once.labels, known)
    assert not twice
    np.testing.assert_array_equal(twice.labels, once.labels)
    assert numbers_of(once.labels) == known
    np.testing.assert_array_equal(once.labels[labels > 0], labels[labels > 0])
    # What SciPy fills and nobody has is now the object's, or that of one inside which it lies.
    for number in known:
        holes = ndimage.binary_fill_holes(labels == number) & (labels == 0)
        assert (once.labels[holes] > 0).all()
