"""A blind read is the session's, whoever looks at it: hidden unless known, and on the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.counting.agreement import BlindRead, draw_blind
from napari_leukocyte.errors import OutputError, ParameterError
from napari_leukocyte.session import blinding
from napari_leukocyte.session.blinding import (
    FILE_NAME,
    BlindReadError,
    StoredRead,
    load_read,
    remove_read,
    save_read,
)
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import folder_of, open_session, peek
from tests.gallery.work import CLASSES, CONFIDENCES, field, predictions

RGB, LABELS = field(len(CLASSES))
READ = BlindRead(0.5, 1, frozenset({2, 3, 4, 99}))


@pytest.fixture
def session() -> Session:
    return worked(open_session(RGB, "field"))


def worked(session: Session) -> Session:
    session.accept_edit(LABELS)
    session.set_predictions(predictions(CLASSES, CONFIDENCES), "made up")
    return session


def again(session: Session) -> Session:
    session.close()
    return open_session(RGB, "field")


def test_what_is_hidden_is_said_to_views_and_shown_by_none(session: Session) -> None:
    heard: list[object] = []
    session.blind_changed.connect(heard.append)
    whole = session.table()
    assert session.shown_table().equals(whole)
    session.begin_blind(READ)
    assert session.hidden == {2, 3, 4}, "99 does not exist"
    shown = session.shown_table().set_index("label")
    said = ["class", "predicted", "confidence", "source", *(c for c in shown if str(c)[:2] == "p_")]
    assert shown.loc[[2, 3, 4], said].isna().all(axis=None)
    assert shown.loc[[1, 5], said].equals(whole.set_index("label").loc[[1, 5], said])
    assert session.table().equals(whole)
    assert session.leukogram()["count"].sum() == len(CLASSES) - 3
    session.set_class([2, 1], "monocyte")
    session.set_class([2], "basophil")  # only the first word is blind
    assert session.blind is not None
    assert session.blind.answers == {2: "monocyte"}
    assert session.shown_table().set_index("label").loc[2, "predicted"] == CLASSES[1]
    assert heard == [None, {2}]
    assert session.end_blind() == BlindRead(0.5, 1, READ.labels, {2: "monocyte"})
    assert heard[2:] == [None]
    assert not session.hidden
    assert session.blind is None
    assert session.end_blind() is None
    assert len(heard) == 3


def test_the_class_is_shown_to_whoever_hears_of_it_first(session: Session) -> None:
    seen: list[frozenset[int]] = []
    session.begin_blind(READ)
    session.table_changed.connect(lambda: seen.append(session.hidden))
    session.set_class([3], "monocyte")
    assert seen == [{2, 4}]


def test_to_say_the_same_class_again_is_an_answer_and_to_undo_is_none(session: Session) -> None:
    session.set_class([2], "basophil")
    session.set_class([2], "monocyte")
    session.begin_blind(READ)
    session.undo()
    assert session.hidden == {2, 3, 4}
    session.redo()
    session.set_class([2], "monocyte")
    assert session.hidden == {3, 4}


def test_a_new_classifier_answers_for_nobody(session: Session) -> None:
    session.approve([2])
    session.begin_blind(READ)
    others = ["monocyte" if name == "basophil" else "basophil" for name in CLASSES]
    session.set_predictions(predictions(others, CONFIDENCES), "another")
    assert session.assigned, "what was confirmed is the reader's own word now"
    assert session.hidden == {2, 3, 4}
    assert again(session).hidden == {2, 3, 4}


def test_it_goes_on_wherever_the_image_is_opened(session: Session) -> None:
    session.set_class([4], "basophil")
    session.begin_blind(READ)
    folder = folder_of(session)
    assert folder is not None
    session.set_class([3], "monocyte")
    session.close()
    assert session.hidden == {2, 4}, "nobody else may see them either"
    kept = load_read(folder)
    assert kept is not None
    assert (kept.read.answers, kept.before) == ({3: "monocyte"}, {4: "basophil"})
    summary = peek(session.rgb)
    assert summary is not None
    assert sum(summary.counts.values()) == len(CLASSES) - 2
    opened = open_session(RGB, "field")
    assert set(opened.hidden) == {2, 4}
    assert opened.blind == session.blind
    opened.end_blind()
    assert not (folder / FILE_NAME).exists()


def test_without_a_folder_it_is_in_memory() -> None:
    session = worked(Session(RGB, "field"))
    session.begin_blind(draw_blind(range(1, 9), 1.0, 0))
    session.set_class([1], "monocyte")
    assert session.hidden == set(range(2, 9))


def test_of_a_damaged_file_everything_is_hidden(session: Session) -> None:
    folder = folder_of(session)
    assert folder is not None
    session.begin_blind(READ)
    (folder / FILE_NAME).write_text("{")
    opened = again(session)
    assert "is damaged" in opened.blind_problem
    assert opened.hidden == set(range(1, len(CLASSES) + 1))
    assert opened.shown_table()["class"].isna().all()
    opened.set_class([1], "monocyte")
    assert 1 in opened.hidden
    summary = peek(opened.rgb)
    assert summary is not None
    assert summary.counts == {}
    with pytest.raises(BlindReadError, match=r"^“field” can't be saved.* is damaged\.$"):
        opened.require_shown()
    assert opened.end_blind() is None
    assert (opened.hidden, opened.blind_problem) == (frozenset(), "")
    opened.require_shown()


def test_results_wait_until_every_cell_has_an_answer(session: Session) -> None:
    session.begin_blind(READ)
    with pytest.raises(
        BlindReadError, match=r"during its blind read: 3 cells have no answer yet\.$"
    ):
        session.require_shown()
    for label in (2, 3, 4):
        session.set_class([label], "monocyte")
    session.require_shown()


def test_what_cannot_be_written_is_not_begun(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, kept: object) -> None:
        raise OutputError("No space.")

    with monkeypatch.context() as patched:
        patched.setattr(blinding, "save_read", full)
        with pytest.raises(OutputError):
            session.begin_blind(READ)
        assert (session.blind, session.hidden) == (None, frozenset())
    session.begin_blind(READ)
    with monkeypatch.context() as patched:
        patched.setattr(blinding, "save_read", full)
        session.set_class([2], "monocyte")
    # The class was written down, and so is known as an answer.
    assert again(session).hidden == {3, 4}


PRINTABLE = st.characters(exclude_categories=("C", "Z"))
READINGS = st.dictionaries(st.integers(1, 2**31), st.text(PRINTABLE, max_size=9))


@given(READINGS, READINGS, st.sets(st.integers(1, 99)), st.floats(0, 1), st.integers(0, 2**31))
def test_a_read_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    answers: dict[int, str],
    before: dict[int, str],
    others: set[int],
    share: float,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("session")
    kept = StoredRead(BlindRead(share, seed, frozenset(others | set(answers)), answers), before)
    assert load_read(folder) is None
    save_read(folder, kept)
    assert load_read(folder) == kept
    assert [p.name for p in folder.iterdir()] == [FILE_NAME]
    remove_read(folder)
    remove_read(folder)
    assert load_read(folder) is None


GOOD: dict[str, Any] = BlindRead(0.5, 1, frozenset({1, 2})).to_dict() | {"before": {}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        json.dumps({"schema": 1, "blind_read": None}),
        json.dumps({"schema": 1, "blind_read": [1]}),
        json.dumps({"schema": 99, "blind_read": GOOD}),
        json.dumps({"schema": 1, "blind_read": GOOD | {"before": [1]}}),
        json.dumps({"schema": 1, "blind_read": GOOD | {"before": {"x": "y"}}}),
        json.dumps({"schema": 1, "blind_read": GOOD | {"answers": {"9": "monocyte"}}}),
        json.dumps({"schema": 1, "blind_read": {k: GOOD[k] for k in GOOD if k != "before"}}),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ParameterError, match=r"^The blind read .* is damaged: .*blind\.json\.$"):
        load_read(tmp_path)


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't be written"):
        save_read(tmp_path / "file", StoredRead(BlindRead(1, 1, frozenset({1}))))
