"""Edits by hand survive whatever is computed later."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.segmentation.matching import match_labels
from napari_leukocyte.session.edits import Edits, apply_edits, record_edit

Labels = NDArray[np.int32]
SHAPE = (24, 30)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[slice, slice]:
    y, x = draw(st.integers(0, SHAPE[0] - 2)), draw(st.integers(0, SHAPE[1] - 2))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return slice(y, y + height), slice(x, x + width)


@st.composite
def label_images(draw: st.DrawFn) -> Labels:
    """Boxes over each other, numbered from 1 without gaps, as from the post-processing."""
    labels = np.zeros(SHAPE, np.int32)
    for number, box in enumerate(draw(st.lists(boxes(), max_size=6)), start=1):
        labels[box] = number
    return np.unique(labels, return_inverse=True)[1].reshape(SHAPE).astype(np.int32)


@st.composite
def changes(draw: st.DrawFn, before: Labels) -> Labels:
    """A few strokes, fills and erasures, with old numbers and new ones."""
    after = before.copy()
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, int(before.max()) + 2))
        if draw(st.booleans()):
            after[draw(boxes())] = number
        else:
            after[after == draw(st.integers(1, max(1, int(before.max()))))] = number
    return after


@st.composite
def edited(draw: st.DrawFn) -> tuple[Labels, Labels]:
    before = draw(label_images())
    return before, draw(changes(before))


def objects(labels: Labels) -> set[int]:
    return set(np.unique(labels).tolist()) - {0}


@given(edited())
def test_edited_are_the_objects_whose_pixels_differ(pair: tuple[Labels, Labels]) -> None:
    before, after = pair
    edits = record_edit(Edits.none(SHAPE), before, after)
    differ = {n for n in objects(after) if not np.array_equal(before == n, after == n)}
    assert edits.labels == differ
    gone = [n for n in objects(before) if n not in objects(after)]
    assert np.array_equal(edits.erased, np.isin(before, gone) & (after == 0))


@given(edited(), label_images())
def test_drawn_objects_survive_any_computation(
    pair: tuple[Labels, Labels], computed: Labels
) -> None:
    before, after = pair
    edits = record_edit(Edits.none(SHAPE), before, after)
    next_label = int(max(before.max(), after.max())) + 1
    matched = match_labels(computed, after, next_label)
    result = apply_edits(matched, after, edits)
    for number in edits.labels:
        assert np.array_equal(result == number, after == number)
    # And nothing is made up: whatever else there is was computed there.
    other = ~np.isin(result, sorted(edits.labels))
    assert ((result == matched) | (result == 0))[other].all()


@given(edited(), label_images())
def test_erased_objects_stay_away(pair: tuple[Labels, Labels], computed: Labels) -> None:
    before, after = pair
    edits = record_edit(Edits.none(SHAPE), before, after)
    next_label = int(max(before.max(), after.max())) + 1
    result = apply_edits(match_labels(computed, after, next_label), after, edits)
    for number in objects(result) - set(edits.labels):
        where = result == number
        # What is left of an object can lie in an erased place only if more of it lay elsewhere.
        raw = computed == computed[where][0]
        assert 2 * np.count_nonzero(raw & edits.erased) < np.count_nonzero(raw)


@given(label_images(), st.data())
def test_computing_the_same_again_changes_nothing(before: Labels, data: st.DataObject) -> None:
    numbers = sorted(objects(before))
    erased = data.draw(st.sets(st.sampled_from(numbers)) if numbers else st.just(set()))
    after = np.where(np.isin(before, sorted(erased)), np.int32(0), before)
    edits = record_edit(Edits.none(SHAPE), before, after)
    matched = match_labels(before, after, int(before.max()) + 1)
    assert np.array_equal(apply_edits(matched, after, edits), after)


def test_an_erased_object_that_grows_stays_away() -> None:
    before = np.zeros((40, 40), np.int32)
    before[16:24, 16:24] = 1
    edits = record_edit(Edits.none(before.shape), before, np.zeros_like(before))
    grown = np.zeros_like(before)
    grown[8:32, 8:32] = 2  # nine times the area, so hardly covered by what was erased
    assert not apply_edits(grown, np.zeros_like(before), edits).any()


def test_a_neighbour_may_grow_into_an_erased_place() -> None:
    before = np.zeros((40, 40), np.int32)
    before[10:30, 4:20], before[16:24, 20:24] = 1, 2
    after = np.where(before == 2, 0, before).astype(np.int32)
    edits = record_edit(Edits.none(before.shape), before, after)
    grown = np.zeros_like(before)
    grown[10:30, 4:24] = 1
    assert np.array_equal(apply_edits(grown, after, edits), grown)


def test_drawing_over_an_erased_place_takes_the_erasure_back() -> None:
    before = np.zeros(SHAPE, np.int32)
    before[2:8, 2:8] = 1
    empty = np.zeros_like(before)
    edits = record_edit(Edits.none(SHAPE), before, empty)
    assert edits.erased.any()
    drawn = empty.copy()
    drawn[2:8, 2:8] = 5
    edits = record_edit(edits, empty, drawn)
    assert edits.labels == {5}
    assert not edits.erased.any()


@given(edited(), st.data())
def test_a_box_that_holds_the_change_says_the_same_as_the_image(
    pair: tuple[Labels, Labels], data: st.DataObject
) -> None:
    before, after = pair
    edits = record_edit(Edits.none(SHAPE), before, after)
    later = data.draw(changes(after))
    changed = after != later
    touched = np.isin(after, after[changed]) & (after > 0) | np.isin(later, later[changed]) & (
        later > 0
    )
    rows, columns = np.nonzero(touched | changed)
    whole = record_edit(edits, after, later)
    if rows.size:
        box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
        part = record_edit(edits, after, later, box)
        assert part.labels == whole.labels
        assert np.array_equal(part.erased, whole.erased)


def test_no_change_is_no_edit() -> None:
    labels = np.ones(SHAPE, np.int32)
    edits = Edits.none(SHAPE)
    assert record_edit(edits, labels, labels.copy()) is edits
