"""The state of one image: what is computed, drawn and said stays consistent."""

from __future__ import annotations

from dataclasses import replace

import cv2
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.maps import at_half_precision
from napari_leukocyte.session.session import Session

SHAPE = (120, 160)
DIAMETER = 24.0


def blurred(centres: list[tuple[int, int]], radius: int = 12) -> NDArray[np.float32]:
    """Return a map of discs whose edges are soft, so that the threshold changes their size."""
    truth = np.zeros(SHAPE, np.float32)
    for y, x in centres:
        cv2.circle(truth, (x, y), radius, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(truth, (0, 0), 4), np.float32)


def maps_of(*cells: NDArray[np.float32], name: str = "model") -> MemberMaps:
    stack = np.stack(cells)
    return MemberMaps(
        cell=stack,
        nucleus=stack**3,
        names=tuple(f"member {i}" for i in range(len(cells))),
        weights=(1.0,) * len(cells),
        diameter=DIAMETER,
        model=name,
        sha256=("",) * len(cells),
    )


CENTRES = [(20, 20), (20, 80), (60, 50), (60, 72), (100, 130), (115, 20)]
MAPS = at_half_precision(maps_of(blurred(CENTRES), blurred(CENTRES, radius=10)))
SAVED = np.zeros((*SHAPE, 3), np.uint8)


@pytest.fixture
def session() -> Session:
    session = Session(SAVED, "field")
    session.set_maps(MAPS)
    return session


def objects(labels: NDArray[np.int32]) -> set[int]:
    return set(np.unique(labels).tolist()) - {0}


def painted(
    labels: NDArray[np.int32], y: int, x: int, radius: int, number: int
) -> NDArray[np.int32]:
    result = labels.copy()
    cv2.circle(result, (x, y), radius, number, -1)
    return result


class Reader(RuleBasedStateMachine):
    """A reader who draws, erases, takes back and moves sliders in any order."""

    @initialize()
    def open(self) -> None:
        self.session = Session(SAVED, "field")
        self.session.set_maps(MAPS)
        self.session.labels_changed.connect(self.computed)
        self.before = self.session.labels.copy()
        self.numbers = objects(self.before)
        self.kept: dict[int, NDArray[np.bool_]] = {}
        self.undo: list[NDArray[np.int32]] = []

    def computed(self) -> None:
        labels = self.session.labels
        # A number that comes up in a computation has never been any object's.
        assert not (objects(labels) - objects(self.before)) & self.numbers
        self.undo = []
        self.note()

    def note(self) -> None:
        self.before = self.session.labels.copy()
        self.numbers |= objects(self.before)

    def edit(self, labels: NDArray[np.int32]) -> None:
        if not np.array_equal(labels, self.before):
            self.undo.append(self.before)
        self.session.accept_edit(labels)
        self.note()
        self.kept = {n: self.before == n for n in self.session.edits.labels}

    @rule(
        y=st.integers(0, SHAPE[0] - 1),
        x=st.integers(0, SHAPE[1] - 1),
        radius=st.integers(0, 14),
        new=st.booleans(),
        choice=st.integers(0, 50),
    )
    def paint(self, y: int, x: int, radius: int, new: bool, choice: int) -> None:
        numbers = sorted(objects(self.before))
        fresh = new or not numbers
        number = self.session.next_label if fresh else numbers[choice % len(numbers)]
        self.edit(painted(self.before, y, x, radius, number))

    @rule(choice=st.integers(0, 50))
    def erase(self, choice: int) -> None:
        numbers = sorted(objects(self.before))
        if numbers:
            gone = numbers[choice % len(numbers)]
            self.edit(np.where(self.before == gone, np.int32(0), self.before))

    @rule()
    def take_back(self) -> None:
        if self.undo:
            former = self.undo.pop()
            self.session.accept_edit(former)
            self.note()
            self.kept = {n: self.before == n for n in self.session.edits.labels}

    @rule(
        threshold=st.floats(0.05, 0.95),
        opening=st.floats(0, 0.6),
        watershed=st.sampled_from(["none", "distance", "nucleus"]),
        border=st.sampled_from(["keep", "drop"]),
    )
    def move_sliders(self, threshold: float, opening: float, watershed: str, border: str) -> None:
        self.session.set_params(
            PostprocessParams.from_dict(
                {
                    "threshold": threshold,
                    "opening_size": opening,
                    "watershed": watershed,
                    "border": border,
                }
            )
        )

    @rule(weight=st.floats(0, 1))
    def move_weight(self, weight: float) -> None:
        self.session.set_weights([1.0, weight])

    @rule()
    def run_again(self) -> None:
        self.session.set_maps(MAPS)

    @invariant()
    def drawn_objects_are_as_drawn(self) -> None:
        for number, mask in self.kept.items():
            assert np.array_equal(self.session.labels == number, mask)

    @invariant()
    def erased_objects_are_away(self) -> None:
        labels, edits = self.session.labels, self.session.edits
        assert not (edits.erased & np.isin(labels, sorted(edits.labels))).any()
        for number in objects(labels) - edits.labels:
            where = labels == number
            # Only what was there before beside an erased place can reach into it.
            assert 2 * np.count_nonzero(where & edits.erased) < 2 * np.count_nonzero(where)

    @invariant()
    def table_lists_the_objects(self) -> None:
        table = self.session.table()
        assert table["label"].tolist() == sorted(objects(self.session.labels))
        assert set(table["label"][table["edited"]]) == set(self.session.edits.labels)


