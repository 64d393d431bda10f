"""Differential counts corrected for the classifier's own confusion.

The share of each class that a classifier reports is a mixture: it loses cells to other classes and
gains theirs. Where it is known how often it takes each class for which other, the true shares and
their limits can be estimated from the reported ones.

References
----------
.. [1] Rogan, Gladen, "Estimating prevalence from the results of a screening test", American Journal
   of Epidemiology 107, 1978: two classes, a known confusion.
.. [2] Joseph, Gyorkos, Coupal, "Bayesian estimation of disease prevalence and the parameters of
   diagnostic tests in the absence of a gold standard", American Journal of Epidemiology 141, 1995:
   the confusion known from few cells, by Gibbs sampling, as here for any number of classes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import CONFIDENCE, DEFAULT_COUNTED
from napari_leukocyte.language import tr

#: Rounds of the sampler, and how many are thrown away at its start.
ROUNDS, BURN_IN = 1500, 300
#: What is taken as known of a row of the confusion before any cell was seen: half a cell for each
#: answer in all, most of it for the right one. A class of which no cell was ever tried stays wide.
_PRIOR_RIGHT, _PRIOR_WRONG = 1.0, 0.05
#: Known of the shares beforehand: half a cell a class (Jeffreys).
_PRIOR_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Confusion:
    """Confusion matrix of a classifier.

    Attributes
    ----------
    classes : tuple of str
        The classifier's.
    counts : ndarray
        (C, C): cells of known class, rows the truth, columns what was said; need not be whole
        numbers where sets are weighted.
    source : str
        Which cells these were, for the sentence.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.float64]
    source: str

    @classmethod
    def of(
        cls, classes: Sequence[str], truth: NDArray[np.intp], said: NDArray[np.intp], source: str
    ) -> Confusion:
        """Count the cells of known class."""
        counts = np.zeros((len(classes), len(classes)))
        np.add.at(counts, (truth, said), 1.0)
        return cls(tuple(classes), counts, source)


@dataclass(frozen=True, eq=False)
class CorrectedCount:
    """A differential count with the classifier's confusion taken into account.

    Attributes
    ----------
    table : pandas.DataFrame
        ``class``; ``percent``, the posterior mean of its share among the cells that count;
        ``ci_low``, ``ci_high``, the 95 % limits of the share in the blood that was sampled: they
        hold the error of counting and that of classifying.
    sentence : str
        What the limits hold.
    """

    table: pd.DataFrame
    sentence: str


def corrected_count(
    table: pd.DataFrame,
    confusion: Confusion,
    counted: Collection[str] | None = None,
    seed: int = 0,
) -> CorrectedCount:
    """Estimate a differential count from predictions that may be wrong.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a cell with ``class``, and ``reviewed`` where a reader took part, as from
        :meth:`napari_leukocyte.session.session.Session.table`.
    confusion : Confusion
        Of the classifier that gave the classes. Reviewed cells are taken as right.
    counted : collection of str, optional
        The classes in the total, as for :func:`napari_leukocyte.counting.leukogram.count`.
    seed : int
        Of the sampler.

    Returns
    -------
    CorrectedCount
        One row for each of the confusion's classes, and for each other class that was given by a
        reader, that counts.
    """
    chosen = frozenset(DEFAULT_COUNTED if counted is None else counted)
    given = table[table["class"].notna()]
    names = given["class"].astype(str).to_numpy()
    reviewed = (
        given["reviewed"].to_numpy(bool) if "reviewed" in given else np.zeros(len(given), bool)
    )
    others = sorted(set(names) - set(confusion.classes))
    classes = (*confusion.classes, *others)
    # What the classifier can't say is a reader's word.
    sure = reviewed | np.isin(names, others)
    known = np.array([np.sum(names[sure] == c) for c in classes], np.float64)
    said = np.array([np.sum(names[~sure] == c) for c in confusion.classes], np.int64)
    shares = _sample(known, said, confusion.counts, np.random.default_rng(seed))
    inside = [i for i, name in enumerate(classes) if name in chosen]
    part = shares[:, inside]
    part = 100 * part / np.maximum(part.sum(axis=1, keepdims=True), 1e-12)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(part, [tail, 100 - tail], axis=0)
    result = pd.DataFrame(
        {
            "class": [classes[i] for i in inside],
            "percent": part.mean(axis=0),
            "ci_low": low,
            "ci_high": high,
        }
    )
    return CorrectedCount(result, _sentence(int(said.sum()), int(known.sum()), confusion))


def _sample(
    known: NDArray[np.float64],
    said: NDArray[np.int64],
    counts: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw shares, (R, C + others), from their distribution given all that was seen."""
    size = len(said)
    prior = counts + np.where(np.eye(size, dtype=bool), _PRIOR_RIGHT, _PRIOR_WRONG)
    # Cells that the classifier was asked about, by truth and by what it said.
    hidden = np.diag(said).astype(np.float64)
    draws = np.empty((ROUNDS - BURN_IN, len(known)))
    for step in range(ROUNDS):
        rows = rng.standard_gamma(prior + hidden)
        matrix = rows / rows.sum(axis=1, keepdims=True)
        totals = known.copy()
        totals[:size] += hidden.sum(axis=1)
        shares = rng.standard_gamma(totals + _PRIOR_SHARE)
        shares /= shares.sum()
        if step >= BURN_IN:
            draws[step - BURN_IN] = shares
        joint = shares[:size, np.newaxis] * matrix
        total = joint.sum(axis=0)
        joint = np.where(total > 0, joint / np.where(total > 0, total, 1), np.eye(size))
        hidden = rng.multinomial(said, joint.T / joint.T.sum(axis=1, keepdims=True)).T.astype(float)
    return draws


def _sentence(said: int, known: int, confusion: Confusion) -> str:
    tried = confusion.counts.sum(axis=1)
    lacking = [name for name, n in zip(confusion.classes, tried, strict=True) if n < 1]
    text = tr(
        "Limits that hold the error of counting and the classifier's confusion on {n} cells, as "
        "measured on {tried:.0f} cells {source}; {known} reviewed cells are taken as right.",
        n=said,
        tried=float(tried.sum()),
        source=tr(confusion.source),
        known=known,
    )
    if lacking:
        text += tr(" No cell was tried of: {names}.", names=", ".join(map(tr, lacking)))
    return text
