"""Check boxes that show a session's maps as layers."""

from __future__ import annotations

from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers.map_layers import (
    MapKind,
    hide_map,
    map_layer_of,
    show_map,
    update_maps,
)

_HELP: dict[MapKind, str] = {
    "probability": "Show the ensemble's probability of a leukocyte as a layer.",
    "disagreement": "Show as a layer where the members of the ensemble disagree (the standard "
    "deviation of their probabilities, 0 to 0.5): there it is worth looking twice.",
}


class MapBoxes(QWidget):
    """One check box for each map.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are shown.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    boxes : dict
        The check boxes, by kind of map.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._session: Session | None = None
        self._image: Image | None = None
        self.boxes: dict[MapKind, QCheckBox] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for kind, text in _HELP.items():
            box = QCheckBox(kind.capitalize())
            box.setToolTip(f"<p>{text}</p>")
            box.toggled.connect(lambda on, k=kind: self._toggle(k, bool(on)))
            layout.addWidget(box)
            self.boxes[kind] = box
        layout.addStretch(1)
        self.follow(None, None)

    def follow(self, session: Session | None, image: Image | None) -> None:
        """Stand for the maps of a session, which lie over its image layer."""
        self._session, self._image = session, image
        self.refresh()

    def refresh(self) -> None:
        """Bring layers and check boxes up to date."""
        session, image = self._session, self._image
        if session is not None and image is not None:
            update_maps(self._viewer, session, image)
        maps = None if session is None else session.maps
        for kind, box in self.boxes.items():
            layer = None if session is None else map_layer_of(self._viewer, session, kind)
            blocked = box.blockSignals(True)
            box.setChecked(layer is not None)
            box.blockSignals(blocked)
            # One member has nobody to disagree with.
            box.setEnabled(maps is not None and (kind == "probability" or len(maps.names) > 1))

    def _toggle(self, kind: MapKind, on: bool) -> None:
        if self._session is None or self._image is None:
            return
        if on:
            show_map(self._viewer, self._session, kind, self._image)
        else:
            hide_map(self._viewer, self._session, kind)
