"""The measures of prediction sets and distribution shift, and the pages that show them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import crepes
import numpy as np
import pytest

from napari_leukocyte.uncertainty.calibration import Calibration, SetSettings
from training.domain_shift import auroc, bootstrap_auroc
from training.fitting import RESULTS
from training.pages.render import MEASURED
from training.pages.uncertainty import write_domain_shift_tables, write_uncertainty_tables
from training.prediction_sets import REVIEWED, _draw, confusion_of
from training.scores import SCORES
from training.seen_cells import SeenCells, join


def test_auroc_is_the_chance_that_a_wrong_cell_scores_higher() -> None:
    score = np.array([0.1, 0.4, 0.4, 0.9])
    wrong = np.array([False, False, True, True])
    assert auroc(score, wrong) == pytest.approx((1 + 0.5 + 2) / 4)
    assert np.isnan(auroc(score, np.zeros(4, bool)))
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < 0.3
    score = rng.normal(0, 1, 400) + wrong
    low, high = bootstrap_auroc(score, wrong)
    assert low < auroc(score, wrong) < high
    assert high - low < 0.15


def test_reviewed_cells_are_as_many_of_each_class_and_leave_some_over() -> None:
    truth = np.repeat([0, 1, 2], [200, 30, 3])
    chosen = _draw(truth, np.random.default_rng(0))
    assert np.bincount(truth[chosen]).tolist() == [REVIEWED, 15, 1]


@pytest.mark.parametrize("name", SCORES)
def test_every_score_keeps_the_level_and_gives_the_p_values_of_crepes(name: str) -> None:
    score = SCORES[name]
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 2000)
    logits = 2 * rng.normal(0, 1, (2000, 4)) + 3 * np.eye(4)[truth]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = ("a", "b", "c", "d")
    known = Calibration.of(classes, [classes[t] for t in truth[:1000]], probability[:1000])
    inside = known.sets(probability[1000:], SetSettings(0.9), score)
    assert inside[np.arange(1000), truth[1000:]].mean() == pytest.approx(0.9, abs=0.03)
    # Rounded, since the sums of all classes differ from 1 in their last digit.
    other: Any = crepes.ConformalClassifier()
    other.fit(score(probability[:1000]).round(9)[np.arange(1000), truth[:1000]])
    expected = other.predict_p(score(probability[1000:1050]).round(9), smoothing=False)
    found = known.p_values(probability[1000:1050], SetSettings(), score)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_confusion_counts_rows_by_truth() -> None:
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert confusion_of(np.array([0, 0, 1]), probability).tolist() == [[1, 1], [0, 1]]


def test_cells_are_chosen_and_joined() -> None:
    text = np.array(["a", "b", "c"])
    sides = np.array(["train", "test", "test"])
    cells = SeenCells(text, text, sides, text, np.eye(3), np.eye(3, dtype=np.float32), np.eye(3))
    assert cells.side("test").names.tolist() == ["b", "c"]
    assert cells.of(["a", "c"]).probability.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert len(join([cells, cells.side("train")])) == 4


def test_the_pages_show_what_was_measured(tmp_path: Path) -> None:
    for result, name, write in (
        ("uncertainty", "conformal-sets", write_uncertainty_tables),
        ("domain-shift", "distribution-shift", write_domain_shift_tables),
    ):
        shipped, page = MEASURED / f"{name}.md", tmp_path / f"{name}.md"
        shutil.copy(shipped, page)
        write(json.loads((RESULTS / f"{result}.json").read_text(encoding="utf-8")), page)
        assert page.read_text(encoding="utf-8") == shipped.read_text(encoding="utf-8")
