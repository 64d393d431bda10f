"""The layer that shows an image in standardised colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_leukocyte.widgets.layers.geometry import transform_of
from napari_leukocyte.widgets.layers.map_layers import note_map


class Preview:
    """At most one preview in a viewer, right above its image.

    Parameters
    ----------
    viewer : napari.Viewer
        In which.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Image | None = None

    @property
    def layer(self) -> Image | None:
        """The layer, if it is in the viewer."""
        layer = self._layer
        return layer if layer is not None and layer in self._viewer.layers else None

    def show(self, image: Image, rgb: NDArray[np.uint8], how: str) -> None:
        """Show an image's standardised colours.

        Parameters
        ----------
        image : napari.layers.Image
            Whose they are.
        rgb : ndarray
            (H, W, 3) uint8.
        how : str
            The method, for the layer's name.
        """
        self.hide()
        layer = Image(rgb, name=f"{image.name} preview ({how})", **transform_of(image))
        note_map(layer)
        active = self._viewer.layers.selection.active
        self._viewer.layers.insert(self._viewer.layers.index(image) + 1, layer)
        if active is not None:
            self._viewer.layers.selection.active = active
        self._layer = layer

    def hide(self) -> None:
        """Remove the layer."""
        layer = self.layer
        self._layer = None
        if layer is not None:
            self._viewer.layers.remove(layer)
