"""Sets hold the true class as often as they say, and are what another package makes."""

from __future__ import annotations

from typing import Any

import crepes
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.uncertainty.calibration import (
    EVERY,
    Calibration,
    SetSettings,
    fewest_cells,
    lac,
)
from napari_leukocyte.uncertainty.recalibration import recalibrated

CLASSES = ("neutrophil", "eosinophil", "lymphocyte", "monocyte")


def cells(
    number: int, seed: int, sharpness: float = 1.5, source: str = "a"
) -> tuple[Calibration, NDArray[np.float64]]:
    """Return cells of a classifier that is right the more often the sharper it is."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, number, p=[0.5, 0.1, 0.3, 0.1])
    logits = rng.normal(0, 1, (number, 4)) + sharpness * np.eye(4)[truth]
    probability = np.exp(2 * logits)
    probability /= probability.sum(axis=1, keepdims=True)
    made = Calibration.of(CLASSES, [CLASSES[t] for t in truth], probability, source)
    return made, probability


def coverage(inside: NDArray[np.bool_], truth: NDArray[np.intp]) -> float:
    return float(inside[np.arange(len(truth)), truth].mean())


@pytest.mark.parametrize("by_class", [False, True])
def test_sets_hold_the_true_class_as_often_as_the_level_says(by_class: bool) -> None:
    known, _ = cells(2000, 0)
    new, probability = cells(4000, 1)
    for level in (0.8, 0.9, 0.95):
        inside = known.sets(probability, SetSettings(level, by_class))
        assert coverage(inside, new.truth) == pytest.approx(level, abs=0.02)
        if by_class:
            for i in range(4):
                of_class = new.truth == i
                assert coverage(inside[of_class], new.truth[of_class]) > level - 0.06


def test_p_values_are_those_of_crepes() -> None:
    known, _ = cells(120, 2)
    _, probability = cells(40, 3)
    # Rounded, since the sums of all classes differ from 1 in their last digit.
    scores = lac(known.probability).round(9)[np.arange(120), known.truth]
    other: Any = crepes.ConformalClassifier()
    other.fit(scores)
    expected = other.predict_p(lac(probability).round(9), smoothing=False)
    found = known.p_values(probability, SetSettings())
    np.testing.assert_allclose(found, expected, atol=1e-12)


@hypothesis.given(st.integers(0, 30), st.integers(0, 2**31), st.floats(0.5, 0.99))
def test_a_higher_level_never_takes_a_class_away(number: int, seed: int, level: float) -> None:
    known, _ = cells(number, seed)
    _, probability = cells(5, seed + 1)
    wide = known.sets(probability, SetSettings(0.99))
    narrow = known.sets(probability, SetSettings(level))
    assert (wide | ~narrow).all()
    if number < fewest_cells(level):
        assert narrow.all()


def test_the_widest_of_all_sets_holds_each_ones_answer() -> None:
    good, _ = cells(300, 4, sharpness=3.0, source="good")
    poor, _ = cells(300, 5, sharpness=0.5, source="poor")
    both = recalibrated(good, poor, shipped_weight=0)
    assert both.sources == ("poor",)
    known = Calibration(
        CLASSES,
        np.concatenate([good.truth, poor.truth]),
        np.concatenate([good.probability, poor.probability]),
        np.ones(600),
        np.concatenate([good.source, poor.source]),
    )
    new, probability = cells(3000, 6, sharpness=0.5)
    pooled = known.sets(probability, SetSettings(0.9))
    like = known.sets(probability, SetSettings(0.9, like="poor"))
    widest = known.sets(probability, SetSettings(0.9, like=EVERY))
    assert coverage(pooled, new.truth) < 0.88  # the good set hides the poor one
    assert coverage(like, new.truth) == pytest.approx(0.9, abs=0.045)
    assert (widest | ~like).all()
    assert known.sets(probability, SetSettings(0.9, like="unheard of")).all()


def test_reviewed_cells_bring_coverage_back() -> None:
    shipped, _ = cells(800, 7, sharpness=3.0)
    own, _ = cells(100, 8, sharpness=0.7, source="own")
    new, probability = cells(4000, 9, sharpness=0.7)
    before = coverage(shipped.sets(probability), new.truth)
    after = coverage(recalibrated(shipped, own).sets(probability), new.truth)
    assert before < 0.8
    assert after == pytest.approx(0.9, abs=0.06)


def test_classes_that_the_classifier_does_not_know_are_left_out() -> None:
    made = Calibration.of(CLASSES, ["neutrophil", "smudge cell"], np.full((2, 4), 0.25))
    assert made.counts() == {"neutrophil": 1, "eosinophil": 0, "lymphocyte": 0, "monocyte": 0}
    assert made.own.all()


@pytest.mark.parametrize("level", [0.0, 0.49, 0.999, float("nan")])
def test_levels_out_of_range_are_refused(level: float) -> None:
    with pytest.raises(ParameterError, match="level must lie from 50 to 99 %"):
        SetSettings(level)
