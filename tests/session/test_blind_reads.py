from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.errors import OutputError, ParameterError
from napari_leukocyte.session.blinding import (
    FILE_NAME,
    StoredRead,
    load_read,
    remove_read,
    save_read,
)

PRINTABLE = st.characters(exclude_categories=("C", "Z"))
CLASSES = st.dictionaries(st.integers(1, 2**31), st.text(PRINTABLE, max_size=9))


@given(CLASSES, CLASSES, st.sets(st.integers(1, 99)), st.floats(0, 1), st.integers(0, 2**31))
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
