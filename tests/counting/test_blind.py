from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.counting.agreement import BlindRead, draw_blind
from napari_leukocyte.errors import ParameterError


@given(st.sets(st.integers(1, 10_000), max_size=80), st.integers(0, 100), st.integers(0, 2**63))
def test_a_draw_is_the_share_and_the_same_again(labels: set[int], percent: int, seed: int) -> None:
    read = draw_blind(labels, percent / 100, seed)
    assert read.labels <= labels
    assert len(read.labels) == math.ceil(percent * len(labels) / 100)
    assert draw_blind(sorted(labels, reverse=True), percent / 100, seed) == read
    assert read.labels <= draw_blind(labels, min(1.0, percent / 100 + 0.1), seed).labels
    assert BlindRead.from_dict(json.loads(json.dumps(read.to_dict()))) == read


def test_a_draw_never_changes_and_is_even() -> None:
    # Stored sessions rely on it.
    assert sorted(draw_blind(range(1, 21), 0.25, 7).labels) == DRAWN
    drawn = [draw_blind(range(1, 101), 0.1, seed).labels for seed in range(400)]
    often = [sum(n in labels for labels in drawn) for n in range(1, 101)]
    assert min(often) > 15
    assert max(often) < 70
    assert draw_blind(range(50), 0.5, 1, "a").labels != draw_blind(range(50), 0.5, 1, "b").labels


DRAWN = [4, 5, 13, 15, 20]


def test_hides_until_the_first_word_and_keeps_that() -> None:
    read = BlindRead(0.5, 1, frozenset({1, 2, 3}))
    assert read.hidden(2)
    assert not read.hidden(9)
    after = read.answer(2, "monocyte").answer(2, "basophil").answer(9, "basophil")
    assert not after.hidden(2)
    assert after.hidden(1)
    assert read.hidden(2), "a read is a value"
    assert after.answers == {2: "monocyte"}
    assert after.progress == (1, 3)
    assert BlindRead.from_dict(json.loads(json.dumps(after.to_dict()))) == after


def test_agreement_is_of_the_blind_words_alone() -> None:
    read = BlindRead(1, 1, frozenset({1, 2, 3, 4}))
    for label, name in ((1, "monocyte"), (2, "basophil"), (3, "basophil")):
        read = read.answer(label, name)
    # 3 has gone, 4 has not been read, 5 was never blind.
    result = read.agreement({1: "monocyte", 2: "monocyte", 4: "basophil", 5: "basophil"})
    assert (result.cells, result.agreed) == (2, 1)
    assert result.confusion.loc["basophil", "monocyte"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"share": 2},
        {"share": "x"},
        {"labels": 3},
        {"labels": ["x"]},
        {"answers": {"7": "monocyte"}},
        {"answers": []},
        {"seed": None},
    ],
)
def test_a_damaged_record_is_one_sentence(change: dict[str, Any]) -> None:
    good = BlindRead(0.5, 1, frozenset({1, 2})).to_dict()
    with pytest.raises(ParameterError, match="damaged"):
        BlindRead.from_dict(good | change)
    with pytest.raises(ParameterError, match="damaged"):
        BlindRead.from_dict({k: v for k, v in good.items() if k not in change})


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_refuses_what_is_no_share(share: float) -> None:
    with pytest.raises(ParameterError, match="from 0 to 100 %"):
        draw_blind([1], share, 1)
