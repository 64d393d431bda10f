"""The vote of the nearest known cells, and the paired comparison that judges it."""

from __future__ import annotations

import numpy as np
import pytest

from training.neighbours import neighbour_vote, paired

CLASSES = ("monocyte", "lymphocyte")


def test_the_nearest_known_cells_decide_by_direction_alone() -> None:
    known = np.array([[1, 0.1], [1, 0], [0, 1], [0.1, 1]], np.float32)
    classes = np.array(["monocyte", "monocyte", "lymphocyte", "lymphocyte"])
    asked = np.array([[9, 0.5], [0.2, 3], [1, 1]], np.float32)
    votes = neighbour_vote(asked, known, classes, CLASSES, 3)
    assert votes.sum(axis=1) == pytest.approx(1)
    assert votes[0, 0] > 0.95
    assert votes[1, 1] > 0.95
    assert 0.2 < votes[2, 0] < 0.8


def test_classes_that_the_classifier_lacks_have_no_vote() -> None:
    known = np.eye(2, dtype=np.float32)
    classes = np.array(["blast", "monocyte"])
    votes = neighbour_vote(np.array([[1, 0]], np.float32), known, classes, CLASSES, 2)
    np.testing.assert_allclose(votes, [[1, 0]])


def test_a_gain_in_every_group_has_an_interval_above_nothing() -> None:
    truth = np.array(["monocyte"] * 10 + ["lymphocyte"] * 10)
    groups = np.array([str(i % 5) for i in range(20)])
    before = np.where(np.arange(20) % 2 == 0, truth, "blast")
    better = paired(truth, before, truth, groups)
    assert (better["head"], better["with_neighbours"]) == (0.5, 1.0)
    assert better["difference_95"][0] > 0
    same = paired(truth, before, before, groups)
    assert same["difference"] == 0
    assert same["difference_95"] == [0, 0]


def test_what_one_group_gains_alone_is_not_beyond_chance() -> None:
    truth = np.array(["monocyte", "lymphocyte"] * 10)
    groups = np.array([str(i // 2) for i in range(20)])
    before, after = truth.copy(), truth.copy()
    before[0] = "blast"
    assert paired(truth, before, after, groups)["difference_95"][0] == 0
