"""The diameter of a leukocyte in an image, from what the finder sees in coarse copies of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.progress import Progress
from napari_leukocyte.segmentation.erythrocytes import LEAST_LEUKOCYTE, erythrocyte_diameter
from napari_leukocyte.segmentation.finder import (
    SIDES,
    SURE,
    FinderNetwork,
    find_candidates,
    run_finder,
    typical_diameter,
)

#: Diameter, px, that is assumed where nothing is found, if the image is not smaller: a tenth of
#: the smaller side, or the size at which the shipped networks see cells.
ASSUMED_PX, ASSUMED_PART = 64.0, 0.1
#: Diameter of a leukocyte in parts of an erythrocyte's, where only those are seen: the median of 243
#: boxes of Bio-Net is 1.9, of 236 of BCCD 1.9.
OF_ERYTHROCYTE = 1.9
#: A size below this, px, is believed of no fewer than so many sure candidates. One or two that
#: small are platelets rather, and a field enlarged for them takes the networks a minute.
SMALL_PX, FEWEST_SMALL = 32.0, 3


@dataclass(frozen=True)
class Diameter:
    """A leukocyte's diameter.

    Attributes
    ----------
    px : float
        Diameter, px.
    notes : tuple of str
        What a user should know about it.
    """

    px: float
    notes: tuple[str, ...] = field(default=())


def estimate_diameter(
    rgb: NDArray[np.uint8], progress: Progress, network: FinderNetwork = run_finder
) -> Diameter:
    """Estimate the diameter of a leukocyte.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, all of it image (see :mod:`napari_leukocyte.segmentation.frame`).
    progress : callable
        Called after each coarse copy; it may raise :class:`~napari_leukocyte.errors.Cancelled`.
    network : callable
        The finder.

    Returns
    -------
    Diameter
        If no leukocyte is found for sure, that of the likeliest candidate; without any, or where it
        is as small as a platelet, `OF_ERYTHROCYTE` times that of the erythrocytes; where there are
        none either, a tenth of the image's smaller side or 64 px, whichever is larger. A note says
        so.
    """
    what = "Estimating the diameter of a leukocyte"
    progress(0, len(SIDES), what)
    candidates = find_candidates(
        rgb, network, after_copy=lambda number: progress(number, len(SIDES), what)
    )
    erythrocyte = erythrocyte_diameter(rgb)
    if erythrocyte is not None:
        # What is much smaller than the erythrocytes beside it is a platelet.
        candidates = [c for c in candidates if c.diameter >= LEAST_LEUKOCYTE * erythrocyte]
    typical = typical_diameter(candidates)
    sure = sum(c.score >= SURE for c in candidates)
    if typical is not None and (typical >= SMALL_PX or sure >= FEWEST_SMALL):
        return Diameter(round(typical, 1))
    assumed = max(ASSUMED_PX, ASSUMED_PART * min(rgb.shape[:2]))
    if erythrocyte is not None:
        assumed = OF_ERYTHROCYTE * erythrocyte
    if candidates and candidates[0].diameter >= SMALL_PX:
        assumed = candidates[0].diameter
    return Diameter(
        round(assumed, 1),
        (
            f"No leukocyte was seen for sure to estimate the diameter from; {assumed:.0f} px were "
            "assumed: set the diameter if there are leukocytes.",
        ),
    )
