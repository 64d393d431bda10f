"""Brush and eraser in hand: napari's own modes of the labels layer, held like the other tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Labels

from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.key_bindings import bind_action, unbind
from napari_leukocyte.ui.tools.kinds import STOP, Tool, leave


class PaintingInHand:
    """Holds a labels layer in the mode of a tool until the tool is put down.

    The brush paints with the layer's number, which follows the session's selection. The eraser
    takes pixels from the selected cell alone, so that it does not gnaw at a neighbour.

    Parameters
    ----------
    tool : Tool
        The brush or the eraser.
    viewer : napari.Viewer
        In which the layer is.
    layer : napari.layers.Labels
        Shows the session's labels; becomes the active layer.
    session : Session
        Is changed by each stroke.
    on_leave : callable
        Called when the user puts the tool down; with whether that was by the key Escape.

    Attributes
    ----------
    paused : bool
        Whether another mode of the layer is no reason to put the tool down just now.
    """

    def __init__(
        self,
        tool: Tool,
        viewer: Any,
        layer: Labels,
        session: Session,
        on_leave: Callable[[bool], None],
    ) -> None:
        self.tool, self.layer, self.session = tool, layer, session
        self.paused = False
        self._viewer = viewer
        self._on_leave = on_leave
        self._kept = layer.preserve_labels
        layer.visible = True
        viewer.layers.selection.active = layer
        layer.mode = tool.gesture
        layer.help = f"{tr(tool.title)}: {tr(tool.hint)} {leave()}"
        self._on_selection()
        self._stop_keys = bind_action(layer, STOP, self._on_escape)
        layer.events.mode.connect(self._on_other)
        viewer.layers.selection.events.active.connect(self._on_other)
        session.selection_changed.connect(self._on_selection)

    def put_down(self) -> None:
        """Let go of the layer; if it is in the tool's mode still, it is in none afterwards."""
        layer = self.layer
        unbind(layer, self._stop_keys)
        layer.events.mode.disconnect(self._on_other)
        self._viewer.layers.selection.events.active.disconnect(self._on_other)
        self.session.selection_changed.disconnect(self._on_selection, missing_ok=True)
        layer.preserve_labels = self._kept
        if layer.mode == self.tool.gesture:
            layer.mode = "pan_zoom"

    def _on_selection(self) -> None:
        erases = self.tool.gesture == "erase"
        self.layer.preserve_labels = bool(self.session.selection) if erases else self._kept

    def _on_escape(self, layer: Labels) -> None:
        self._on_leave(True)

    def _on_other(self, event: Any = None) -> None:
        """Another tool of napari's, or another layer, has been chosen."""
        if self.paused:
            return
        other = self._viewer.layers.selection.active is not self.layer
        if other or self.layer.mode != self.tool.gesture:
            self._on_leave(False)
