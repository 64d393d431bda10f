"""An image and the labels of its cells, chosen together."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QWidget

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.controls.layer_choice import ImageChoice
from napari_leukocyte.ui.controls.sliders import fit_into_dock
from napari_leukocyte.ui.layers import links


class SessionChoice(QObject):
    """Two lists of layers. An image brings its labels along, labels bring their image.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    image_box, labels_box : QWidget
        The lists.
    """

    #: Emitted when other layers are chosen, or any layer has come, gone or got another name.
    changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._image = ImageChoice(viewer, self)
        self.image_box: QWidget = self._image.box
        self.image_box.setToolTip("The photograph. A click on a layer chooses it too.")
        self._labels = ComboBox(choices=self._labels_layers)
        self.labels_box: QComboBox = self._labels.native
        self.labels_box.setToolTip(
            "The cells: labels of “Segment leukocytes”, or a layer of your own."
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
        self._image.release()

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
