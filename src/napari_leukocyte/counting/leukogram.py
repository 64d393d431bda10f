"""The leukogram: counts and percentages with their limits.

References
----------
.. [1] Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of
   the binomial", Biometrika 26, 1934.
.. [2] Rumke, "The statistically expected variability in differential leukocyte counting", 1979:
   why a differential count of 100 cells needs limits.
"""

from __future__ import annotations

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
    counts = table["class"].dropna().value_counts()
    total = int(sum(int(counts.get(name, 0)) for name in LEUKOCYTE_NAMES))
    rows = []
    for name in LEUKOCYTE_NAMES:
        found = int(counts.get(name, 0))
        low, high = clopper_pearson(found, total)
        percent = 100 * found / total if total else float("nan")
        rows.append((name, found, percent, 100 * low, 100 * high, total))
    nothing = (float("nan"),) * 3
    for name in sorted(str(n) for n in counts.index if n not in LEUKOCYTE_NAMES):
        rows.append((name, int(counts[name]), *nothing, total))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def clopper_pearson(
    found: int, total: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
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
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, found, total - found + 1)) if found else 0.0
    high = float(beta.ppf(1 - tail, found + 1, total - found)) if found < total else 1.0
    return low, high
