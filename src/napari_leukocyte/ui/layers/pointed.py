"""The words of napari about the cell under the pointer, in its status bar and its tooltips."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from napari.layers import Labels, Layer

#: Where our readers keep what a file says of itself, in a layer's metadata.
ABOUT, UM_PER_PX = "napari-leukocyte", "um_per_px"


def pixel_um(layer: Layer) -> float | None:
    """Return the side of a layer's pixel, µm, if it is known.

    Parameters
    ----------
    layer : napari.layers.Layer
        Our readers note in its metadata what its file says; else its scale counts, if its units
        are lengths. (Without units, a scale is only where a layer is put.)

    Returns
    -------
    float or None
        The geometric mean, where height and width differ.
    """
    about = layer.metadata.get(ABOUT)
    noted = about.get(UM_PER_PX) if isinstance(about, dict) else None
    if isinstance(noted, int | float) and math.isfinite(noted) and noted > 0:
        return float(noted)
    sides = []
    for unit, size in zip(layer.units[-2:], layer.scale[-2:], strict=True):
        if not unit.is_compatible_with("micrometer"):
            return None
        sides.append(abs(float((float(size) * unit).to("micrometer").magnitude)))
    return math.sqrt(sides[0] * sides[1])


def speak(layer: Labels, said: Callable[[int], str | None]) -> None:
    """Let napari say of a labelled object what a function of its number returns; None: nothing.

    Napari asks from a thread of its own: the function only reads.
    """

    def found(position: Any, **options: Any) -> list[str]:
        number = layer.get_value(position, **options)
        text = said(int(number)) if number else None
        return [] if text is None else [text]

    # Where a future napari does not ask for it, it says what it always said.
    layer._get_properties = found


def hush(layer: Labels) -> None:
    """Let napari say again what it says of any labels layer."""
    vars(layer).pop("_get_properties", None)
