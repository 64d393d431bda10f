from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.editing.splitting import split_by_line
from napari_leukocyte.segmentation.editing.whole_cells import delete, merge
from tests.segmentation.editing.drawing import (
    Labels,
    check_others,
    discs,
    label_images,
    numbers_of,
    pieces,
)


def test_touching_cells_become_one_with_the_smallest_number() -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 75, 20), (40, 130, 15))
    merged = merge(labels, [2, 1])
    assert (merged.changed, merged.removed) == ((1,), (2,))
    np.testing.assert_array_equal(merged.labels == 1, np.isin(labels, (1, 2)))
    check_others(labels, merged.labels, {1, 2})


@pytest.mark.parametrize("gap", [1, 3, 6])
def test_a_small_gap_is_bridged_and_only_the_gap(gap: int) -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 81 + gap, 20))
    merged = merge(labels, [1, 2])
    bridge = (merged.labels == 1) & (labels == 0)
    assert pieces(merged.labels, 1) == 1
    assert bridge[40, 61 : 61 + gap].all()
    y, x = np.nonzero(bridge)
    assert 60 - 6 <= x.min() <= x.max() <= 61 + gap + 6
    assert y.max() - y.min() >= 3  # no thread
    assert np.count_nonzero(bridge) < 0.25 * np.count_nonzero(labels == 1)


def test_a_chain_is_joined_link_by_link() -> None:
    labels = discs((60, 200), (30, 20, 15), (30, 110, 15), (30, 65, 25), (30, 155, 25))
    labels[:, 37:39] = labels[:, 92:94] = labels[:, 127:129] = 0
    merged = merge(labels, [4, 1, 2, 3])
    assert numbers_of(merged.labels) == [1]
    assert pieces(merged.labels, 1) == 1


def test_cells_far_apart_are_refused() -> None:
    labels = discs((80, 400), (40, 40, 20), (40, 100, 20), (40, 300, 20))
    for numbers in ([1, 2], [1, 3]):
        with pytest.raises(ParameterError, match="too far apart"):
            merge(labels, numbers)


def test_a_cell_between_is_never_touched() -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 84, 20))
    labels[:, 61:64] = 3
    with pytest.raises(ParameterError, match="lies between"):
        merge(labels, [1, 2])
    labels[38:42, 61:64] = 0
    merged = merge(labels, [1, 2])
    check_others(labels, merged.labels, {1, 2})
    assert pieces(merged.labels, 1) == 1


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [([], "two cells"), ([1], "two cells"), ([1, 1], "two cells"), ([1, 7], "no cell 7"),
     ([0, 1], "no cell 0"), ([1, -2], "no cell -2"), ([1, 1 << 40], "no cell")],
)  # fmt: skip
def test_what_cannot_be_merged_is_said(numbers: list[int], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        merge(discs((80, 160), (40, 40, 20), (40, 84, 20)), numbers)


@given(labels=label_images, data=st.data())
def test_merging_takes_background_only(labels: Labels, data: st.DataObject) -> None:
    known = numbers_of(labels)
    if len(known) < 2:
        return
    numbers = data.draw(st.lists(st.sampled_from(known), min_size=2, unique=True))
    before = {n: pieces(labels, n) for n in numbers}
    try:
        merged = merge(labels, numbers)
    except ParameterError:
        return
    kept = min(numbers)
    assert numbers_of(merged.labels) == sorted(set(known) - set(numbers) | {kept})
    check_others(labels, merged.labels, set(numbers))
    assert (merged.labels[np.isin(labels, numbers)] == kept).all()
    # The pieces of one object are not joined with each other, but with the others.
    assert pieces(merged.labels, kept) <= 1 + sum(n - 1 for n in before.values())


@given(labels=label_images, data=st.data())
def test_deleting_removes_that_and_no_more(labels: Labels, data: st.DataObject) -> None:
    known = numbers_of(labels)
    if not known:
        with pytest.raises(ParameterError):
            delete(labels, [1])
        return
    numbers = data.draw(st.lists(st.sampled_from(known), min_size=1))
    deleted = delete(labels, numbers)
    np.testing.assert_array_equal(deleted.labels, np.where(np.isin(labels, numbers), 0, labels))
    assert deleted.removed == tuple(sorted(set(numbers)))


def test_deleting_nothing_is_refused() -> None:
    with pytest.raises(ParameterError, match="No cell is selected"):
        delete(np.ones((3, 3), np.int32), [])


def test_what_was_cut_can_be_merged_again() -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 100, 20))
    cut = split_by_line(labels, [(0, 36), (79, 50)])
    np.testing.assert_array_equal(merge(cut.labels, cut.changed).labels, labels)
