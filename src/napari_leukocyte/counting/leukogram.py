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

import pandas as pd

from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

#: Probability that the limits hold the true share.
CONFIDENCE = 0.95
COLUMNS = ("class", "count", "percent", "ci_low", "ci_high", "total")


def count(table: pd.DataFrame) -> pd.DataFrame:
    """Count the leukocytes of each class.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``class``, one row a cell, as from
        :func:`napari_leukocyte.classification.classify.classify`.

    Returns
    -------
    pandas.DataFrame
        One row for each of the five classes, in the usual order, also where none was found:
        ``class``; ``count``; ``percent`` of the total; ``ci_low`` and ``ci_high``, the 95 %
        Clopper-Pearson limits of the percentage (0 and 100 where nothing was counted);
        ``total``, the number of cells of the five classes. Objects of any other class (such as
        unidentified ones) follow below with their count alone and are not in the total.

    Raises
    ------
    KeyError
        If the table has no column ``class``.
    """
    # Not pandas' own counting, which lists the unused categories of a categorical column, too.
    counts = Counter(str(name) for name in table["class"].dropna())
    total = sum(counts[name] for name in LEUKOCYTE_NAMES)
    rows: list[tuple[str, int, float, float, float, int]] = []
    for name in LEUKOCYTE_NAMES:
        found = counts[name]
        low, high = clopper_pearson(found, total)
        percent = 100 * found / total if total else float("nan")
        rows.append((name, found, percent, 100 * low, 100 * high, total))
    nan = float("nan")
    others = sorted(set(counts) - set(LEUKOCYTE_NAMES))
    rows += [(name, counts[name], nan, nan, nan, total) for name in others]
    return pd.DataFrame(rows, columns=list(COLUMNS))


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
