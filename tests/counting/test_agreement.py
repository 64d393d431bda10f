from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.counting.agreement import (
    cohen_kappa,
    compare,
    confusion_table,
    reader_against_model,
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


def test_reader_against_model_takes_what_was_reviewed() -> None:
    table = pd.DataFrame(
        {
            "label": [1, 2, 3, 4, 5],
            "class": ["monocyte", "basophil", "basophil", "monocyte", None],
            "predicted": ["monocyte", "monocyte", "basophil", None, "monocyte"],
            "reviewed": [True, True, False, True, True],
        }
    )
    result = reader_against_model(table)
    assert (result.cells, result.agreed) == (2, 1)
    assert result.confusion.loc["basophil", "monocyte"] == 1
    assert reader_against_model(table, {1}).cells == 1
    assert reader_against_model(table.iloc[:0]).cells == 0
