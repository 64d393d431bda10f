"""Layers that only show what a session knows, where nothing else tells them from the user's own."""

from __future__ import annotations

from weakref import WeakSet

from napari.layers import Layer

_VIEWS: WeakSet[Layer] = WeakSet()


def note_view(layer: Layer) -> None:
    """Note that a layer is a view."""
    _VIEWS.add(layer)


def is_noted_view(layer: Layer) -> bool:
    """Whether a layer was noted as a view."""
    return layer in _VIEWS
