"""Superpixels of a cell and of what lies around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.settings import ExplainSettings

#: Share of the superpixels that lie in the cell: what is around it is uniform, and faded.
_IN_CELL = 0.75
#: Weight of nearness against colour, for which skimage's default is made.
_COMPACTNESS = 10.0
#: Samples for each superpixel below which a linear fit says nothing.
_SAMPLES_EACH = 4


def plan(settings: ExplainSettings, runs_each: int) -> tuple[int, int]:
    """Return how many superpixels and samples the settings allow.

    Parameters
    ----------
    settings : ExplainSettings
        What the user wants.
    runs_each : int
        Images that networks see for each sample.

    Returns
    -------
    (int, int)
        Superpixels and samples.
    """
    samples = max(8, min(settings.samples, settings.runs // runs_each))
    return max(2, min(settings.superpixels, samples // _SAMPLES_EACH)), samples


def superpixels(crops: CellCrops, number: int) -> NDArray[np.int32]:
    """Part a crop into regions of like colour that do not cross the cell's outline.

    R. Achanta and others: SLIC superpixels compared to state-of-the-art superpixel methods.
    IEEE TPAMI 34 (2012); with masks by B. Irving: maskSLIC, arXiv 1606.09518.

    Parameters
    ----------
    crops : CellCrops
        The cell.
    number : int
        About how many.

    Returns
    -------
    ndarray
        (S, S) int32 from 0 on without gaps.
    """
    from skimage.measure import label
    from skimage.segmentation import slic

    cell = crops.mask > 127
    if not cell.any() or cell.all():
        cell = np.zeros_like(cell)
    result = np.zeros(cell.shape, np.int32)
    found = 0
    for inside, share in ((cell, _IN_CELL), (~cell, 1 - _IN_CELL)):
        wanted = max(1, round(share * number))
        if not inside.any():
            continue
        parts = slic(
            crops.crop, n_segments=wanted, compactness=_COMPACTNESS, mask=inside, start_label=1
        )
        parts = np.where(inside, parts, 0)
        # A region of the mask too small for a seed is left without a number.
        lone = label(inside & (parts == 0))
        parts = np.where(lone > 0, lone + parts.max(), parts)
        _, dense = np.unique(parts[inside], return_inverse=True)
        result[inside] = dense + found
        found += int(dense.max()) + 1
    return result


def masks_of(parts: NDArray[np.int32], shown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what is shown of a crop for choices of superpixels.

    Parameters
    ----------
    parts : ndarray
        (S, S) int32: the superpixels.
    shown : ndarray
        (N, K) bool: which are shown.

    Returns
    -------
    ndarray
        (N, S, S) float32, 0 or 1.
    """
    return np.asarray(shown.astype(np.float32)[:, parts])
