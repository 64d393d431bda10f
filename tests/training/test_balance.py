"""Balance over classes and sets: what each way promises."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import ParameterError
from training.balance import (
    LARGEST_WEIGHT,
    draw_weights,
    loss_weights,
    oversample,
    plan_epoch,
    undersample,
)

cells = st.lists(st.tuples(st.sampled_from("nebl"), st.sampled_from("zpc")), min_size=1)
balances = st.floats(0, 1)


def _split(found: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [c for c, _ in found], [s for _, s in found]


@given(found=cells, set_balance=balances)
def test_oversampling_repeats_evenly_and_drops_nothing(
    found: list[tuple[str, str]], set_balance: float
) -> None:
    labels, sets = _split(found)
    chosen = oversample(labels, sets, set_balance, np.random.default_rng(0))
    times = np.bincount(chosen, minlength=len(found))
    assert times.min() >= 1
    for pair in set(found):
        of_pair = times[[i for i, c in enumerate(found) if c == pair]]
        assert np.ptp(of_pair) <= 1
    sizes = Counter(labels[i] for i in chosen)
    # Rounding is by class and set.
    assert max(sizes.values()) - min(sizes.values()) <= len(set(sets))


@given(found=cells, set_balance=balances)
def test_undersampling_takes_no_cell_twice_and_as_many_of_each_class(
    found: list[tuple[str, str]], set_balance: float
) -> None:
    labels, sets = _split(found)
    chosen = undersample(labels, sets, set_balance, np.random.default_rng(0))
    assert len(set(chosen)) == len(chosen)
    smallest = min(Counter(labels).values())
    assert Counter(labels[i] for i in chosen) == dict.fromkeys(labels, smallest)


@given(found=cells, set_balance=balances)
def test_weights_balance_classes_and_sets(found: list[tuple[str, str]], set_balance: float) -> None:
    labels, sets = _split(found)
    drawn = draw_weights(labels, sets, set_balance)
    by_class = {c: drawn[[label == c for label in labels]].sum() for c in set(labels)}
    np.testing.assert_allclose(list(by_class.values()), 1 / len(by_class))
    weights = loss_weights(labels, sets, set_balance)
    assert weights.mean() == pytest.approx(1)
    assert (weights > 0).all()


def test_the_balance_between_sets_goes_from_alike_to_by_size() -> None:
    labels, sets = ["n"] * 100, ["z"] * 10 + ["p"] * 90
    share = [draw_weights(labels, sets, b)[:10].sum() for b in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(share, [0.5, 0.25, 0.1])
    chosen = oversample(labels, sets, 0.0, np.random.default_rng(0))
    assert Counter(sets[i] for i in chosen) == {"z": 90, "p": 90}
    few = undersample([*labels, *["b"] * 40], [*sets, *["p"] * 40], 0.0, np.random.default_rng(0))
    # Ten are all that z has; p fills up.
    assert Counter(sets[i] for i in few if i < 100) == {"z": 10, "p": 30}


def test_no_single_cell_steers_a_batch() -> None:
    labels, sets = ["n"] * 999 + ["b"], ["p"] * 1000
    weights = loss_weights(labels, sets, 1.0)
    assert weights[-1] / weights[0] == pytest.approx(LARGEST_WEIGHT / (1000 / 999 / 2))


def test_every_way_gives_an_epoch_of_the_size_asked_for() -> None:
    labels, sets = ["n"] * 30 + ["b"] * 3, ["p"] * 33
    sizes = {}
    for balance in ("none", "draw", "oversample", "undersample", "class_weight"):
        rng = np.random.default_rng(1)
        epoch = plan_epoch(labels, sets, balance, 0.4, rng)
        sizes[balance] = Counter(labels[i] for i in epoch.indices)
        cut = plan_epoch(labels, sets, balance, 0.4, rng, 100)
        assert len(cut.indices) == len(cut.weights) == 100
        assert (np.ptp(epoch.weights) > 0) == (balance == "class_weight")
    assert sizes["none"] == sizes["class_weight"] == {"n": 30, "b": 3}
    assert sizes["oversample"] == {"n": 30, "b": 30}
    assert sizes["undersample"] == {"n": 3, "b": 3}
    assert sizes["draw"]["b"] > 8
    first, second = (
        plan_epoch(labels, sets, "undersample", 0.4, np.random.default_rng(seed)) for seed in (1, 2)
    )
    assert set(first.indices) != set(second.indices)
    with pytest.raises(ParameterError, match="no balance 'smote'; known are none, draw"):
        plan_epoch(labels, sets, "smote", 0.4, np.random.default_rng(1))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="no cell"):
        draw_weights([], [], 0.4)
