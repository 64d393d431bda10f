"""The Points layer whose points part touching cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from napari.layers import Image, Layer, Points
from numpy.typing import NDArray

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers.geometry import from_image, to_image, transform_of
from napari_leukocyte.ui.layers.links import image_layer_of
from napari_leukocyte.ui.undo import bind_undo

#: Name of the layer.
MARKERS_NAME = "Watershed markers"
#: Size of a point as a part of a leukocyte's diameter.
POINT_SIZE = 0.15

_MARKERS: WeakKeyDictionary[Points, Session] = WeakKeyDictionary()


def is_markers(layer: Layer) -> bool:
    """Whether a layer holds the markers of a session."""
    return isinstance(layer, Points) and layer in _MARKERS


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
            bind_undo(other, session)
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
    bind_undo(layer, session)
    viewer.add_layer(layer)
    layer.mode = "add"
    return layer


class MarkerWatch:
    """Tells about every change of the markers that it was asked for, and shows what undo brings.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    on_change : callable
        Called with a session and its markers, (N, 2) y and x in the pixels of its image.
    """

    def __init__(
        self, viewer: Any, on_change: Callable[[Session, NDArray[np.float64]], None]
    ) -> None:
        self._viewer = viewer
        self._on_change = on_change
        self._layers: WeakSet[Points] = WeakSet()
        # What was told of and has not arrived in the session yet: the layer is ahead of it.
        self._told: WeakKeyDictionary[Points, NDArray[np.float64]] = WeakKeyDictionary()
        self._busy = False

    def markers(self, session: Session, image: Image) -> NDArray[np.float64]:
        """Return a session's markers, and watch them from now on."""
        layer = ensure_marker_layer(self._viewer, session, image)
        if layer not in self._layers:
            self._layers.add(layer)
            layer.events.data.connect(self._on_data)
            session.labels_changed.connect(self._on_session)
        markers = to_image(layer.data, layer, image)
        self._told[layer] = markers
        return markers

    def release(self) -> None:
        """Watch no longer."""
        for layer in self._layers:
            layer.events.data.disconnect(self._on_data)
            session = _MARKERS.get(layer)
            if session is not None:
                session.labels_changed.disconnect(self._on_session, missing_ok=True)

    def _on_data(self, event: Any) -> None:
        layer = event.source
        session = _MARKERS.get(layer)
        image = None if session is None else image_layer_of(self._viewer, session)
        if session is not None and image is not None and not self._busy:
            markers = to_image(layer.data, layer, image)
            self._told[layer] = markers
            self._on_change(session, markers)

    def _on_session(self) -> None:
        for layer in list(self._layers):
            session = _MARKERS.get(layer)
            markers = None if session is None else session.markers
            image = None if session is None else image_layer_of(self._viewer, session)
            if session is None or markers is None or image is None:
                continue
            told = self._told.get(layer)
            if told is not None:
                if _same(told, markers):
                    del self._told[layer]
            elif not _same(markers, to_image(layer.data, layer, image)):
                self._busy = True
                try:
                    layer.data = from_image(markers, image, layer)
                finally:
                    self._busy = False


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    # The way to the layer and back rounds.
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=0, atol=1e-6))
