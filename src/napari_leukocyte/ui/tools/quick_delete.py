"""Delete a cell with one gesture: Ctrl+click on it, whatever tool is in hand."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Points

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.clicks import Press
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.tools import commands
from napari_leukocyte.ui.tools.kinds import DELETE

#: How what was deleted comes back, behind what was done.
_BACK = "Ctrl+Z brings it back."


class DeleteOnClick:
    """Deletes the cell on which a click with Ctrl held ends where it began.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose mouse; not kept alive.
    pause : callable
        Called with whether the layer's mode is changed for the length of a click.
    """

    def __init__(self, viewer: Any, pause: Callable[[bool], None]) -> None:
        self._viewer_ref = weakref.ref(viewer)
        self._pause = pause
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Follow the mouse from press to release; napari moves on what this yields to."""
        viewer = self._viewer_ref()
        if "Control" not in event.modifiers or not Press.begins(viewer, event):
            return
        layer = links.unwrap(viewer.layers.selection.active)
        session = None if layer is None else session_shown_by(viewer, layer)
        number = 0 if session is None else cell_at(layer, session, event.position)
        if session is None or not number:
            return
        press = Press(event)
        mode = str(layer.mode)
        # The brush would leave a blot, before it is known whether this is a click.
        holds = isinstance(layer, (Labels, Points)) and mode != "pan_zoom"
        if holds:
            self._set_mode(layer, "pan_zoom")
        yield from press.until_released()
        if holds:
            self._set_mode(layer, mode)
        if not press.moved:
            delete_cell(viewer, session, number)

    def _set_mode(self, layer: Any, mode: str) -> None:
        self._pause(True)
        try:
            layer.mode = mode
        finally:
            self._pause(False)


def delete_cell(viewer: Any, session: Session, number: int) -> None:
    """Delete a cell, and say so in the status bar, with what brings it back."""
    try:
        viewer.status = f"{tr(commands.use_on(DELETE, session, [number]))}. {tr(_BACK)}"
    except LeukocyteError as error:
        tell(error)


def cell_under_pointer(viewer: Any, layer: Layer, session: Session) -> int:
    """Return the number of the cell that the pointer is on, or 0."""
    if viewer.dims.ndisplay != 2 or not viewer.mouse_over_canvas:
        return 0
    return cell_at(layer, session, viewer.cursor.position)


def cell_at(layer: Layer, session: Session, position: Any) -> int:
    """Return the number of the cell at a place of the world, or 0; the layer lies on its image."""
    y, x = np.asarray(layer.world_to_data(position), np.float64)[-2:].tolist()
    return commands.object_under(session.labels, (y, x))


def session_shown_by(viewer: Any, layer: Layer) -> Session | None:
    """Return the session whose image, labels or objects a layer shows, or None."""
    if isinstance(layer, Image):
        return links.existing_session(layer)
    if isinstance(layer, Labels):
        return links.session_of_labels(viewer, layer)
    for image in viewer.layers:
        session = links.existing_session(image) if isinstance(image, Image) else None
        view = None if session is None else objects_view_of(viewer, session)
        if view is not None and view.layer is layer:
            return session
    return None
