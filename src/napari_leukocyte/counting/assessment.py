"""A leukogram with absolute counts, beside reference ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.reference import Range, ReferenceRanges
from napari_leukocyte.errors import ParameterError

Flag = Literal["", "low", "high"]
#: What `assess` adds to a leukogram.
ADDED = (
    "flag",
    "absolute",
    "absolute_low",
    "absolute_high",
    "absolute_flag",
)


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
    names = leukogram["class"].tolist()
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
