"""A snapshot is what a session held then, with scores and a record, whatever is done since."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.reporting.record import file_sha256
from napari_leukocyte.segmentation.objects import score_labels
from napari_leukocyte.session.blinding import BlindReadError
from napari_leukocyte.session.session import Session
from tests.session.work import IMAGE, MAPS, predictions


@pytest.fixture
def session() -> Session:
    session = Session(IMAGE, "field")
    session.set_maps(MAPS[0])
    labels = session.table()["label"].tolist()
    session.set_predictions(*predictions(labels, np.random.default_rng(1)))
    return session


def test_it_stays_as_it_was(session: Session) -> None:
    taken = session.snapshot()
    table, revision = session.table(), session.revision
    session.set_class([1], "basophil")
    session.edit_labels(lambda labels: np.where(labels == 2, 0, labels), "Erase")
    assert taken.table.equals(table)
    assert 2 in taken.labels
    assert taken.revision == revision < session.revision
    assert taken.nucleus is not None
    np.testing.assert_array_equal(taken.nucleus, session.nucleus)
    with pytest.raises(ValueError, match="read-only"):
        taken.labels[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        taken.name = "other"  # type: ignore[misc]


def test_every_object_has_its_score_also_one_that_was_drawn(session: Session) -> None:
    drawn = session.next_label
    session.edit_labels(lambda labels: _with_square(labels, drawn), "Draw")
    session.set_weights((1.0, 0.0))
    table = session.snapshot().scored_table()
    expected = score_labels(session.labels, MAPS[0], (1.0, 0.0))
    assert dict(zip(table["label"], table["score"], strict=True)) == expected
    assert table["score"].between(0, 1).all()
    assert drawn in expected
    assert list(table.columns[:4]) == ["label", "class", "confidence", "score"]
    without = Session(IMAGE, "field")
    without.accept_edit(session.labels)
    assert without.snapshot().scored_table()["score"].isna().all()


def _with_square(labels: np.ndarray, number: int) -> np.ndarray:
    labels[2:8, 86:94] = number
    return labels


def test_the_record_says_how_it_came_about(session: Session, tmp_path: Path) -> None:
    session.reader = "Ada"
    session.set_class([1], "basophil")
    session.approve(session.table()["label"])
    session.sign_off()
    file = tmp_path / "field.png"
    record = session.snapshot().record(file, "field")
    (image,) = record["images"]
    assert (image["image"], image["file_sha256"], image["folder"]) == (str(file), None, "field")
    assert record["segmentation"]["model"] == "one"
    assert record["classified_by_hand"] == {"1": "basophil"}
    assert record["sign_off"]["reader"] == "Ada"
    file.write_bytes(b"pixels")
    assert session.snapshot().record(file)["images"][0]["file_sha256"] == file_sha256(file)


def test_what_is_read_blindly_is_for_nobody_else(session: Session) -> None:
    session.begin_blind(BlindRead(1, 0, frozenset({1})))
    with pytest.raises(BlindReadError):
        session.snapshot()
    assert session.snapshot(hidden_too=True).table.equals(session.table())
