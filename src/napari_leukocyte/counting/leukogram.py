"""The leukogram: counts and percentages with their limits, beside reference ranges.

References
----------
.. [1] Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of
   the binomial", Biometrika 26, 1934.
.. [2] Rumke, "The statistically expected variability in differential leukocyte counting", 1979:
   why a differential count of 100 cells needs limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.reference import Range, ReferenceRanges
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.vocabulary import (
    CLASSES,
    ERYTHROBLAST,
    FINER,
    GROUPS,
    LEUKOCYTE_NAMES,
    ORDERED,
    PARTS,
)

#: Probability that the limits hold the true share.
CONFIDENCE = 0.95
COLUMNS = ("class", "count", "percent", "ci_low", "ci_high", "total")
#: The classes that count in the differential unless the user decides otherwise.
DEFAULT_COUNTED = tuple(c.name for c in (*CLASSES, *GROUPS) if c.counted)
# Where nobody has said what counts, parts count like the classes that they are parts of.
_COUNTED = frozenset({*DEFAULT_COUNTED, *(c.name for c in FINER if c.counted)})
_ORDER = {c.name: i for i, c in enumerate(ORDERED)}
_NAN = float("nan")
Flag = Literal["", "low", "high"]
#: What `assess` adds to a leukogram.
ADDED = (
    "flag",
    "absolute",
    "absolute_low",
    "absolute_high",
    "absolute_flag",
)


def count(table: pd.DataFrame, counted: Collection[str] | None = None) -> pd.DataFrame:
    """Count the cells of each class.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``class``, one row a cell, as from
        :func:`napari_leukocyte.classification.inference.classify`.
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

    Examples
    --------
    >>> import pandas as pd
    >>> import napari_leukocyte as nl
    >>> leukogram = nl.count(pd.DataFrame({"class": ["neutrophil"] * 60 + ["lymphocyte"] * 40}))
    >>> leukogram.loc[0, ["count", "percent", "ci_low", "ci_high"]].round(1).tolist()
    [60.0, 60.0, 49.7, 69.7]
    """
    chosen = _COUNTED if counted is None else frozenset(counted)
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


def divided(leukogram: pd.DataFrame) -> frozenset[str]:
    """Return the classes of a leukogram of which parts were found (see `vocabulary.PARTS`)."""
    rows = zip(leukogram["class"].tolist(), leukogram["count"].tolist(), strict=True)
    found = {name for name, number in rows if number}
    return frozenset(name for name, parts in PARTS.items() if found & set(parts))


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
    chosen = (_COUNTED if counted is None else frozenset(counted)) - {ERYTHROBLAST.name}
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


def flag(low: float, high: float, usual: Range | None) -> Flag:
    """Say whether a share or number lies outside a reference range beyond doubt.

    Parameters
    ----------
    low, high : float
        Confidence limits of the share or number; NaN if there are none.
    usual : Range or None
        In the same unit.

    Returns
    -------
    {"", "low", "high"}
        ``"low"`` if even the upper limit lies below the range, ``"high"`` if even the lower limit
        lies above it; empty if any part of the interval lies inside or nothing is known.
    """
    if usual is None:
        return ""
    if high < usual.low:
        return "low"
    return "high" if low > usual.high else ""


def assess(
    leukogram: pd.DataFrame,
    ranges: ReferenceRanges | None = None,
    leukocytes: float | None = None,
) -> pd.DataFrame:
    """Add absolute counts and flags to a leukogram.

    Parameters
    ----------
    leukogram : pandas.DataFrame
        As from :func:`napari_leukocyte.counting.leukogram.count`.
    ranges : ReferenceRanges, optional
        What to compare with.
    leukocytes : float, optional
        Leukocytes of the blood, 10^9/L.

    Returns
    -------
    pandas.DataFrame
        The leukogram and the columns ``flag`` of the percentage; ``absolute``, ``absolute_low`` and
        ``absolute_high``, cells of the class and their 95 % limits, 10^9/L (NaN without a total);
        ``absolute_flag``. The limits are those of the percentage times the total, which is taken as
        exact: its own error, some percent with a haematology analyser, is not in them.

    Raises
    ------
    ParameterError
        If the total is not positive.
    """
    if leukocytes is not None and not 0 < leukocytes < float("inf"):
        raise ParameterError("The total of leukocytes must be above 0, in 10⁹/L.")
    percent: Mapping[str, Range] = {} if ranges is None else ranges.percent
    absolute: Mapping[str, Range] = {} if ranges is None else ranges.absolute
    part = np.nan if leukocytes is None else leukocytes / 100
    # A range of neutrophils is one of all of them, not of those that are not divided yet.
    names = ["" if name in divided(leukogram) else name for name in leukogram["class"].tolist()]
    share, low, high = (leukogram[c].to_numpy(float) for c in ("percent", "ci_low", "ci_high"))
    added = {
        "flag": _flags(names, low, high, percent).array,
        "absolute": share * part,
        "absolute_low": low * part,
        "absolute_high": high * part,
        "absolute_flag": _flags(names, low * part, high * part, absolute).array,
    }
    return pd.concat([leukogram, pd.DataFrame(added, index=leukogram.index)], axis=1)


def _flags(
    names: list[str],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    usual: Mapping[str, Range],
) -> pd.Series[str]:
    limits = zip(names, low.tolist(), high.tolist(), strict=True)
    return pd.Series([flag(a, b, usual.get(n)) for n, a, b in limits], dtype="str")
