"""The image layer with the map of the cell that is being explained."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_leukocyte.interpretation.findings import Findings
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


# Blue speaks against the class, vermilion for it (both Okabe and Ito's); what says nothing is
# clear, so that the cell shows.
_COLORMAP = Colormap(
    [
        [0.0, 0.28, 0.62, 1.0],
        [0.0, 0.45, 0.70, 0.75],
        [0.5, 0.5, 0.5, 0.0],
        [0.90, 0.45, 0.05, 0.75],
        [0.84, 0.25, 0.0, 1.0],
    ],
    name="for and against",
    display_name="for and against",
    controls=[0.0, 0.25, 0.5, 0.75, 1.0],
)


class MapLayer(OverImage):
    """Shows one map at a time over the cell that it is about."""

    def show(self, image: Image, findings: Findings, opacity: float) -> None:
        """Show the map of a cell.

        Parameters
        ----------
        image : napari.layers.Image
            On which the cell is.
        findings : Findings
            Of the cell.
        opacity : float
            0 to 1.
        """
        crops = findings.crops
        values = crops.on_image(findings.explanation.map)
        limit = max(float(np.abs(values).max()), 1e-6)
        affine = _affine(image, crops.y0, crops.x0)
        name = f"{image.name} why {findings.label}"
        layer = self.layer
        if layer is not None and layer.units != image.units[-2:]:
            self.hide()
            layer = None
        if layer is not None:
            # Both in one go, or a frame would show the new map in the old place.
            with layer.events.blocker_all():
                layer.data = values
                layer.affine = affine
                layer.contrast_limits_range = (-limit, limit)
                layer.contrast_limits = (-limit, limit)
            layer.opacity = opacity
            layer.name = name
            self._to_place(image)
            layer.events.affine()
            layer.events.contrast_limits()
            layer.refresh()
            return
        layer = Image(
            values,
            name=name,
            colormap=_COLORMAP,
            contrast_limits=(-limit, limit),
            blending="translucent",
            interpolation2d="linear",
            opacity=opacity,
            affine=affine,
            units=image.units[-2:],
        )
        selection = self._viewer.layers.selection
        active = selection.active
        self._put(layer, image)
        selection.active = active

    def set_opacity(self, opacity: float) -> None:
        """Make the map more or less opaque."""
        if self.layer is not None:
            self.layer.opacity = opacity

    def _to_place(self, image: Image) -> None:
        """Move the layer right over an image, if it lies below it."""
        layers = self._viewer.layers
        order = list(layers)
        if self._layer is not None and order.index(self._layer) < order.index(image):
            layers.move(order.index(self._layer), order.index(image) + 1)


def _affine(image: Image, y0: int, x0: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the transform that puts a map's first pixel on the pixel (y0, x0) of an image."""

    def world(y: float, x: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        point = np.zeros(image.ndim)
        point[-2:] = y, x
        return np.asarray(image.data_to_world(point), np.float64)[-2:]

    origin = world(y0, x0)
    matrix = np.eye(3)
    matrix[:2, 0] = world(y0 + 1, x0) - origin
    matrix[:2, 1] = world(y0, x0 + 1) - origin
    matrix[:2, 2] = origin
    return matrix
