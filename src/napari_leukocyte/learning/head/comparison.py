"""Comparison of two heads on cells that neither, or only the old one, has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.language import decimal, tr

#: Resamples of the bootstrap over photographs.
RESAMPLES = 1000
#: Bins of the calibration error, as is usual.
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Share:
    """A share, or a difference of two, with its 95 % interval; NaN where there is nothing."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class ClassRow:
    """One class: how many of its cells were recognised.

    Attributes
    ----------
    name : str
        The class.
    cells, photographs : int
        Of how many.
    before, after : Share
        Recall, with Wilson's interval.
    measured : bool
        Whether it counts in the comparison: a class whose cells are all of one photograph, and
        that the shipped cells lack, is unknown to every head that has not seen that photograph.
    """

    name: str
    cells: int
    photographs: int
    before: Share
    after: Share
    measured: bool = True


@dataclass(frozen=True)
class Comparison:
    """Two heads on the same cells.

    Attributes
    ----------
    rows : tuple of ClassRow
        Class by class.
    before, after, difference : Share
        Balanced accuracy over the classes that were measured, its interval from a bootstrap over
        photographs.
    cells, photographs : int
        Of how many.
    calibration_before, calibration_after : float
        Expected calibration error.
    """

    rows: tuple[ClassRow, ...]
    before: Share
    after: Share
    difference: Share
    cells: int
    photographs: int
    calibration_before: float
    calibration_after: float


@dataclass(frozen=True, eq=False)
class HeadPredictions:
    """Predictions of a head: (N,) classes and the (N,) probabilities of those."""

    classes: NDArray[np.str_]
    confidence: NDArray[np.float64]


def compare(
    truth: NDArray[np.str_],
    groups: NDArray[np.str_],
    before: HeadPredictions,
    after: HeadPredictions,
    unmeasured: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare what two heads say.

    Parameters
    ----------
    truth, groups : ndarray
        (N,) str: class and photograph of each cell.
    before, after : HeadPredictions
        What was said of them.
    unmeasured : frozenset of str
        Classes that are listed but do not count.

    Returns
    -------
    Comparison
    """
    right = {"before": before.classes == truth, "after": after.classes == truth}
    rows = []
    for name in np.unique(truth):
        of_class = truth == name
        n = int(np.count_nonzero(of_class))
        shares = {k: _wilson(int(np.count_nonzero(r & of_class)), n) for k, r in right.items()}
        photographs = len(np.unique(groups[of_class]))
        measured = str(name) not in unmeasured
        rows.append(
            ClassRow(str(name), n, photographs, shares["before"], shares["after"], measured)
        )
    counted = [r.name for r in rows if r.measured]
    balanced = _balanced(truth, groups, right["before"], right["after"], counted)
    return Comparison(
        tuple(rows),
        *balanced,
        cells=len(truth),
        photographs=len(np.unique(groups)),
        calibration_before=calibration_error(before.confidence, right["before"]),
        calibration_after=calibration_error(after.confidence, right["after"]),
    )


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error, the gap between confidence and accuracy.

    Parameters
    ----------
    confidence : ndarray
        (N,): the probability of the class that was said.
    right : ndarray
        (N,) bool: whether it was the true one.

    References
    ----------
    Guo and others, "On Calibration of Modern Neural Networks", ICML 2017.
    """
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(float(confidence[bins == i].sum() - right[bins == i].sum())) for i in set(bins)]
    return sum(gaps) / max(1, len(right))


def _balanced(
    truth: NDArray[np.str_],
    groups: NDArray[np.str_],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    classes: list[str],
) -> tuple[Share, Share, Share]:
    """Return the balanced accuracies and their difference."""
    if not classes:
        nothing = Share(np.nan, np.nan, np.nan)
        return nothing, nothing, nothing
    names, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((3, len(names), len(classes)))
    for column, name in enumerate(classes):
        of_class = truth == name
        for row, chosen in enumerate((of_class, of_class & before, of_class & after)):
            np.add.at(counts[row, :, column], group[chosen], 1)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    weights = np.concatenate([np.ones((1, len(names))), draws])
    cells, hits_before, hits_after = (weights @ c for c in counts)
    there = cells > 0
    with np.errstate(invalid="ignore"):
        shares = [np.where(there, h / cells, 0.0) for h in (hits_before, hits_after)]
    # A draw that lacks a class says nothing of it.
    first, second = (s.sum(axis=1) / np.maximum(1, there.sum(axis=1)) for s in shares)
    return _percentiles(first), _percentiles(second), _percentiles(second - first)


def _percentiles(values: NDArray[np.float64]) -> Share:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Share(float(values[0]), float(low), float(high))


def _wilson(hits: int, n: int) -> Share:
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return Share(hits / n, float(interval.low), float(interval.high))


def share(value: Share, digits: int = 3) -> str:
    """Return a share with its interval, ``0.912 [0.853–0.951]``."""
    if math.isnan(value.value):
        return tr("not measured")
    one, low, high = (decimal(f"{v:.{digits}f}") for v in (value.value, value.low, value.high))
    return f"{one} [{low}–{high}]"


def signed(value: Share) -> str:
    """Return a difference with its interval."""
    return tr(
        "{value:+.3f} [{low:+.3f} to {high:+.3f}]",
        value=value.value,
        low=value.low,
        high=value.high,
    )
