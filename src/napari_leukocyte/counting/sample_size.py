"""Sample size: the number of cells that are still to be counted."""

from __future__ import annotations

import numpy as np

from napari_leukocyte.counting.leukogram import CONFIDENCE
from napari_leukocyte.errors import ParameterError

#: Nobody counts so many cells of a smear by eye.
MOST_CELLS = 5_000
#: Numbers that are tried at a time.
_BLOCK = 1024


def cells_needed(
    found: int,
    total: int,
    share: float,
    confidence: float = CONFIDENCE,
    most: int = MOST_CELLS,
) -> int | None:
    """Return how many more cells tell a class's share from a given one.

    It is the smallest N of 0, 1, 2 ... such that, if `total + N` cells hold the class at the very
    share that was found so far, the Clopper-Pearson interval of that share excludes the given one.
    The class's cells are then (total + N) * found / total, which need not be whole: the interval's
    ends are quantiles of beta distributions, which exist for any positive number of cells, so
    that N does not jump with rounding. It is a forecast, since the next cells may change the share.

    Parameters
    ----------
    found, total : int
        Cells of the class, and all that count; 0 <= found <= total.
    share : float
        The share to be told from, 0 to 1.
    confidence : float
        Of the interval, 0 to 1.
    most : int
        The largest N that is tried.

    Returns
    -------
    int or None
        0 if the interval excludes the share already; None if nothing has been counted, if the share
        that was found equals the given one, or if more than `most` cells were needed.

    Raises
    ------
    ParameterError
        If the share is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"A share must be from 0 to 100 %, not {100 * share:g} %.")
    if not total or found == share * total:
        return None
    from scipy.special import betainc, betaincc

    tail = (1 - confidence) / 2
    for start in range(0, most + 1, _BLOCK):
        more = np.arange(start, min(start + _BLOCK, most + 1))
        cells = (total + more).astype(np.float64)
        of_class = cells * (found / total)
        others = cells * ((total - found) / total)
        # The lower limit exceeds the share where so many cells or more of the class would be found
        # with less than the tail's probability, if the share were true; and the upper likewise.
        if found > share * total:
            excluded = betainc(of_class, others + 1, share) < tail
        else:
            excluded = betaincc(of_class + 1, others, share) < tail
        if excluded.any():
            return int(more[np.argmax(excluded)])
    return None
