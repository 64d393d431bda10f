"""What a figure means: every metric of the tables, defined once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.matching import overlaps

#: Resamples of the bootstrap.
RESAMPLES = 2000


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
