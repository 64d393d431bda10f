"""Bring the stain of a cell to one strength.

How dark nuclei are differs between laboratories by a factor of four, far more than between the
classes: stain, exposure and the camera's curve all change it. Within one crop the nucleus is
always there to compare with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.images.background import WHITE

#: Part of the mask's pixels that are lighter than what stands for the nucleus: nuclei fill a third
#: of an eosinophil and nearly all of a small lymphocyte.
PERCENTILE = 85.0
#: Limits of the factor: beyond them noise would pass for granules.
WEAKEST, STRONGEST = 0.5, 3.0


def nucleus_density(patch: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Return the optical density of a cell's nucleus in the green channel.

    Parameters
    ----------
    patch : ndarray
        (S, S, 3) uint8 RGB on a background of ``WHITE``.
    mask : ndarray
        (S, S) uint8, 255 inside the cell.

    Returns
    -------
    float
        Natural logarithm of the light lost; 0 for an empty mask.
    """
    green = patch[..., 1][mask > 127]
    if not green.size:
        return 0.0
    return float(np.log(WHITE / max(1.0, float(np.percentile(green, 100 - PERCENTILE)))))


def standardise_density(
    patch: NDArray[np.uint8], mask: NDArray[np.uint8], target: float
) -> NDArray[np.uint8]:
    """Scale the optical density so that the nucleus gets a given one.

    Parameters
    ----------
    patch, mask : ndarray
        As for :func:`nucleus_density`.
    target : float
        Density of the nucleus in the green channel afterwards.

    Returns
    -------
    ndarray
        (S, S, 3) uint8 RGB. One factor for all channels: hues stay what they are.
    """
    factor = np.clip(target / max(nucleus_density(patch, mask), 1e-3), WEAKEST, STRONGEST)
    light = np.arange(256) / WHITE
    table = np.clip(WHITE * light**factor, 0, 255).round().astype(np.uint8)
    return np.asarray(table[patch], np.uint8)
