"""How good a photograph is, judged without any other: focus, exposure, contrast of the stain.

References
----------
.. [1] Pech-Pacheco and others, "Diatom autofocusing in brightfield microscopy: a comparative
   study", ICPR 2000: focus by the Laplacian.
.. [2] Ruifrok, Johnston, "Quantification of histochemical staining by color deconvolution",
   Analytical and Quantitative Cytology and Histology 23, 2001: stain as optical density.
.. [3] Immerkaer, "Fast noise variance estimation", 1996: noise; see
   :func:`napari_leukocyte.uncertainty.domain_shift.image_profile.noise_level`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.uncertainty.domain_shift.image_profile import (
    FEATURES,
    ImageProfile,
    measure_profile,
)

#: Values of a channel at which a camera's range ends.
_BLACK, _WHITE = 3, 252
#: For each figure, the value that gets 0 and the one that gets 1. Focus: logarithm of the
#: Laplacian over the contrast; 90 % of the training sets' photographs lie above -3.6, and blurring
#: them by a tenth of a cell's diameter brings them to -4.5. Exposure: share of clipped pixels.
#: Background: its lightness. Contrast: difference in lightness of nucleus and background, balanced.
FOCUS, CLIPPED, BACKGROUND, CONTRAST = (-4.8, -3.6), (0.15, 0.02), (50.0, 75.0), (15.0, 35.0)
#: Below this a figure is named.
POOR = 0.5
#: Lightness of the background after balancing.
_BALANCED_LIGHTNESS = 94.8


@dataclass(frozen=True)
class Quality:
    """How good a photograph is.

    Attributes
    ----------
    focus, exposure, contrast : float
        0 (useless) to 1 (as good as it gets); NaN where there are no cells.
    overall : float
        The least of them.
    sentence : str
        What is wrong, if anything.
    """

    focus: float
    exposure: float
    contrast: float
    overall: float
    sentence: str


def judge(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32], look: ImageProfile | None = None
) -> Quality:
    """Judge a photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32: its cells.
    look : ImageProfile, optional
        If it was measured already.

    Returns
    -------
    Quality
    """
    seen = measure_profile(rgb, labels) if look is None else look
    focus = _between(seen["sharpness"], FOCUS)
    # The background may be white; what must not be clipped are cells, or all channels when dark.
    shown = rgb[labels > 0] if labels.any() else rgb.reshape(-1, 3)
    clipped = float(np.mean(((shown <= _BLACK) | (shown >= _WHITE)).any(axis=-1)))
    lightness = float(seen.values[FEATURES.index("background_l")])
    exposure = min(_between(clipped, CLIPPED), _between(lightness, BACKGROUND))
    if float(background_color(rgb).min()) >= 255:
        # Blown out: the background's colour can't be known.
        exposure = min(exposure, 0.6)
    contrast = _between(_BALANCED_LIGHTNESS - seen["nucleus_l"], CONTRAST)
    parts = {"focus": focus, "exposure": exposure, "contrast of the stain": contrast}
    known = {name: value for name, value in parts.items() if not np.isnan(value)}
    overall = min(known.values())
    poor = [name for name, value in known.items() if value < POOR]
    sentence = (
        f"Poor {' and '.join(poor)}: photograph the field again if you can."
        if poor
        else "Focus, exposure and contrast are sufficient."
    )
    return Quality(focus, exposure, contrast, overall, sentence)


def _between(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return float(np.clip((value - low) / (high - low), 0, 1)) if not np.isnan(value) else value
