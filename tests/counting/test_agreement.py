from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.counting.agreement import (
    BlindRead,
    cohen_kappa,
    compare,
    confusion_table,
    draw_blind,
)
from napari_leukocyte.errors import ParameterError

readings = st.lists(
    st.tuples(st.sampled_from(["monocyte", "basophil", "x"]), st.sampled_from(["monocyte", "x"])),
    max_size=60,
)


def test_kappa_is_that_of_a_published_example() -> None:
    # From the documentation of ci.kappa in the R package statpsych: f00, f01, f10, f11.
    kappa = cohen_kappa(np.array([[31, 12], [4, 58]]))
    assert kappa.value == pytest.approx(0.6756757, abs=1e-7)
    assert kappa.error == pytest.approx(0.07344761, abs=1e-8)
    assert kappa.low == pytest.approx(0.5317210, abs=1e-7)
    assert kappa.high == pytest.approx(0.8196303, abs=1e-7)


def delta_method(confusion: NDArray[np.int64]) -> float:
    """Return the standard error by numerical derivatives of kappa in the cells' shares."""
    share = confusion / confusion.sum()

    def kappa(p: NDArray[np.float64]) -> float:
        chance = p.sum(axis=1) @ p.sum(axis=0)
        return float((np.trace(p) - chance) / (1 - chance))

    gradient = np.zeros_like(share)
    for place in np.ndindex(share.shape):
        for sign in (1, -1):
            moved = share.copy()
            moved[place] += sign * 1e-6
            gradient[place] += sign * kappa(moved) / 2e-6
    mean = (share * gradient).sum()
    return float(np.sqrt((share * (gradient - mean) ** 2).sum() / confusion.sum()))


@given(st.lists(st.integers(0, 30), min_size=9, max_size=9))
def test_error_is_that_of_the_delta_method(counts: list[int]) -> None:
    confusion = np.array(counts, np.int64).reshape(3, 3)
    kappa = cohen_kappa(confusion)
    if np.isnan(kappa.value):
        total = confusion.sum()
        assert (confusion.sum(0) @ confusion.sum(1)) == total**2
    elif kappa.value < 1:
        assert kappa.error == pytest.approx(delta_method(confusion), abs=1e-5)
        assert -1 <= kappa.low <= kappa.value <= kappa.high <= 1


@given(readings)
def test_kappa_is_the_share_beyond_chance(pairs: list[tuple[str, str]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    result = compare(first, second)
    assert result.cells == len(pairs)
    assert result.agreed == sum(a == b for a, b in pairs)
    chance = sum(first.count(c) * second.count(c) for c in set(first)) / max(1, len(pairs)) ** 2
    if not pairs or chance == 1:
        assert np.isnan(result.kappa.value)
    else:
        observed = result.agreed / len(pairs)
        assert result.kappa.value == pytest.approx((observed - chance) / (1 - chance))
        assert result.low <= result.percent <= result.high
    # Who is named first makes no difference.
    other = compare(second, first)
    np.testing.assert_allclose(
        [other.kappa.value, other.kappa.error], [result.kappa.value, result.kappa.error], atol=1e-9
    )
    pd.testing.assert_frame_equal(other.confusion, result.confusion.T, check_names=False)


def test_a_few_cells_that_agree_prove_little() -> None:
    few, many = (
        compare(["monocyte", "basophil"] * n, ["monocyte", "basophil"] * n) for n in (2, 99)
    )
    assert few.kappa.value == many.kappa.value == 1
    # Of 4 of 4 the share is 39.8 % at least, below the half that chance brings.
    assert few.kappa.low == pytest.approx((0.3976 - 0.5) / 0.5, abs=1e-3)
    assert many.kappa.low == pytest.approx((0.9815 - 0.5) / 0.5, abs=1e-3)


def test_confusion_has_readers_in_rows() -> None:
    table = confusion_table(["zebra", "monocyte", "monocyte"], ["neutrophil", "monocyte", "zebra"])
    assert list(table.index) == list(table.columns) == ["neutrophil", "monocyte", "zebra"]
    assert table.loc["monocyte", "zebra"] == 1
    assert table.loc["zebra", "neutrophil"] == 1
    assert table.to_numpy().sum() == 3
    with pytest.raises(ParameterError, match="same cells"):
        confusion_table(["x"], [])


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
