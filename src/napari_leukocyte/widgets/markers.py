"""The Points layer whose points part touching cells."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Points
from numpy.typing import NDArray

from napari_leukocyte.session.session import Session
from napari_leukocyte.widgets.geometry import to_image, transform_of
from napari_leukocyte.widgets.links import unwrap

#: Name of the layer.
MARKERS_NAME = "Watershed markers"
#: Size of a point as a part of a leukocyte's diameter.
POINT_SIZE = 0.15

_MARKERS: WeakKeyDictionary[Points, Session] = WeakKeyDictionary()


def marker_layer_of(viewer: Any, session: Session) -> Points | None:
    """Return the viewer's Points layer that holds a session's markers, or None."""
    for layer in viewer.layers:
        if isinstance(layer, Points) and _MARKERS.get(layer) is session:
            return layer
    return None


def ensure_marker_layer(viewer: Any, session: Session, image: Image) -> Points:
    """Return the layer of a session's markers; use a free one of that name, or add one.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to look and add.
    session : Session
        Whose markers.
    image : napari.layers.Image
        Its image: the new layer lies over it.

    Returns
    -------
    napari.layers.Points
        A new one is active and ready to take points.
    """
    layer = marker_layer_of(viewer, session)
    if layer is not None:
        return layer
    for other in viewer.layers:
        if isinstance(other, Points) and other.name == MARKERS_NAME and other not in _MARKERS:
            _MARKERS[other] = session
            return other
    former = session.markers
    diameter = 40.0 if session.maps is None else session.maps.diameter
    layer = Points(
        np.empty((0, 2)) if former is None else former,
        name=MARKERS_NAME,
        size=max(3.0, POINT_SIZE * diameter),
        face_color="yellow",
        border_color="black",
        symbol="cross",
        **transform_of(image),
    )
    _MARKERS[layer] = session
    viewer.add_layer(layer)
    layer.mode = "add"
    return layer


def session_of_markers(layer: Points) -> Session | None:
    """Return the session whose markers a layer holds, or None."""
    return _MARKERS.get(unwrap(layer))


def markers_in(layer: Points, image: Image) -> NDArray[np.float64]:
    """Return the points of a layer in the pixels of an image, (N, 2): y and x."""
    return to_image(layer.data, layer, image)
