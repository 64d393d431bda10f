"""One layer of this plugin's own right above an image: at most one."""

from __future__ import annotations

from typing import Any

from napari.layers import Image

from napari_leukocyte.ui.layers.map_layers import note_map


class OverImage:
    """Shows at most one layer at a time.

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

    def hide(self) -> None:
        """Take the layer away."""
        layer = self.layer
        self._layer = None
        if layer is not None:
            self._viewer.layers.remove(layer)

    def _put(self, layer: Image, image: Image) -> None:
        """Add a layer right above an image; it is no photograph to be worked on."""
        note_map(layer)
        self._layer = layer
        layers = self._viewer.layers
        layers.insert(layers.index(image) + 1, layer)
