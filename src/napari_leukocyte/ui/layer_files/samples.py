"""Samples of napari's File > Open Sample that may be out of reach: one sentence says so then."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.samples import contributions
from napari_leukocyte.samples.contributions import LayerData


def bccd_sample() -> list[LayerData]:
    """Return whole fields of BCCD; see :func:`napari_leukocyte.samples.contributions.bccd_sample`.

    Returns
    -------
    list of (ndarray, dict, str)
        What makes no layer if they can't be had; the user is told.
    """
    return _or_nothing(contributions.bccd_sample)


def zheng_sample() -> list[LayerData]:
    """Return single cells of Zheng's second set; otherwise like `bccd_sample`."""
    return _or_nothing(contributions.zheng_sample)


def _or_nothing(sample: Callable[[], list[LayerData]]) -> list[LayerData]:
    from napari_leukocyte.ui.jobs import tell

    try:
        return sample()
    except LeukocyteError as error:
        tell(error)
    # Napari prints the traceback of what is raised here, with those of the network's libraries, and
    # raises an error of its own if there is no image. One without channels makes no layer.
    return [(np.zeros((0, 1, 1), np.uint8), {"channel_axis": 0}, "image")]
