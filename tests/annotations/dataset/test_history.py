from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_leukocyte.analysis.smear.reading import hold_session
from napari_leukocyte.annotations.dataset.history import replay_events
from napari_leukocyte.annotations.dataset.provenance import (
    Event,
    chained,
    merge,
    parse_log,
    standing_of,
)
from napari_leukocyte.annotations.dataset.sources import field_of_session, take_snapshot
from napari_leukocyte.session import store
from napari_leukocyte.session.restoring import session_folder
from tests.session.work import IMAGE, SHAPE, work

KEY = "0" * 64
TEXTS = st.text(max_size=8)
EVENTS = st.builds(
    Event,
    st.none() | st.integers(1, 5),
    st.sampled_from(["drawn", "classified", "predicted", "noted", "removed"]),
    st.none() | TEXTS,
    TEXTS,
    TEXTS,
    st.just("") | TEXTS,
    st.just(""),
    TEXTS,
)


@given(seeds=st.lists(st.integers(0, 10_000), min_size=1, max_size=40))
@example(seeds=[515, 760, 1209, 990])  # a flagged, classified cell goes and comes back
@settings(max_examples=60)
def test_any_history_leads_to_how_things_stand(
    seeds: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(root))
        with hold_session(IMAGE, "field.png") as session:
            session.reader = "Ada"
            for seed in seeds:
                work(session, seed)
            taken = take_snapshot(session, session_folder(IMAGE))
            standing = standing_of(replay_events(taken.journal, SHAPE))
            table = session.table()
    assert set(standing) == set(table["label"].tolist())
    for row in table.to_dict("records"):
        found = standing[row["label"]]
        name = row["class"] if isinstance(row["class"], str) else None
        said = (found.class_name, found.reviewed, found.note, "; ".join(found.flags), found.area)
        assert said == (name, row["reviewed"], row["note"], row["flags"], row["area_px"])


def test_a_history_tells_who_did_what(tmp_path: Path) -> None:
    with hold_session(IMAGE, "field.png") as session:
        session.reader = "Ada"
        labels = session.labels.copy()
        cv2.circle(labels, (30, 30), 6, 1, -1)
        session.accept_edit(labels)
        session.set_class([1], "monocyte")
        session.reader = "Bo"
        session.set_class([1], "basophil")
        session.set_flag([1], "to discuss")
        session.undo()
        events = field_of_session(session, folder=session_folder(IMAGE)).events
    told = [(e.kind, e.before, e.after, e.reader) for e in events]
    area = int((labels == 1).sum())
    assert told == [
        ("drawn", None, area, "Ada"),
        ("classified", None, "monocyte", "Ada"),
        ("classified", "monocyte", "basophil", "Bo"),
        ("flagged", [], ["to discuss"], "Bo"),
        ("flagged", ["to discuss"], [], "Bo"),
    ]
    assert all(e.when for e in events)


def test_a_journal_that_was_summed_up_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def events() -> list[Event]:
        with hold_session(IMAGE, "field.png") as session:
            return list(field_of_session(session, folder=session_folder(IMAGE)).events)

    with hold_session(IMAGE, "field.png") as session:
        session.reader = "Ada"
        for seed in range(12):
            work(session, seed, undo=False)
    before = events()
    monkeypatch.setattr(store, "REWRITE_SIZE", 1)
    with hold_session(IMAGE, "field.png") as session:
        session.reader = "Bo"
        number = int(session.table()["label"].iloc[0])
        session.set_note(number, "one")
        session.set_note(number, "two")
        session.set_note(number, "three")
    new = merge(before, events())
    assert [(e.kind, e.after) for e in new if e.kind != "noted"] == []
    assert new[-1].after == "three"


@given(events=st.lists(EVENTS, max_size=12), cut=st.integers(0, 12))
def test_a_log_is_read_as_it_was_written_in_parts(events: list[Event], cut: int) -> None:
    whole, head = chained(events, KEY)
    first, middle = chained(events[:cut], KEY)
    rest, end = chained(events[cut:], middle)
    assert (first + rest, end) == (whole, head)
    log = parse_log(whole, KEY, "log")
    assert not log.problems
    assert log.head == head
    assert [e.to_dict() for e in log.events] == [e.to_dict() for e in events]


@given(
    events=st.lists(EVENTS, min_size=2, max_size=8),
    place=st.integers(0, 10_000),
    value=st.integers(0, 255),
)
def test_no_byte_of_a_log_can_be_changed_unseen(
    events: list[Event], place: int, value: int
) -> None:
    data, head = chained(events, KEY)
    changed = bytearray(data)
    changed[place % len(data)] = value
    log = parse_log(bytes(changed), KEY, "log")
    same = [e.to_dict() for e in log.events] == [e.to_dict() for e in events]
    assert log.problems or log.head != head or len(log.events) != len(events) or same


@given(events=st.lists(EVENTS, min_size=3, max_size=6), data=st.data())
def test_no_line_can_be_taken_out_put_in_or_moved(events: list[Event], data: st.DataObject) -> None:
    written, _ = chained(events, KEY)
    lines = written.split(b"\n")[:-1]
    order = data.draw(st.permutations(range(len(lines))))
    for kept in (lines[1:], [*lines[:1], *lines[2:]], [*lines, lines[-1]]):
        assert parse_log(b"".join(n + b"\n" for n in kept), KEY, "log").problems
    if list(order) != sorted(order):
        moved = b"".join(lines[n] + b"\n" for n in order)
        assert parse_log(moved, KEY, "log").problems
    assert parse_log(written, "1" * 64, "log").problems
    assert json.loads(lines[0])["previous"] == KEY