Reader.TestCase.settings = hypothesis.settings(
    max_examples=25, stateful_step_count=15, deadline=None
)
TestReader = Reader.TestCase


def test_every_cell_is_found(session: Session) -> None:
    assert len(session.table()) == len(CENTRES)
    assert session.params == PostprocessParams()
    assert session.weights == (1.0, 1.0)


def test_labels_cannot_be_written_to_from_outside(session: Session) -> None:
    with pytest.raises(ValueError, match="read-only"):
        session.labels[0, 0] = 1
    given = session.labels.copy()
    session.accept_edit(painted(given, 5, 5, 3, 90))
    given[:] = 7
    assert 7 not in np.unique(session.labels)


def test_what_was_said_stays_with_the_object(session: Session) -> None:
    number = int(session.labels[20, 80])
    session.set_class([number], "basophil")
    session.set_params(replace(session.params, threshold=0.3))
    session.set_params(replace(session.params, threshold=0.6))
    row = session.table().set_index("label").loc[number]
    assert session.labels[20, 80] == number
    assert (row["class"], row["source"]) == ("basophil", "reader")


def test_another_image_s_maps_are_refused(session: Session) -> None:
    other = maps_of(np.zeros((10, 10), np.float32))
    with pytest.raises(ParameterError, match="shape"):
        session.set_maps(other)
    assert session.maps is MAPS


@pytest.mark.parametrize("weights", [[0, 0], [1], [1, -1], [1, float("nan")]])
def test_bad_weights_change_nothing(session: Session, weights: list[float]) -> None:
    before = session.labels
    with pytest.raises(ParameterError, match="weights"):
        session.set_weights(weights)
    assert session.weights == (1.0, 1.0)
    assert session.labels.base is before.base


def test_parting_by_points_needs_points_and_follows_them(session: Session) -> None:
    points = replace(session.params, watershed="points")
    with pytest.raises(ParameterError, match="Points layer"):
        session.set_params(points)
    assert session.params.watershed == "distance"
    # Two of the discs touch: without a point on each, they are one object.
    session.set_markers(np.empty((0, 2)))
    session.set_params(points)
    assert session.labels[60, 50] == session.labels[60, 72]
    session.set_markers([[60, 50], [60, 72]])
    assert session.labels[60, 50] != session.labels[60, 72]
    with pytest.raises(ParameterError):
        session.set_markers(None)
    assert session.markers is not None
    assert len(session.markers) == 2


def test_forgetting_edits_returns_to_what_is_computed(session: Session) -> None:
    computed = session.labels > 0
    session.accept_edit(painted(session.labels, 100, 30, 9, session.next_label))
    assert not np.array_equal(session.labels > 0, computed)
    session.forget_edits()
    assert not session.edits
    assert np.array_equal(session.labels > 0, computed)


def test_a_drawing_made_during_a_computation_is_kept(session: Session) -> None:
    computation = session.plan(params=replace(session.params, threshold=0.3))
    assert computation is not None
    computed = computation.run()
    number = session.next_label
    session.accept_edit(painted(session.labels, 100, 30, 9, number))
    drawn = session.labels == number
    session.take(computed)
    assert session.params.threshold == 0.3
    assert np.array_equal(session.labels == number, drawn)


def test_a_computation_leaves_the_session_alone_until_taken(session: Session) -> None:
    before = session.labels
    computation = session.plan(weights=[1, 0], params=replace(session.params, threshold=0.8))
    assert computation is not None
    computation.run()
    assert session.labels.base is before.base
    assert (session.weights, session.params.threshold) == ((1.0, 1.0), 0.5)


def test_before_the_first_run_there_is_nothing_to_compute() -> None:
    session = Session(SAVED)
    assert session.plan(params=PostprocessParams()) is None
    session.set_params(PostprocessParams(threshold=0.7))
    session.set_maps(MAPS)
    assert session.params.threshold == 0.7
    assert len(session.table()) > 0


def test_a_painting_of_another_size_is_refused(session: Session) -> None:
    with pytest.raises(ImageError, match="shape"):
        session.accept_edit(np.zeros((3, 3), int))


def test_signals_tell_what_has_changed(session: Session) -> None:
    heard: list[str] = []
    session.labels_changed.connect(lambda: heard.append("labels"))
    session.table_changed.connect(lambda: heard.append("table"))
    session.set_params(session.params)
    assert heard == ["labels", "table"]
    heard.clear()
    session.accept_edit(session.labels)
    assert heard == []
    session.accept_edit(painted(session.labels, 100, 30, 9, 80))
    assert heard == ["table"]
