"""From the image to the gallery and back: clicks on cells, and going to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Points, Shapes

from napari_leukocyte.gallery.cells import Place
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.clicks import Press
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.tools.commands import object_under
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of

#: A cell that would be smaller than this on the screen, px, is brought to it.
SEEN_PX = 90.0


class ClickToSelect:
    """Selects the cell of a session that is clicked on its image or labels.

    Only where a click does nothing else: with napari's pan/zoom mode and no mask tool in hand.
    Shift adds a cell or takes it away; Ctrl is the mask tools', and deletes. Of several for one
    session the first one acts.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose mouse.
    session : callable
        Returns whose cells, or None.
    """

    def __init__(self, viewer: Any, session: Callable[[], Session | None]) -> None:
        self._viewer = viewer
        self._session = session
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def release(self) -> None:
        """Let go of the viewer."""
        if self._on_drag in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_drag)

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        session = self._session()
        if session is None or not Press.begins(viewer, event) or not self._listens(session):
            return
        if "Control" in event.modifiers:
            return
        if not self._is_first(session):
            return
        press, adds = Press(event), "Shift" in event.modifiers
        yield from press.until_released()
        if press.moved:
            return
        image = links.image_layer_of(self._viewer, session)
        if image is None:
            return
        place = np.asarray(image.world_to_data(event.position), np.float64)
        label = object_under(session.labels, (float(place[-2]), float(place[-1])))
        if adds:
            if label:
                session.select(session.selection ^ {label})
        elif label and session.selection == {label}:
            # A gallery may have been scrolled away from it.
            session.selection_changed.emit()
        else:
            session.select([label] if label else [])

    def _is_first(self, session: Session) -> bool:
        """Whether no other widget's acts on the same session: two would take back what one adds."""
        owners = [getattr(c, "__self__", None) for c in self._viewer.mouse_drag_callbacks]
        others = (o for o in owners if isinstance(o, ClickToSelect) and o._session() is session)
        return next(others, self) is self

    def _listens(self, session: Session) -> bool:
        viewer = self._viewer
        layer = links.unwrap(viewer.layers.selection.active)
        if mask_tools_of(viewer).in_hand is not None:
            return False
        if getattr(layer, "mode", None) != "pan_zoom":
            return False
        if isinstance(layer, Image):
            return links.existing_session(layer) is session
        if isinstance(layer, Labels):
            return links.session_of_labels(viewer, layer) is session
        view = objects_view_of(viewer, session)
        return isinstance(layer, (Points, Shapes)) and view is not None and view.layer is layer


def show_place(viewer: Any, image: Image, place: Place) -> None:
    """Bring a cell to the middle of the window, and near enough to be seen.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose camera moves.
    image : napari.layers.Image
        On which the cell is.
    place : Place
        Where it is.
    """
    point = np.zeros(image.ndim)
    point[-2:] = place.y, place.x
    beside = point.copy()
    beside[-1] += max(place.y1 - place.y0, place.x1 - place.x0)
    world = np.asarray(image.data_to_world(point), np.float64)
    size = float(np.linalg.norm(np.asarray(image.data_to_world(beside)) - world))
    camera = viewer.scene.camera
    center = list(camera.center)
    center[-2:] = world[-2:].tolist()
    camera.center = tuple(center)
    if size > 0 and camera.zoom * size < SEEN_PX:
        camera.zoom = SEEN_PX / size
