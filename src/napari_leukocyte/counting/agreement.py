"""Agreement of two readings of the same cells: percentage and Cohen's kappa.

References
----------
.. [1] Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
   Measurement 20, 1960.
.. [2] Fleiss, Cohen and Everitt, "Large sample standard errors of kappa and weighted kappa",
   Psychological Bulletin 72, 1969.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import clopper_pearson, in_order
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.schema import LABEL

#: Quantile of the normal distribution for limits of 95 %.
_Z = 1.959963984540054
_NAN = float("nan")


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    Attributes
    ----------
    value : float
        -1 to 1; 1 is perfect, 0 what chance would bring. NaN if nothing was compared, or if both
        readings gave all cells one and the same class, where chance alone would agree.
    error : float
        Asymptotic standard error.
    low, high : float
        95 % limits, -1 to 1.
    """

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Agreement:
    """Two readings of the same cells.

    Attributes
    ----------
    confusion : pandas.DataFrame
        Cells by class: rows are the first reading, columns the second; both in the same order.
    cells, agreed : int
        Cells compared, and those given the same class.
    percent, low, high : float
        Agreement and its 95 % Clopper-Pearson limits, %; NaN, 0 and 100 if nothing was compared.
    kappa : Kappa
        Cohen's.
    """

    confusion: pd.DataFrame
    cells: int
    agreed: int
    percent: float
    low: float
    high: float
    kappa: Kappa


def confusion_table(first: Sequence[str], second: Sequence[str]) -> pd.DataFrame:
    """Count the cells by what two readings made of them.

    Parameters
    ----------
    first, second : sequence of str
        Class of each cell, in the same order of cells.

    Returns
    -------
    pandas.DataFrame
        Rows are the first reading, columns the second; both have every class that either gave, in
        the vocabulary's order. int64.

    Raises
    ------
    ParameterError
        If the readings are not of the same number of cells.
    """
    if len(first) != len(second):
        raise ParameterError("Two readings can only be compared of the same cells.")
    names = in_order(set(first) | set(second))
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for a, b in zip(first, second, strict=True):
        counts[place[a], place[b]] += 1
    return pd.DataFrame(
        counts, index=pd.Index(names, name="first"), columns=pd.Index(names, name="second")
    )


def cohen_kappa(confusion: NDArray[np.integer]) -> Kappa:
    """Return Cohen's kappa and its limits.

    Parameters
    ----------
    confusion : ndarray
        (C, C) counts: rows are the first reading, columns the second.

    Returns
    -------
    Kappa
        Kappa after Cohen [1]_ with the large-sample standard error of Fleiss, Cohen and Everitt
        [2]_ (for an unknown kappa other than 0), and limits at 1.96 standard errors, cut off at -1
        and 1. Where all cells agree that error is 0, however few they are; the lower limit is then
        that of the share of agreement (Clopper-Pearson), put into kappa with the same agreement by
        chance.
    """
    cells = int(confusion.sum())
    if not cells:
        return Kappa(_NAN, _NAN, _NAN, _NAN)
    share = confusion / cells
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, chance = float(np.trace(share)), float(rows @ columns)
    # Exact in integers: rounding must not hide that chance alone would agree.
    if int(confusion.sum(axis=1) @ confusion.sum(axis=0)) == cells * cells:
        return Kappa(_NAN, _NAN, _NAN, _NAN)
    kappa = (observed - chance) / (1 - chance)
    if int(np.trace(confusion)) == cells:
        least, _ = clopper_pearson(cells, cells)
        return Kappa(1.0, 0.0, max(-1.0, (least - chance) / (1 - chance)), 1.0)
    diagonal = np.diag(share)
    agreeing = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    crossed = (columns[:, np.newaxis] + rows[np.newaxis, :]) ** 2
    others = float((share * crossed).sum() - (diagonal * np.diag(crossed)).sum())
    variance = agreeing + (1 - kappa) ** 2 * others - (kappa - chance * (1 - kappa)) ** 2
    error = math.sqrt(max(0.0, variance) / cells) / (1 - chance)
    return Kappa(kappa, error, max(-1.0, kappa - _Z * error), min(1.0, kappa + _Z * error))


def compare(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Compare two readings of the same cells.

    Parameters
    ----------
    first, second : sequence of str
        Class of each cell, in the same order of cells.

    Returns
    -------
    Agreement

    Raises
    ------
    ParameterError
        If the readings are not of the same number of cells.
    """
    confusion = confusion_table(first, second)
    counts = confusion.to_numpy()
    cells, agreed = int(counts.sum()), int(np.trace(counts))
    low, high = clopper_pearson(agreed, cells)
    percent = 100 * agreed / cells if cells else _NAN
    return Agreement(confusion, cells, agreed, percent, 100 * low, 100 * high, cohen_kappa(counts))


def reader_against_model(table: pd.DataFrame, labels: Collection[int] | None = None) -> Agreement:
    """Compare what a reader says with what the model said.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns ``label``, ``class``, ``predicted`` (the model's class) and ``reviewed``
        (bool), one row a cell, as a session gives it.
    labels : collection of int, optional
        Only these cells.

    Returns
    -------
    Agreement
        First the reader, then the model, over the reviewed cells that have both classes. A reader
        who sees the model's class tends to agree with it: only a blind reading (see
        :mod:`napari_leukocyte.counting.blind`) is free of that.
    """
    known = table["reviewed"].astype(bool) & table["class"].notna() & table["predicted"].notna()
    if labels is not None:
        known &= table[LABEL].isin(list(labels))
    chosen = table[known]
    return compare(list(chosen["class"].astype(str)), list(chosen["predicted"].astype(str)))
