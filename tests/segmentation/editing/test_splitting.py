from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.editing.splitting import split_by_line, split_by_markers
from tests.segmentation.editing.drawing import (
    Labels,
    check_others,
    discs,
    label_images,
    numbers_of,
    pieces,
    points,
)

LARGEST = int(np.iinfo(np.int32).max)


def test_a_line_cuts_what_it_crosses_and_nothing_else() -> None:
    labels = discs((100, 160), (50, 40, 20), (50, 110, 20))
    cut = split_by_line(labels, [(10, 34), (90, 34)])
    assert cut.changed == (1, 3)
    # The larger part keeps the number; every pixel is one of theirs.
    assert np.count_nonzero(cut.labels == 1) > np.count_nonzero(cut.labels == 3) > 0
    np.testing.assert_array_equal(np.isin(cut.labels, (1, 3)), labels == 1)
    check_others(labels, cut.labels, {1})
    assert (cut.labels[50, 20:33] == 3).all()
    assert (cut.labels[50, 36:60] == 1).all()
    assert [pieces(cut.labels, n) for n in (1, 3)] == [1, 1]


def test_a_line_with_corners_cuts_several() -> None:
    labels = discs((100, 160), (50, 40, 20), (50, 110, 20))
    cut = split_by_line(labels, [(10, 40), (90, 40), (90, 110), (10, 110)], next_label=9)
    assert cut.changed == (1, 2, 9, 10)
    assert numbers_of(cut.labels) == [1, 2, 9, 10]


@pytest.mark.parametrize(
    "line",
    [
        [(50, 10), (50, 45)],  # ends inside
        [(10, 10), (10, 150)],  # beside
        [(-50, -50), (-20, -10)],  # beside the image
        [(29, 10), (29, 70)],  # touches the edge, where it would cut off a crumb
        [(50, 40), (50, 40)],
    ],
)
def test_a_line_that_cuts_nothing_is_refused(line: list[tuple[int, int]]) -> None:
    labels = discs((100, 160), (50, 40, 20), (50, 110, 20))
    with pytest.raises(ParameterError, match="cuts no cell in two"):
        split_by_line(labels, line)


@pytest.mark.parametrize("line", [[(1, 2)], [(1, 2, 3), (1, 2, 4)], [(0, 0), (0, np.nan)], "ab"])
def test_what_is_no_line_is_refused(line: object) -> None:
    with pytest.raises(ParameterError, match="corners of a line"):
        split_by_line(np.ones((9, 9), np.int32), line)  # type: ignore[arg-type]


def test_numbers_never_run_out() -> None:
    labels = discs((60, 60), (30, 30, 20))
    labels[labels == 1] = LARGEST
    cut = split_by_line(labels, [(0, 30), (59, 30)])
    assert numbers_of(cut.labels) == [1, LARGEST]


def check_parts(before: Labels, after: Labels, changed: tuple[int, ...]) -> None:
    fresh = set(numbers_of(after)) - set(numbers_of(before))
    parted = set(changed) - fresh
    assert fresh
    assert parted
    assert min(fresh) > before.max()
    check_others(before, after, parted | fresh)
    # Nothing is lost and nothing won: each part lies in what it is a part of.
    np.testing.assert_array_equal(after > 0, before > 0)
    for number in parted:
        parts: list[int] = np.unique(after[before == number]).tolist()
        assert number in parts
        assert len(parts) > 1
        sizes = {n: int(np.count_nonzero(after == n)) for n in parts}
        assert sum(sizes.values()) == np.count_nonzero(before == number)
        assert sizes[number] == max(sizes.values())


@given(labels=label_images, line=st.lists(points, min_size=2, max_size=5))
def test_a_line_conserves_every_pixel(labels: Labels, line: list[tuple[float, float]]) -> None:
    former = labels.copy()
    try:
        cut = split_by_line(labels, line)
    except ParameterError:
        cut = None
    np.testing.assert_array_equal(labels, former)
    if cut is not None:
        check_parts(labels, cut.labels, cut.changed)
        # What is new is in one piece.
        for number in set(cut.changed) - set(numbers_of(labels)):
            assert pieces(cut.labels, number) == 1


@given(labels=label_images, places=st.lists(points, min_size=2, max_size=8))
def test_markers_conserve_every_pixel(labels: Labels, places: list[tuple[float, float]]) -> None:
    height, width = labels.shape
    inside = [(y % height, x % width) for y, x in places]
    try:
        cut = split_by_markers(labels, inside, np.full(labels.shape, 0.5, np.float32))
    except ParameterError:
        return
    check_parts(labels, cut.labels, cut.changed)


def test_markers_part_where_the_cell_is_narrow() -> None:
    labels = discs((80, 120), (40, 40, 20), (40, 70, 20))
    labels[labels == 2] = 1
    cut = split_by_markers(labels, [(40, 30), (42, 80)])
    assert cut.changed == (1, 2)
    left, right = cut.labels[40, 30], cut.labels[40, 80]
    assert {int(left), int(right)} == {1, 2}
    assert (cut.labels[40, 22:53] == left).all()
    assert (cut.labels[40, 58:89] == right).all()


def test_markers_part_where_the_map_is_low() -> None:
    labels = np.zeros((40, 120), np.int32)
    labels[10:30, 10:110] = 5  # has no narrow place
    probability = np.ones(labels.shape, np.float32)
    probability[:, 78:82] = 0
    cut = split_by_markers(labels, [(20, 40), (20, 100)], probability)
    assert np.count_nonzero(cut.labels[:, :77] == 6) == 0
    assert np.count_nonzero(cut.labels[:, 83:] == 5) == 0


@pytest.mark.parametrize("places", [[(40, 40), (5, 5)], [(40, 40), (40, 40)], [(1, 1), (2, 2)]])
def test_two_points_in_one_cell_are_needed(places: list[tuple[int, int]]) -> None:
    with pytest.raises(ParameterError, match="two points into one cell"):
        split_by_markers(discs((80, 120), (40, 40, 20)), places)


def test_a_piece_apart_keeps_the_number() -> None:
    labels = discs((60, 120), (30, 30, 20), (30, 90, 3))
    labels[labels == 2] = 1
    for cut in (
        split_by_line(labels, [(0, 34), (59, 34)]),
        split_by_markers(labels, [(30, 20), (30, 40)]),
    ):
        assert cut.changed == (1, 2)
        assert cut.labels[30, 90] == 1
