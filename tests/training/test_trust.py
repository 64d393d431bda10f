"""What trust is measured by, and that the pages show what was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from training.conformal import REVIEWED, _draw, confusion_of
from training.fitting import RESULTS
from training.home import auroc, bootstrap_auroc
from training.pages.render import DOCS
from training.pages.uncertainty import write_conformal_tables, write_home_tables
from training.trust import Cells, join


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


def test_confusion_counts_rows_by_truth() -> None:
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert confusion_of(np.array([0, 0, 1]), probability).tolist() == [[1, 1], [0, 1]]


def test_cells_are_chosen_and_joined() -> None:
    text = np.array(["a", "b", "c"])
    sides = np.array(["train", "test", "test"])
    cells = Cells(text, text, sides, text, np.eye(3), np.eye(3, dtype=np.float32), np.eye(3))
    assert cells.side("test").names.tolist() == ["b", "c"]
    assert cells.of(["a", "c"]).probability.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert len(join([cells, cells.side("train")])) == 4


def test_the_pages_show_what_was_measured(tmp_path: Path) -> None:
    for name, write in (("conformal", write_conformal_tables), ("home", write_home_tables)):
        page = tmp_path / f"{name}.md"
        shutil.copy(DOCS / f"{name}.md", page)
        write(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")), page)
        assert page.read_text(encoding="utf-8") == (DOCS / f"{name}.md").read_text(encoding="utf-8")
