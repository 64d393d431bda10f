"""The layer that shows an image in standardised colours."""

from __future__ import annotations

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_leukocyte.ui.layers.geometry import transform_of
from napari_leukocyte.ui.layers.over_image import OverImage


class Preview(OverImage):
    """At most one preview in a viewer, right above its image."""

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
        selection = self._viewer.layers.selection
        active = selection.active
        self._put(layer, image)
        if active is not None:
            selection.active = active
