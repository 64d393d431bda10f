"""Definitions of every metric of the tables, each in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.matching import overlaps

#: Resamples of the bootstrap.
RESAMPLES = 2000
#: Bins of the calibration error, as is usual.
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Estimate:
    """A mean over photographs with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap_mean(values: NDArray[np.float64], seed: int = 0) -> Estimate:
    """Return a mean and the percentile bootstrap interval over photographs."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))


def bootstrap_balanced(
    truth: NDArray[np.str_], said: NDArray[np.str_], seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the balanced accuracy.

    Cells are drawn within each class, so that no class is ever missing.
    """
    rng = np.random.default_rng(seed)
    recalls = []
    for name in np.unique(truth):
        hit = (said == name)[truth == name].astype(np.float64)
        recalls.append(hit[rng.integers(0, len(hit), (RESAMPLES, len(hit)))].mean(axis=1))
    low, high = np.percentile(np.mean(recalls, axis=0), [2.5, 97.5])
    return float(low), float(high)


def foreground_iou(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Return the intersection over the union of two masks; 1 if both are empty."""
    union = int(np.count_nonzero(truth | found))
    return int(np.count_nonzero(truth & found)) / union if union else 1.0


def mean_iou(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Return the mean of the foreground's and the background's IoU (the looser, usual figure)."""
    return (foreground_iou(truth, found) + foreground_iou(~truth, ~found)) / 2


@dataclass(frozen=True)
class ObjectScore:
    """Objects found, missed and invented, summed over photographs."""

    true_positives: int
    false_positives: int
    false_negatives: int

    def __add__(self, other: ObjectScore) -> ObjectScore:
        return ObjectScore(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 if there is nothing to find or find wrongly."""
        wrong = self.false_positives + self.false_negatives
        total = 2 * self.true_positives + wrong
        return 2 * self.true_positives / total if total else 1.0


def match_objects(
    truth: NDArray[np.int32], found: NDArray[np.int32], iou: float = 0.5
) -> ObjectScore:
    """Match two label images one to one, by falling IoU, and count."""
    n_truth, n_found = len(np.unique(truth[truth > 0])), len(np.unique(found[found > 0]))
    seen_truth: set[int] = set()
    seen_found: set[int] = set()
    for value, label_found, label_truth in overlaps(found, truth):
        if value >= iou and label_found not in seen_found and label_truth not in seen_truth:
            seen_found.add(label_found)
            seen_truth.add(label_truth)
    matched = len(seen_truth)
    return ObjectScore(matched, n_found - matched, n_truth - matched)


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error.

    Parameters
    ----------
    confidence : ndarray
        (N,): the probability of the class that was said, 0 to 1.
    right : ndarray
        (N,) bool: whether it was the true one.

    Returns
    -------
    float
        The mean, over the cells, of the gap between confidence and accuracy in ten bins of equal
        width.

    References
    ----------
    Guo and others, "On Calibration of Modern Neural Networks", ICML 2017.
    """
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gap = 0.0
    for i in np.unique(bins):
        inside = bins == i
        gap += abs(float(confidence[inside].sum()) - float(right[inside].sum()))
    return gap / max(1, len(right))


def bootstrap_calibration(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the expected calibration error, by the basic bootstrap.

    Resampled cells are calibrated worse than the cells themselves, as a bin's accuracy is further
    from its confidence by chance; the basic bootstrap mirrors the resamples about what was measured
    and so takes that out again. 0 is the least.
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(right), (RESAMPLES, len(right)))
    errors = [calibration_error(confidence[d], right[d]) for d in draws]
    low, high = np.percentile(errors, [2.5, 97.5])
    measured = calibration_error(confidence, right)
    return max(0.0, 2 * measured - float(high)), max(0.0, 2 * measured - float(low))


def classification_figures(
    truth: list[str], said: list[str], classes: tuple[str, ...]
) -> dict[str, float]:
    """Return accuracy, balanced accuracy, macro F1 and the recall of each class.

    Averages go over the classes that occur in `truth`.
    """
    t, s = np.array(truth), np.array(said)
    recalls: dict[str, float] = {}
    f1 = []
    for name in classes:
        actual, predicted = t == name, s == name
        if not actual.any():
            continue
        hit = float(np.sum(actual & predicted))
        recalls[f"recall_{name}"] = hit / float(actual.sum())
        f1.append(2 * hit / float(actual.sum() + predicted.sum()))
    return {
        "accuracy": float(np.mean(t == s)),
        "balanced_accuracy": float(np.mean(list(recalls.values()))),
        "macro_f1": float(np.mean(f1)),
        **recalls,
    }


def classification_summary(
    truth: Sequence[str], said: Sequence[str], classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return all figures of a classifier on one set.

    Parameters
    ----------
    truth, said : sequence of str
        Classes of the cells; what was said may be none of `classes`, and is wrong then.
    classes : tuple of str
        The classes of the truth.

    Returns
    -------
    dict
        The figures of :func:`classification_figures`, the interval of the accuracy, the accuracy
        of always saying the commonest class, ``cells`` by class, and the confusion matrix (rows
        truth).
    """
    truth, said = list(truth), list(said)
    right = np.array([t == s for t, s in zip(truth, said, strict=True)], dtype=np.float64)
    estimate = bootstrap_mean(right)
    counts = {name: truth.count(name) for name in classes}
    pairs = list(zip(truth, said, strict=True))
    columns = (*classes, *sorted(set(said) - set(classes)))
    return {
        **classification_figures(truth, said, classes),
        "accuracy_95": [estimate.low, estimate.high],
        "majority_class_accuracy": max(counts.values()) / len(truth),
        "cells": counts,
        "confusion": {t: {s: pairs.count((t, s)) for s in columns} for t in classes},
    }
