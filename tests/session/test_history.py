"""Undo and redo of everything, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.history import STEPS
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import open_session
from tests.session.work import IMAGE, MAPS, SHAPE, fingerprint, predictions, work

SEEDS = st.lists(st.integers(0, 2**31), max_size=25)


@pytest.fixture
def session() -> Session:
    session = Session(IMAGE, "field")
    session.set_maps(MAPS[0])
    return session


def unwind(session: Session) -> Iterator[str]:
    """Undo everything, giving the state before each undo and the first one."""
    while session.can_undo:
        yield fingerprint(session)
        session.undo()
    yield fingerprint(session)


@settings(max_examples=40)
@given(SEEDS, SEEDS)
# A model answers while something else, that it has answered about too, can still be done again.
@example([208508854], [208508855])
def test_undoing_all_gives_back_the_first_state_and_redoing_the_last(
    before: list[int], after: list[int]
) -> None:
    session = Session(IMAGE, "field")
    for seed in before:
        work(session, seed)
    while session.can_undo:
        session.undo()
    assert fingerprint(session) == fingerprint(Session(IMAGE, "field"))
    for seed in after:
        work(session, seed)
    while session.can_redo:
        session.redo()
    forward = list(unwind(session))
    assert forward[-1] == fingerprint(Session(IMAGE, "field"))
    for expected in reversed(forward[:-1]):
        session.redo()
        assert fingerprint(session) == expected
    assert not session.can_redo


@settings(max_examples=40)
@given(SEEDS, st.booleans())
def test_after_reopening_everything_is_as_it_was(seeds: list[int], small: bool) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if small:  # the journal is then rewritten all the time
            patch.setattr("napari_leukocyte.session.store.REWRITE_SIZE", 200)
        session = open_session(IMAGE, "field", Path(folder) / "s")
        for seed in seeds:
            work(session, seed)
        expected, table, free = fingerprint(session), session.table(), session.next_label
        session.close()
        again = open_session(IMAGE, "other name", Path(folder) / "s")
        assert fingerprint(again) == expected
        pd.testing.assert_frame_equal(again.table(), table, check_exact=True)
        assert again.next_label == free
        # And what is computed from then on is the same, too.
        for one in (session, again):
            one.set_params(replace(one.params, threshold=0.37, watershed="distance"))
        assert fingerprint(again) == fingerprint(session)
        again.close()


@settings(max_examples=30)
@given(SEEDS)
def test_what_was_measured_in_passing_is_what_measuring_afresh_gives(seeds: list[int]) -> None:
    session = Session(IMAGE, "field")
    session.set_maps(MAPS[0])
    for seed in seeds:
        work(session, seed)
        passing = session.table()
        fresh = Session(IMAGE, "field")
        fresh.attach(_Nowhere(), replace(session._state, known=type(session._state.known)()))
        pd.testing.assert_frame_equal(passing, fresh.table(), check_exact=True)


class _Nowhere:
    def record(self, *_: object, **__: object) -> None: ...

    def keep_maps(self, maps: object) -> object: ...

    def close(self) -> None: ...


@st.composite
def _pairs(draw: st.DrawFn) -> list[NDArray[Any]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    shape = (draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    dtype = draw(st.sampled_from([np.int32, np.bool_]))
    high = 2 if dtype is np.bool_ else draw(st.sampled_from([2, 2**31 - 1]))
    share = draw(st.floats(0, 1))
    first: NDArray[Any] = rng.integers(0, high, shape).astype(dtype)
    result = [first]
    for _ in range(2):
        other: NDArray[Any] = rng.integers(0, high, shape).astype(dtype)
        result.append(np.where(rng.random(shape) < share, other, result[-1]).astype(dtype))
    return result


@given(_pairs())
def test_a_difference_leads_from_either_array_to_the_other(images: list[NDArray[Any]]) -> None:
    first, second, third = images
    one, two = Difference.between(first, second), Difference.between(second, third)
    if one is None:
        assert np.array_equal(first, second)
        return
    assert np.array_equal(one.applied_to(first), second)
    assert np.array_equal(one.applied_to(second), first)
    if two is not None:
        both = one.combined(two)
        assert (both is None) == np.array_equal(first, third)
        if both is not None:
            assert np.array_equal(both.applied_to(first), third)


def test_a_stroke_costs_what_it_paints_not_an_image() -> None:
    before = np.zeros((3000, 3000), np.int32)
    after = before.copy()
    after[1000:1040, 2000:2040] = 7
    difference = Difference.between(before, after)
    assert difference is not None
    assert len(difference.packed) < 1000


def test_a_hundred_steps_are_kept(session: Session) -> None:
    number = int(session.labels.max())
    for i in range(STEPS + 5):
        session.set_note(number, f"note {i}")
    undone = 0
    while session.can_undo:
        session.undo()
        undone += 1
    assert undone == STEPS
    assert session.reviews[number].note == "note 4"


def test_the_user_reads_what_would_be_undone(session: Session) -> None:
    assert (session.undo_text, session.redo_text) == ("Segment", "")
    session.set_class([1, 2], "basophil")
    assert session.undo_text == "2 cells as basophil"
    session.undo()
    assert (session.undo_text, session.redo_text) == ("Segment", "2 cells as basophil")
    session.undo()
    assert not session.can_undo
    session.undo()  # nothing is nothing
    assert session.redo_text == "Segment"


def test_a_group_is_one_step_even_when_it_breaks_off(session: Session) -> None:
    heard: list[str] = []
    session.table_changed.connect(lambda: heard.append("table"))
    before = fingerprint(session)
    with session.group("Tidy up"):
        session.set_class([1], "basophil")
        with session.group("inner"):
            session.edit_labels(lambda a: np.where(a == 2, 0, a), "Delete")
        assert not session.can_undo
        assert heard == []
    assert heard == ["table"]
    assert session.undo_text == "Tidy up"
    session.undo()
    assert fingerprint(session) == before

    def break_off() -> None:
        with session.group("Tidy up"):
            session.set_class([1], "basophil")
            session.set_class([99], "basophil")

    with pytest.raises(ParameterError, match="no object 99"):
        break_off()
    assert session.assigned == {1: "basophil"}
    session.undo()
    assert fingerprint(session) == before


def test_a_command_that_changes_nothing_is_no_step(session: Session) -> None:
    session.set_class([1], "basophil")
    session.set_params(session.params)
    session.accept_edit(session.labels)
    session.set_class([1], "basophil")
    session.set_class([], "basophil")
    session.forget_edits()
    with session.group("Nothing"):
        pass
    assert session.undo_text == "1 cell as basophil"
    session.undo()
    assert session.undo_text == "Segment"


def test_the_class_of_what_was_drawn_goes_with_the_stroke(session: Session) -> None:
    rng = np.random.default_rng(0)
    table, model, description = predictions([1, 2, 3], rng)
    session.set_predictions(table, model, description)
    before = fingerprint(session)
    labels = session.labels.copy()
    labels[60:70, 5:15] = number = session.next_label
    session.accept_edit(labels)
    session.undo()
    session.redo()
    new, _, _ = predictions([number], rng)
    session.set_predictions(new, model, description, all_objects=False)
    table_now = session.table()
    assert table_now.loc[table_now["label"] == number, "class"].notna().all()
    assert session.undo_text == "Paint"
    # A viewer's own undo is recognised as well.
    session.accept_edit(np.where(session.labels == number, 0, session.labels))
    assert fingerprint(session) == before
    # What was undone can be done again although a model has answered meanwhile.
    session.set_predictions(table[:1], model, description, all_objects=False)
    session.redo()
    assert (session.labels == number).any()


def test_a_viewer_s_own_undo_and_redo_are_the_session_s(session: Session) -> None:
    before, blank = fingerprint(session), session.labels.copy()
    painted = blank.copy()
    painted[60:70, 5:15] = 50
    session.accept_edit(painted)
    after = fingerprint(session)
    session.accept_edit(blank)
    assert fingerprint(session) == before
    assert session.redo_text == "Paint"
    session.accept_edit(painted)
    assert fingerprint(session) == after
    assert not session.can_redo


def test_a_slider_s_way_is_one_step(session: Session) -> None:
    before = fingerprint(session)
    for i, threshold in enumerate((0.4, 0.45, 0.6)):
        computation = session.plan(params=replace(session.params, threshold=threshold))
        assert computation is not None
        session.take(computation.run(), join=i > 0)
    after = fingerprint(session)
    session.undo()
    assert fingerprint(session) == before
    session.redo()
    assert fingerprint(session) == after
    # A step that was undone is not what the next position continues.
    session.undo()
    computation = session.plan(params=replace(session.params, threshold=0.3))
    assert computation is not None
    session.take(computation.run(), join=True)
    session.undo()
    assert fingerprint(session) == before


def test_undo_tells_the_views(session: Session) -> None:
    session.set_class([1], "basophil")
    session.edit_labels(lambda a: np.where(a == 2, 0, a), "Delete")
    session.select([1, 3])
    heard: list[str] = []
    for name in ("labels", "table", "history", "selection"):
        signal = getattr(session, f"{name}_changed")
        signal.connect(lambda *_, name=name: heard.append(name))
    session.undo()
    assert heard == ["labels", "table", "history"]
    heard.clear()
    session.undo()
    assert heard == ["table", "history"]
    heard.clear()
    session.undo()  # the objects themselves
    assert heard == ["labels", "table", "history", "selection"]
    assert session.selection == frozenset()


def test_old_runs_do_not_fill_the_memory(session: Session) -> None:
    for i in range(8):
        session.set_maps(replace(MAPS[i % 2], model=f"run {i}"))
    undone = 0
    while session.can_undo:
        session.undo()
        undone += 1
    assert undone == 3
    assert session.maps is not None
    assert session.labels.shape == SHAPE
