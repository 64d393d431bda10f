"""Layers that only show what a session knows: the ensemble's vote, and where members disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers.geometry import transform_of

MapKind = Literal["probability", "disagreement"]


@dataclass(frozen=True)
class _Style:
    colormap: str
    # A standard deviation of values from 0 to 1 is at most 0.5.
    limits: tuple[float, float]


_STYLES: dict[MapKind, _Style] = {
    "probability": _Style("inferno", (0.0, 1.0)),
    "disagreement": _Style("magma", (0.0, 0.5)),
}


@dataclass(eq=False)
class _Shown:
    session: Session
    kind: MapKind
    # What the map was made of: maps, weights, and the rule of the vote.
    source: tuple[MemberMaps | None, tuple[float, ...] | None, str]


_MAPS: WeakKeyDictionary[Image, _Shown] = WeakKeyDictionary()
#: Maps of other parts of the plugin.
_OTHERS: WeakSet[Image] = WeakSet()


def is_map(layer: Image) -> bool:
    """Whether an image layer shows a map, and so is no photograph to be segmented."""
    return layer in _MAPS or layer in _OTHERS


def note_map(layer: Image) -> None:
    """Note before it is added that an image layer shows a map of another part of the plugin."""
    _OTHERS.add(layer)


def map_layer_of(viewer: Any, session: Session, kind: MapKind) -> Image | None:
    """Return the viewer's layer with a session's map, or None."""
    for layer in viewer.layers:
        shown = _MAPS.get(layer) if isinstance(layer, Image) else None
        if shown is not None and shown.session is session and shown.kind == kind:
            return layer
    return None


def show_map(viewer: Any, session: Session, kind: MapKind, image: Image) -> None:
    """Add the layer with a session's map right over its image, or bring it up to date.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to add it.
    session : Session
        Whose map; nothing happens before its first run.
    kind : {"probability", "disagreement"}
        Which map.
    image : napari.layers.Image
        The session's image.
    """
    layer = map_layer_of(viewer, session, kind)
    source = (session.maps, session.weights, session.params.vote)
    if layer is not None and _MAPS[layer].source == source:
        return
    data = _data(session, kind)
    if data is None:
        return
    if layer is not None:
        layer.data = data
        _MAPS[layer].source = source
        return
    style = _STYLES[kind]
    layer = Image(
        data,
        name=f"{image.name} {kind}",
        colormap=style.colormap,
        contrast_limits=style.limits,
        blending="translucent",
        opacity=0.6,
        **transform_of(image),
    )
    _MAPS[layer] = _Shown(session, kind, source)
    layers = viewer.layers
    active = layers.selection.active
    # Under the labels, which the user paints in and wants to see.
    layers.insert(list(layers).index(image) + 1, layer)
    layers.selection.active = active


def hide_map(viewer: Any, session: Session, kind: MapKind) -> None:
    """Remove the layer with a session's map."""
    layer = map_layer_of(viewer, session, kind)
    if layer is not None:
        viewer.layers.remove(layer)


def hide_maps(viewer: Any, session: Session) -> None:
    """Remove all layers with a session's maps."""
    for kind in _STYLES:
        hide_map(viewer, session, kind)


def update_maps(viewer: Any, session: Session, image: Image) -> None:
    """Bring those of a session's maps up to date that are shown."""
    for kind in _STYLES:
        if map_layer_of(viewer, session, kind) is not None:
            show_map(viewer, session, kind, image)


def _data(session: Session, kind: MapKind) -> NDArray[np.float32] | None:
    if session.maps is None:
        return None
    if kind == "probability":
        return session.probability
    return session.maps.disagreement(session.weights)


_VIEWS: WeakSet[Layer] = WeakSet()


def note_view(layer: Layer) -> None:
    """Note that a layer is a view."""
    _VIEWS.add(layer)


def is_noted_view(layer: Layer) -> bool:
    """Whether a layer was noted as a view."""
    return layer in _VIEWS
