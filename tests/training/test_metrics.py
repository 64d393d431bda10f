"""Metrics against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics import (
    ObjectScore,
    bootstrap_mean,
    classification_figures,
    foreground_iou,
    match_objects,
    mean_iou,
)


def test_iou_of_overlapping_squares() -> None:
    truth, found = np.zeros((2, 10, 10), bool)
    truth[:4, :4] = True
    found[:4, 2:6] = True
    assert foreground_iou(truth, found) == pytest.approx(8 / 24)
    assert mean_iou(truth, found) == pytest.approx((8 / 24 + 76 / 92) / 2)
    assert foreground_iou(np.zeros((3, 3), bool), np.zeros((3, 3), bool)) == 1


def test_objects_are_matched_one_to_one() -> None:
    truth = np.zeros((10, 30), np.int32)
    truth[1:9, 1:9], truth[1:9, 11:19] = 1, 2
    found = np.zeros_like(truth)
    found[1:9, 1:10], found[1:4, 11:19], found[1:9, 22:28] = 5, 6, 7
    assert match_objects(truth, found) == ObjectScore(1, 2, 1)
    assert match_objects(truth, found).f1 == pytest.approx(2 / 5)
    merged = (truth > 0).astype(np.int32)
    assert match_objects(truth, merged, iou=0.4).true_positives == 1
    assert match_objects(truth, truth).f1 == 1


def test_classification_figures_average_over_the_classes_that_occur() -> None:
    figures = classification_figures(
        ["a", "a", "a", "b"], ["a", "a", "b", "not found"], ("a", "b", "c")
    )
    assert figures["accuracy"] == 0.5
    assert figures["recall_a"] == pytest.approx(2 / 3)
    assert figures["balanced_accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert figures["macro_f1"] == pytest.approx((4 / 5 + 0) / 2)


def test_the_interval_holds_the_mean_and_narrows_with_the_sample(
    rng: np.random.Generator,
) -> None:
    small, large = (bootstrap_mean(rng.normal(0.9, 0.05, n)) for n in (20, 2000))
    for estimate in (small, large):
        assert estimate.low < estimate.mean < estimate.high
    assert large.high - large.low < (small.high - small.low) / 4
