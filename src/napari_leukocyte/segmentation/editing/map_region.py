"""The region that a probability map shows at a click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.editing.candidates import Click

#: Threshold that is tried first.
FIRST_THRESHOLD = 0.5
#: The others. The lower they are, the less the map shows at all: so they come closer together.
LOWER = tuple(FIRST_THRESHOLD * 0.89**n for n in range(25))
HIGHER = tuple(1 - threshold for threshold in LOWER)


def from_probability(click: Click, probability: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Return the region that a map shows at a click.

    Parameters
    ----------
    click : Click
        Where.
    probability : ndarray
        (H, W) float32 of the window, 0 to 1.

    Returns
    -------
    ndarray or None
        (H, W) bool. The region over the first threshold if it is plausible. Else, of the
        plausible ones over lower thresholds (or higher ones, if the first gives too much), that
        whose radius depends least on the threshold: there the map is steepest, which is where a
        cell ends. None if none is plausible.
    """
    first = click.region(probability >= np.float32(FIRST_THRESHOLD))
    if first is not None and first.plausible:
        return first.mask
    thresholds = HIGHER if first is not None and first.size > 1 else LOWER
    trials = click.reduced().try_thresholds(click.shrink(probability), thresholds)
    radii = [0.0 if region is None else region.size**0.5 for _, region in trials]
    best, least = None, np.inf
    # Between two neighbours, since areas of few pixels make steps.
    for i in range(1, len(trials) - 1):
        threshold, region = trials[i]
        if region is None or not region.plausible or radii[i - 1] == 0:
            continue
        slope = abs((radii[i + 1] - radii[i - 1]) / (trials[i + 1][0] - trials[i - 1][0]))
        if slope < least:
            best, least = threshold, slope
    if best is None:
        return None
    found = click.region(probability >= np.float32(best))
    return found.mask if found is not None and found.inside else None
