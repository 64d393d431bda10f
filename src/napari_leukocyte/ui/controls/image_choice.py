"""Lists of the layers of a viewer that follow the work: an image, or an image and its labels."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from magicgui.widgets import ComboBox
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QComboBox

from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.controls.inputs import choice_box, fit_into_dock
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.links import image_layer_of, session_of_labels, unwrap
from napari_leukocyte.ui.layers.map_layers import is_map
from napari_leukocyte.ui.signals import Signal


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
        self._added: weakref.ref[Layer] | None = None
        self.box = choice_box({})
        self.box.setToolTip(tr("The photograph, RGB or grey. A click on a layer chooses it too."))
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
        if getattr(event, "type", "") == "inserted":
            self._added = weakref.ref(event.value)
        images = [
            layer for layer in self._viewer.layers if isinstance(layer, Image) and not is_map(layer)
        ]
        self._layers = [weakref.ref(layer) for layer in images]
        blocked = self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems([layer.name for layer in images])
        chosen = former if former in images else self._first_choice(images)
        self.box.setCurrentIndex(-1 if chosen is None else images.index(chosen))
        self.box.blockSignals(blocked)
        self._take(chosen)

    def _first_choice(self, images: Sequence[Image]) -> Image | None:
        """Return what is chosen before the user chooses: what is in sight."""
        active = self._active_image()
        order = [*images, *([active] if active in images else [])]
        # The first of several that are alike: what the user is at, then the topmost.
        return max(reversed(order), key=lambda image: image.visible, default=None)

    def _on_index(self, index: int) -> None:
        self._take(self._layers[index]() if 0 <= index < len(self._layers) else None)

    def _take(self, layer: Image | None) -> None:
        if layer is not self.layer() or layer is None:
            self._chosen = None if layer is None else weakref.ref(layer)
            self.changed.emit()

    def _follow(self, event: Any = None) -> None:
        active = self._active_image()
        if active is None:
            return
        # Napari makes each of several that are opened the active one, also those out of sight.
        added: Layer | None = None if self._added is None else self._added()
        if active.visible or active is not added:
            self._added = None
            self.choose(active)

    def _active_image(self) -> Image | None:
        """Return the image that the active layer is, or whose labels it shows."""
        active = unwrap(self._viewer.layers.selection.active)
        if isinstance(active, Labels):
            session = session_of_labels(self._viewer, active)
            active = None if session is None else image_layer_of(self._viewer, session)
        return active if isinstance(active, Image) else None


class SessionChoice(QObject):
    """A list of labels beside one of images: an image brings its labels along, and they it.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    image : ImageChoice
        The list of images; who made it releases it.
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    labels_box : QComboBox
        The list of labels.
    """

    #: Emitted when other layers are chosen, or any layer has come, gone or got another name.
    changed = Signal()

    def __init__(self, viewer: Any, image: ImageChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._image = viewer, image
        self._labels = ComboBox(choices=self._labels_layers)
        self.labels_box: QComboBox = self._labels.native
        self.labels_box.setToolTip(
            tr("The cells: labels of “Segment leukocytes”, or a layer of your own.")
        )
        fit_into_dock(self.labels_box)
        events = viewer.layers.events
        self._emitters = (events.inserted, events.removed, events.reordered, events.renamed)
        for emitter in self._emitters:
            emitter.connect(self._list_layers)
        viewer.layers.selection.events.active.connect(self._on_active)
        self._image.changed.connect(self._choose_labels)
        self._labels.changed.connect(self._choose_image)
        self._labels.reset_choices()
        self._choose_labels()

    def release(self) -> None:
        """Let go of the viewer."""
        for emitter in self._emitters:
            emitter.disconnect(self._list_layers)
        self._viewer.layers.selection.events.active.disconnect(self._on_active)

    @property
    def image(self) -> Image | None:
        """The chosen image layer."""
        return self._image.layer()

    @property
    def labels(self) -> Labels | None:
        """The chosen labels layer."""
        chosen: Labels | None = self._labels.value
        return chosen

    @property
    def session(self) -> Session | None:
        """The session that both layers belong to; None if they have not been brought together."""
        image, labels = self.image, self.labels
        if image is None or labels is None:
            return None
        session = links.session_of_labels(self._viewer, labels)
        return session if session is links.existing_session(image) else None

    def _labels_layers(self, _: Any) -> list[Labels]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Labels)]

    def _list_layers(self, event: Any = None) -> None:
        self._labels.reset_choices()
        self.changed.emit()

    def _on_active(self, event: Any = None) -> None:
        """Choose the labels layer that the user goes to."""
        active = self._viewer.layers.selection.active
        if isinstance(active, Labels):
            self._labels.value = active

    def _choose_labels(self, event: Any = None) -> None:
        image = self.image
        session = None if image is None else links.existing_session(image)
        labels = None if session is None else links.labels_layer_of(self._viewer, session)
        if labels is not None:
            self._labels.value = labels
        self.changed.emit()

    def _choose_image(self, event: Any = None) -> None:
        labels = self.labels
        session = None if labels is None else links.session_of_labels(self._viewer, labels)
        image = None if session is None else links.image_layer_of(self._viewer, session)
        if image is not None:
            self._image.choose(image)
        self.changed.emit()
