from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.segmentation.matching import SAME_OBJECT_IOU, match_labels, overlaps

LARGEST = np.iinfo(np.int32).max
Labels = NDArray[np.int32]


@st.composite
def label_images(draw: st.DrawFn, count: int = 1) -> tuple[Labels, ...]:
    """Label images of one shape, of rectangles with numbers that need not follow each other."""
    shape = draw(st.integers(0, 12)), draw(st.integers(1, 12))
    numbers = st.one_of(st.integers(1, 9), st.integers(1, LARGEST))
    images = []
    for _ in range(count):
        image = np.zeros(shape, np.int32)
        for _ in range(draw(st.integers(0, 5))):
            y, x = draw(st.integers(0, shape[0])), draw(st.integers(0, shape[1]))
            h, w = draw(st.integers(1, 8)), draw(st.integers(1, 8))
            image[y : y + h, x : x + w] = draw(numbers)
        images.append(image)
    return tuple(images)


def same_objects(a: Labels, b: Labels) -> bool:
    """Whether two label images differ only in the numbers."""
    pairs = {(int(x), int(y)) for x, y in zip(a.ravel(), b.ravel(), strict=True)} | {(0, 0)}
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


@given(label_images(2))
def test_overlaps_are_those_of_the_definition(images: tuple[Labels, Labels]) -> None:
    new, old = images
    found = {(a, b): value for value, a, b in overlaps(new, old)}
    expected = {
        (int(a), int(b)): iou(new == a, old == b)
        for a in np.unique(new[new > 0])
        for b in np.unique(old[old > 0])
        if ((new == a) & (old == b)).any()
    }
    assert found.keys() == expected.keys()
    for pair, value in expected.items():
        assert np.isclose(found[pair], value)
    assert [v for v, _, _ in overlaps(new, old)] == sorted(found.values(), reverse=True)


@given(label_images(2))
def test_only_numbers_change_and_a_second_time_nothing_does(images: tuple[Labels, Labels]) -> None:
    new, old = images
    matched = match_labels(new, old)
    assert matched.dtype == np.int32
    assert same_objects(matched, new)
    np.testing.assert_array_equal(match_labels(matched, old), matched)
    np.testing.assert_array_equal(match_labels(old, old), old)


@given(label_images(2), st.integers(1, 40))
def test_numbers_are_kept_by_the_same_object_or_never_given_again(
    images: tuple[Labels, Labels], next_label: int
) -> None:
    new, old = (np.where(i > 1000, i % 1000, i).astype(np.int32) for i in images)
    matched = match_labels(new, old, next_label)
    for number in np.unique(matched[matched > 0]):
        if (old == number).any():
            assert iou(matched == number, old == number) >= SAME_OBJECT_IOU
        else:
            assert number >= max(next_label, int(old.max(initial=0)) + 1)
    for value, a, b in overlaps(matched, old):
        # Whoever overlaps by more than half is the same: nothing else can.
        assert value <= 0.5 or a == b


@given(label_images(2), st.randoms(use_true_random=False))
def test_other_old_numbers_give_the_same_objects_those_numbers(
    images: tuple[Labels, Labels], random: object
) -> None:
    new, old = (np.where(i > 1000, i % 1000, i).astype(np.int32) for i in images)
    renumber = np.concatenate([[0], 1 + np.random.default_rng(3).permutation(1000)]).astype(
        np.int32
    )
    matched, permuted = match_labels(new, old), match_labels(new, renumber[old])
    values = [v for v, _, _ in overlaps(new, old)]
    if len(set(values)) == len(values):  # ties are broken by the numbers
        kept = np.isin(matched, old[old > 0])
        np.testing.assert_array_equal(renumber[matched[kept]], permuted[kept])


def test_cells_keep_their_numbers_when_the_threshold_moves() -> None:
    old = np.zeros((60, 100), np.int32)
    old[10:30, 10:30], old[10:30, 50:70], old[40:55, 10:25] = 7, 3, 12
    new = np.zeros_like(old)
    new[12:28, 12:28], new[9:31, 49:71], new[5:9, 90:99] = 1, 2, 3  # one is gone, one is new
    matched = match_labels(new, old, next_label=20)
    assert (matched[20, 20], matched[20, 60], matched[6, 95]) == (7, 3, 20)


def test_little_overlap_makes_no_same_object() -> None:
    old = np.full((10, 30), 5, np.int32)
    new = np.zeros_like(old)
    new[:, :5] = 1
    assert iou(new > 0, old > 0) < SAME_OBJECT_IOU
    assert match_labels(new, old).max() == 6


def test_of_two_parts_the_larger_keeps_the_number() -> None:
    old = np.full((10, 30), 5, np.int32)
    new = np.full((10, 30), 1, np.int32)
    new[:, 20:] = 2
    assert match_labels(new, old)[0].tolist() == [5] * 20 + [6] * 10


def test_largest_number_there_is_leaves_room_for_new_objects() -> None:
    old = np.zeros((10, 30), np.int32)
    old[:, :10], old[:, 10:12] = LARGEST, 1
    new = np.zeros_like(old)
    new[:, :9], new[:, 15:20], new[:, 22:30] = 1, 2, 3
    matched = match_labels(new, old)
    assert matched[0, 0] == LARGEST
    assert sorted({int(n) for n in matched[0, 15:]}) == [0, 2, 3]


def test_thousands_of_objects_are_matched_by_sorting() -> None:
    old = np.arange(1, 50 * 60 + 1, dtype=np.int32).reshape(50, 60).repeat(3, 0).repeat(3, 1)
    new = old[::-1].copy()
    assert int(old.max()) ** 2 > 1 << 22
    # Upside down the squares lie on each other's places.
    np.testing.assert_array_equal(match_labels(new, old), old)
