"""An analysis as arrays with named axes, for xarray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    import xarray as xr

    from napari_leukocyte.analysis.pipeline import Analysis


class NoXarrayError(LeukocyteError):
    """The package xarray is not installed."""


def as_dataset(found: Analysis) -> xr.Dataset:
    """Return the arrays of an analysis; see :meth:`.pipeline.Analysis.to_xarray`.

    Raises
    ------
    NoXarrayError
        If xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise NoXarrayError(
            'This needs the package xarray: pip install "napari-leukocyte[xarray]".'
        ) from error
    maps, (height, width) = found.maps, found.labels.shape
    return xr.Dataset(
        {
            "image": (("y", "x", "channel"), found.rgb),
            "cell": (("member", "y", "x"), maps.cell),
            "nucleus": (("member", "y", "x"), maps.nucleus),
            "labels": (("y", "x"), found.labels),
            "candidates": (("y", "x"), found.candidates),
        },
        coords={
            "y": ("y", np.arange(height), {"units": "px"}),
            "x": ("x", np.arange(width), {"units": "px"}),
            "channel": ["red", "green", "blue"],
            "member": list(maps.names),
            "weight": ("member", np.array(maps.weights)),
        },
        attrs={
            "model": maps.model,
            "diameter_px": maps.diameter,
            "notes": list(found.notes),
            "disclaimer": DISCLAIMER,
        },
    )
