"""The leukogram: counts and percentages with their limits.

References
----------
.. [1] Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of
   the binomial", Biometrika 26, 1934.
.. [2] Rumke, "The statistically expected variability in differential leukocyte counting", 1979:
   why a differential count of 100 cells needs limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.vocabulary import CLASSES, ERYTHROBLAST, GROUPS, LEUKOCYTE_NAMES

#: Probability that the limits hold the true share.
CONFIDENCE = 0.95
COLUMNS = ("class", "count", "percent", "ci_low", "ci_high", "total")
#: The classes that count in the differential unless the user decides otherwise.
DEFAULT_COUNTED = tuple(c.name for c in (*CLASSES, *GROUPS) if c.counted)

_ORDER = {c.name: i for i, c in enumerate((*CLASSES, *GROUPS))}
_NAN = float("nan")


def count(table: pd.DataFrame, counted: Collection[str] | None = None) -> pd.DataFrame:
    """Count the cells of each class.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``class``, one row a cell, as from
        :func:`napari_leukocyte.classification.classify.classify`.
    counted : collection of str, optional
        The classes that count in the differential, that is, whose cells are in the total. By
        default those that the vocabulary counts: every leukocyte that is whole and identified.

    Returns
    -------
    pandas.DataFrame
        One row for each of the five classes, in the usual order, also where none was found, then
        one for each further class that counts and was found, then one for each that was found and
        does not count: ``class``; ``count``; ``percent`` of the total; ``ci_low`` and ``ci_high``,
        the 95 % Clopper-Pearson limits of the percentage (0 and 100 where nothing was counted);
        ``total``, the number of cells that count. Percentage and limits are NaN for a class that
        does not count.

    Raises
    ------
    KeyError
        If the table has no column ``class``.
    """
    chosen = frozenset(DEFAULT_COUNTED if counted is None else counted)
    counts = count_classes(table)
    total = sum(n for name, n in counts.items() if name in chosen)
    further = in_order(set(counts) - set(LEUKOCYTE_NAMES))
    names = (
        *LEUKOCYTE_NAMES,
        *(n for n in further if n in chosen),
        *(n for n in further if n not in chosen),
    )
    rows: list[tuple[str, int, float, float, float, int]] = []
    for name in names:
        found = counts[name]
        percent = low = high = _NAN
        if name in chosen:
            low, high = (100 * limit for limit in clopper_pearson(found, total))
            percent = 100 * found / total if total else _NAN
        rows.append((name, found, percent, low, high, total))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def count_classes(table: pd.DataFrame) -> Counter[str]:
    """Return how many cells of a table have each class; cells without one are left out."""
    # Not pandas' own counting, which lists the unused categories of a categorical column, too,
    # and takes longer.
    codes, names = pd.factorize(table["class"])
    numbers = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
    return Counter(dict(zip(map(str, names), numbers, strict=True)))


def in_order(names: Iterable[str]) -> list[str]:
    """Sort classes: those of the vocabulary in its order, then the others by name."""
    return sorted(names, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a small table, such as a leukogram, by the names of its columns.

    What pandas has for this takes ten times as long, and views do it at every change.
    """
    columns = [table[name].tolist() for name in table]
    names = [str(name) for name in table]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def is_counted(leukogram: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows of a leukogram are in its total."""
    return leukogram["ci_low"].notna()


@dataclass(frozen=True)
class PerHundred:
    """Erythroblasts beside the leukocytes, as a smear's report gives them.

    Attributes
    ----------
    count : int
        Erythroblasts.
    leukocytes : int
        Leukocytes that were counted beside them.
    per_100 : float
        Erythroblasts to 100 leukocytes; NaN if there were no leukocytes.
    ci_low, ci_high : float
        95 % limits of that number; (0, inf) if there was nothing at all.
    """

    count: int
    leukocytes: int
    per_100: float
    ci_low: float
    ci_high: float


def erythroblasts_per_100(
    table: pd.DataFrame, counted: Collection[str] | None = None
) -> PerHundred:
    """Count the erythroblasts (NRBC) to 100 leukocytes.

    They are no leukocytes, hence no part of a differential count; what is reported is how many
    are met while 100 leukocytes are counted. It can exceed 100.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``class``, one row a cell.
    counted : collection of str, optional
        The classes that count as leukocytes, as for :func:`count`; erythroblasts never do here.

    Returns
    -------
    PerHundred
        Given how many cells of both kinds were met, the number of erythroblasts is binomial with
        share p; its Clopper-Pearson limits become those of the ratio by 100 p / (1 - p).
    """
    chosen = frozenset(DEFAULT_COUNTED if counted is None else counted) - {ERYTHROBLAST.name}
    counts = count_classes(table)
    found = counts[ERYTHROBLAST.name]
    leukocytes = sum(n for name, n in counts.items() if name in chosen)
    low, high = (
        100 * p / (1 - p) if p < 1 else float("inf")
        for p in clopper_pearson(found, found + leukocytes)
    )
    ratio = 100 * found / leukocytes if leukocytes else _NAN
    return PerHundred(found, leukocytes, ratio, low, high)


def clopper_pearson(found: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact limits of a share.

    Parameters
    ----------
    found, total : int
        Successes and trials, 0 <= found <= total.
    confidence : float
        Probability that the limits hold the true share at least, 0 to 1.

    Returns
    -------
    low, high : float
        0 to 1; (0, 1) if there were no trials.
    """
    # Quantiles of the beta distribution, without the seconds that importing scipy.stats takes.
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(found, total - found + 1, tail)) if found else 0.0
    high = float(betaincinv(found + 1, total - found, 1 - tail)) if found < total else 1.0
    return low, high
