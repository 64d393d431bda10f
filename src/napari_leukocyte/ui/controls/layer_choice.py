"""A drop-down list of a viewer's photographs that follows what the user works on."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_leukocyte.ui.controls.sliders import choice_box
from napari_leukocyte.ui.layers.links import image_layer_of, session_of_labels, unwrap
from napari_leukocyte.ui.layers.map_layers import is_map


class ImageChoice(QObject):
    """Chooses one of the viewer's image layers.

    An image, or the labels of one, that becomes the active layer is chosen by that.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    box : QComboBox
        The list.
    """

    #: Emitted when another layer, or none, is chosen.
    changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        # Not as the list's data, which would keep deleted layers alive.
        self._layers: list[weakref.ref[Image]] = []
        self._chosen: weakref.ref[Image] | None = None
        self.box = choice_box({})
        self.box.currentIndexChanged.connect(self._on_index)
        layers = viewer.layers
        layers.events.inserted.connect(self.refresh)
        layers.events.removed.connect(self.refresh)
        layers.events.reordered.connect(self.refresh)
        layers.events.renamed.connect(self.refresh)
        layers.selection.events.active.connect(self._follow)
        self.refresh()

    def release(self) -> None:
        """Let go of the viewer."""
        events = self._viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered, events.renamed):
            emitter.disconnect(self.refresh)
        self._viewer.layers.selection.events.active.disconnect(self._follow)

    def layer(self) -> Image | None:
        """Return the chosen layer."""
        return None if self._chosen is None else self._chosen()

    def choose(self, layer: Image) -> None:
        """Choose a layer of the viewer."""
        known = [ref() for ref in self._layers]
        layer = unwrap(layer)
        if layer in known:
            self.box.setCurrentIndex(known.index(layer))

    def refresh(self, event: Any = None) -> None:
        """List the layers again; the choice stays if it can."""
        former = self.layer()
        images = [
            layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_map(layer)
        ]
        self._layers = [weakref.ref(layer) for layer in images]
        blocked = self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems([layer.name for layer in images])
        chosen = former if former in images else (images[-1] if images else None)
        self.box.setCurrentIndex(-1 if chosen is None else images.index(chosen))
        self.box.blockSignals(blocked)
        self._take(chosen)

    def _on_index(self, index: int) -> None:
        self._take(self._layers[index]() if 0 <= index < len(self._layers) else None)

    def _take(self, layer: Image | None) -> None:
        if layer is not self.layer() or layer is None:
            self._chosen = None if layer is None else weakref.ref(layer)
            self.changed.emit()

    def _follow(self, event: Any = None) -> None:
        active = unwrap(self._viewer.layers.selection.active)
        if isinstance(active, Labels):
            session = session_of_labels(self._viewer, active)
            active = None if session is None else image_layer_of(self._viewer, session)
        if isinstance(active, Image):
            self.choose(active)
