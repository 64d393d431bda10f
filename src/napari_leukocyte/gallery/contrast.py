"""The same picture of a cell at another contrast."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.stain import standardise_density
from napari_leukocyte.io.images.background import balance_white

Contrast: TypeAlias = Literal["photographed", "standardised", "stretched"]
#: The default first.
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)
#: Optical density that a nucleus gets when standardised: that of a nucleus well stained, at which
#: chromatin is still seen.
_DENSITY = 0.9
#: Percentiles of a cell's pixels that become black and white: nearly all of what is in it, without
#: single pixels of dirt or glare.
_DARKEST, _BRIGHTEST = 1.0, 99.0


def at_contrast(
    patch: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    contrast: Contrast,
    background: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return a picture of a cell at some contrast.

    Parameters
    ----------
    patch : ndarray
        (S, S, 3) uint8 RGB.
    mask : ndarray
        (S, S) uint8, 255 where the cell is.
    contrast : {"photographed", "standardised", "stretched"}
        As it is; with the background brought to a neutral white and the nucleus to one density, so
        that smears of different stain can be compared; with all of the cell's own range spread
        from black to white, which brings out chromatin and granules. All keep the hues.
    background : ndarray
        (3,): colour of the empty background.

    Returns
    -------
    ndarray
        (S, S, 3) uint8 RGB.
    """
    if contrast == "standardised":
        return standardise_density(balance_white(patch, background), mask, _DENSITY)
    if contrast == "stretched":
        inside = mask > 127
        known = patch[inside] if inside.any() else patch.reshape(-1, 3)
        low, high = (float(v) for v in np.percentile(known, (_DARKEST, _BRIGHTEST)))
        levels = (np.arange(256) - low) * (255 / max(1.0, high - low))
        return np.asarray(np.clip(levels, 0, 255).round().astype(np.uint8)[patch])
    return patch
