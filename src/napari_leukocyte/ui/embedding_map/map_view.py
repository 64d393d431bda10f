"""Which part of the map is in sight."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: Space around all cells, px.
_MARGIN = 18.0
#: How far one may zoom in and out, over the scale at which all cells are in sight.
_LARGEST, _SMALLEST = 200.0, 0.25


@dataclass(frozen=True, eq=False)
class MapView:
    """How places on the map become places in the widget.

    Attributes
    ----------
    width, height : float
        Of the widget, px.
    centre : ndarray
        (2,): what is in its middle.
    scale : float
        px for one unit of the map.
    whole : float
        The scale at which all is in sight.
    """

    width: float
    height: float
    centre: NDArray[np.float64]
    scale: float
    whole: float

    def to_screen(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N, 2) px of (N, 2) places."""
        middle = np.array([self.width, self.height]) / 2
        return np.asarray((places - self.centre) * self.scale + middle)

    def to_map(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N, 2) places of (N, 2) px."""
        middle = np.array([self.width, self.height]) / 2
        return np.asarray((points - middle) / self.scale + self.centre)

    def moved(self, x: float, y: float) -> MapView:
        """Return it with everything moved by so many px."""
        return replace(self, centre=self.centre - np.array([x, y]) / self.scale)

    def zoomed(self, factor: float, x: float, y: float) -> MapView:
        """Return it magnified; what is at a point, px, stays there."""
        scale = float(np.clip(self.scale * factor, _SMALLEST * self.whole, _LARGEST * self.whole))
        here = np.array([x, y])
        middle = np.array([self.width, self.height]) / 2
        under = self.to_map(here[np.newaxis])[0]
        return replace(self, scale=scale, centre=under - (here - middle) / scale)

    def resized(self, width: float, height: float) -> MapView:
        """Return it for a widget of another size, with the same in its middle."""
        return replace(self, width=width, height=height)


def fit(places: NDArray[np.float64], width: float, height: float) -> MapView:
    """Return the view in which all (N, 2) places are in sight."""
    low = places.min(axis=0) if len(places) else np.zeros(2)
    high = places.max(axis=0) if len(places) else np.zeros(2)
    room = np.maximum(np.array([width, height]) - 2 * _MARGIN, 1.0)
    span = high - low
    # Of one cell, or copies, any scale shows all.
    scales = [r / s for r, s in zip(room.tolist(), span.tolist(), strict=True) if s > 1e-12]
    scale = min(scales, default=1.0)
    return MapView(width, height, np.asarray((low + high) / 2, np.float64), scale, scale)
