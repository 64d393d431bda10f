"""The layers of a slide: its pyramid, and the zone in which cells are counted, as shapes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Shapes
from numpy.typing import NDArray

from napari_leukocyte.language import tr
from napari_leukocyte.ui.layers.geometry import to_image, transform_of
from napari_leukocyte.ui.layers.pointed import ABOUT

#: In the metadata of the layer: whose zone it is, and with which diameter, px, it was found.
_ZONE_OF, _DIAMETER = "zone_of", "diameter_px"
#: Shapes that enclose nothing.
_LINES = frozenset({"line", "path"})
#: Corners of the polygon that stands for an ellipse.
_CORNERS = 64
#: Width of the lines, of a field's side.
_LINE = 0.03


def slide_layers(viewer: Any) -> list[Image]:
    """Return the layers of a viewer that are slides, as our reader opens them."""
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image) and layer.multiscale and _noted(layer, "path")
    ]


def path_of(slide: Image) -> Path:
    """Return the path of a slide's layer."""
    return Path(str(_noted(slide, "path")))


def zone_layer_of(viewer: Any, slide: Image) -> Shapes | None:
    """Return the layer of a slide's zone."""
    for layer in viewer.layers:
        if isinstance(layer, Shapes) and _noted(layer, _ZONE_OF) == str(path_of(slide)):
            return layer
    return None


def show_zone(
    viewer: Any,
    slide: Image,
    outlines: Sequence[NDArray[np.float64]],
    diameter: float,
    side: int,
) -> Shapes:
    """Show the zone of a slide, for the user to edit.

    Parameters
    ----------
    viewer : napari.Viewer
        That has the slide.
    slide : napari.layers.Image
        The slide.
    outlines : sequence of ndarray
        (N, 2) y and x each, px of the slide; they replace those that were shown.
    diameter : float
        Diameter of a leukocyte, px.
    side : int
        Side of a field, px.
    """
    former = zone_layer_of(viewer, slide)
    if former is not None:
        viewer.layers.remove(former)
    layer = Shapes(
        list(outlines) or None,
        ndim=2,
        shape_type="polygon",
        name=tr("Zone of {name}", name=slide.name),
        edge_color="#009E73",
        face_color="#009E7330",
        edge_width=max(1.0, _LINE * side),
        metadata={ABOUT: {_ZONE_OF: str(path_of(slide)), _DIAMETER: diameter}},
        **transform_of(slide),
    )
    viewer.add_layer(layer)
    viewer.layers.selection.active = layer
    if outlines:
        layer.mode = "direct"
    else:
        layer.mode = "add_polygon"
    return layer


def diameter_of(zone: Shapes) -> float:
    """Return the diameter of a leukocyte, px, with which a zone was found."""
    return float(str(_noted(zone, _DIAMETER)))


def polygons_of(zone: Shapes, slide: Image) -> list[NDArray[np.float64]]:
    """Return what a zone's shapes enclose, (N, 2) y and x each, px of the slide."""
    return [
        to_image(_ellipse(corners) if kind == "ellipse" else corners, zone, slide)
        for corners, kind in zip(zone.data, zone.shape_type, strict=True)
        if kind not in _LINES
    ]


def _ellipse(corners: NDArray[Any]) -> NDArray[np.float64]:
    """Return a polygon in place of an ellipse, of whose frame the corners are known."""
    middle = corners.mean(axis=0)
    right, down = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)[:, np.newaxis]
    return np.asarray(middle + np.cos(angle) * right + np.sin(angle) * down, np.float64)


def _noted(layer: Any, what: str) -> object:
    about = layer.metadata.get(ABOUT)
    return about.get(what) if isinstance(about, dict) else None
