"""Limits that hold the classifier's errors: they widen, and hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from napari_leukocyte.counting.confusion import Confusion, corrected_count
from napari_leukocyte.counting.leukogram import count

CLASSES = ("neutrophil", "lymphocyte", "erythroblast")
MATRIX = np.array([[0.9, 0.08, 0.02], [0.15, 0.8, 0.05], [0.02, 0.03, 0.95]])


def confusion(cells: int, rng: np.random.Generator) -> Confusion:
    counts = np.array([rng.multinomial(cells, row) for row in MATRIX], float)
    return Confusion(CLASSES, counts, "held out")


def said(number: int, shares: NDArray[np.float64], rng: np.random.Generator) -> pd.DataFrame:
    truth = rng.choice(3, number, p=shares)
    answers = [CLASSES[rng.choice(3, p=MATRIX[t])] for t in truth]
    return pd.DataFrame({"class": answers})


def test_limits_hold_the_true_share_where_the_plain_ones_do_not() -> None:
    shares = np.array([0.75, 0.2, 0.05])
    true = 100 * 0.75 / 0.95
    held = plain = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        table = said(400, shares, rng)
        found = corrected_count(table, confusion(80, rng), CLASSES[:2]).table.iloc[0]
        held += found["ci_low"] <= true <= found["ci_high"]
        row = count(table, CLASSES[:2]).iloc[0]
        plain += row["ci_low"] <= true <= row["ci_high"]
    assert held >= 26
    assert plain < held


def test_a_sure_classifier_gives_nearly_the_plain_limits() -> None:
    table = pd.DataFrame({"class": ["neutrophil"] * 60 + ["lymphocyte"] * 40})
    sure = Confusion(CLASSES, np.eye(3) * 1e5, "held out")
    found = corrected_count(table, sure, CLASSES[:2]).table
    plain = count(table, CLASSES[:2]).iloc[0]
    assert found["class"].tolist() == list(CLASSES[:2])
    assert found["percent"][0] == pytest.approx(60, abs=1.5)
    assert found["ci_low"][0] == pytest.approx(plain["ci_low"], abs=2)
    assert found["ci_high"][0] == pytest.approx(plain["ci_high"], abs=2)


def test_reviewed_cells_are_taken_as_right_and_classes_never_tried_stay_wide() -> None:
    poor = Confusion(CLASSES, np.array([[6.0, 4, 0], [4, 6, 0], [0, 0, 0]]), "held out")
    table = pd.DataFrame({"class": ["neutrophil"] * 90 + ["monocyte"] * 10, "reviewed": False})
    open_ = corrected_count(table, poor)
    reviewed = corrected_count(table.assign(reviewed=True), poor)
    width = [float(c.table["ci_high"][0] - c.table["ci_low"][0]) for c in (open_, reviewed)]
    assert width[1] < width[0]
    assert "100 reviewed cells are taken as right" in reviewed.sentence
    assert "No cell was tried of: erythroblast" in open_.sentence
    # A class beyond the classifier's is a reader's word.
    assert open_.table["class"].tolist() == ["neutrophil", "lymphocyte", "monocyte"]


def test_nothing_to_count_gives_limits_that_say_nothing() -> None:
    empty = corrected_count(pd.DataFrame({"class": []}), Confusion(CLASSES, np.eye(3), "x"))
    assert (empty.table["ci_high"] - empty.table["ci_low"] > 80).all()
