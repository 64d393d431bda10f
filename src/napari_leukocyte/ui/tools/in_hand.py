"""A tool in hand: what the mouse does on a labels layer until the tool is put down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import ArrayLike

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.keys import bind_action, unbind
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.clicks import Press
from napari_leukocyte.ui.tools import commands
from napari_leukocyte.ui.tools.kinds import SPLIT, STOP, Tool, leave

#: Colours (RGBA, 0 to 1) and widths, px, of the line's rim and core: seen on any stain.
_RIM, _CORE = ((0.0, 0.0, 0.0, 0.7), 5.0), ((1.0, 0.95, 0.2, 1.0), 2.0)
# Above everything else in the scene.
_ORDER = 1_000_000


class LinePreview:
    """Draws lines and points over a layer, in the layer's own coordinates.

    It is drawn by vispy below the layer's node, since a layer of its own would come and go in the
    list of layers with every gesture. Napari offers no public way there; where it isn't found,
    there is no preview, and the tools work without.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is shown.
    layer : napari.layers.Labels
        The layer.
    """

    def __init__(self, viewer: Any, layer: Labels) -> None:
        try:
            self._node: Any = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        except (AttributeError, KeyError):
            self._node = None
        self._visuals: list[Any] = []

    @property
    def shown(self) -> bool:
        """Whether anything is drawn."""
        return bool(self._visuals)

    def show(self, points: ArrayLike, *, line: bool) -> None:
        """Draw points, (N, 2) y and x in px, and the line through them if there is to be one."""
        self.clear()
        if self._node is None:
            return
        from vispy.scene.visuals import Line, Markers

        # Vispy's x first; its pixels begin at 0, napari's have their centres there.
        positions = np.asarray(points, np.float32)[:, ::-1] + np.float32(0.5)
        for color, width in (_RIM, _CORE):
            if line:
                visual = Line(positions, color, width, method="agg", parent=self._node)
            else:
                visual = Markers(parent=self._node)
                visual.set_data(positions, size=4 + 2 * width, face_color=color, edge_width=0)
            visual.order = _ORDER + len(self._visuals)
            visual.set_gl_state("translucent", depth_test=False)
            self._visuals.append(visual)

    def clear(self) -> None:
        """Draw nothing."""
        for visual in self._visuals:
            visual.parent = None
        self._visuals.clear()


#: Corners of a path are so far apart, px of the image.
_STEP = 1.0


class InHand:
    """A tool that holds a labels layer in its mode until it is put down; a base.

    Parameters
    ----------
    tool : Tool
        Which.
    viewer : napari.Viewer
        In which the layer is.
    layer : napari.layers.Labels
        Shows the session's labels; becomes the active layer.
    session : Session
        Is changed.
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
        layer.visible = True
        viewer.layers.selection.active = layer
        layer.mode = self._mode
        self._hold()
        self._stop_keys = bind_action(layer, STOP, self._on_escape)
        layer.events.mode.connect(self._on_other)
        viewer.layers.selection.events.active.connect(self._on_other)

    @property
    def _mode(self) -> str:
        """The mode of the layer, as napari calls it."""
        return "pan_zoom"

    def _hold(self) -> None:
        """Say what the tool does, and prepare the layer for it."""
        self.layer.help = f"{tr(self.tool.title)}: {tr(self.tool.hint)} {leave()}"

    def put_down(self) -> None:
        """Let go of the layer."""
        unbind(self.layer, self._stop_keys)
        self.layer.events.mode.disconnect(self._on_other)
        self._viewer.layers.selection.events.active.disconnect(self._on_other)

    def _on_escape(self, layer: Labels) -> None:
        self._on_leave(True)

    def _on_other(self, event: Any = None) -> None:
        """Another tool of napari's, or another layer, has been chosen."""
        if self.paused:
            return
        other = self._viewer.layers.selection.active is not self.layer
        if other or self.layer.mode != self._mode:
            self._on_leave(False)


class PaintingInHand(InHand):
    """Brush or eraser: a mode of napari's own.

    The brush paints with the layer's number, which follows the session's selection. The eraser
    takes pixels from the selected cell alone, so that it does not gnaw at a neighbour.
    """

    def __init__(self, tool: Tool, viewer: Any, layer: Labels, *others: Any) -> None:
        self._kept = layer.preserve_labels
        super().__init__(tool, viewer, layer, *others)
        self.session.selection_changed.connect(self._on_selection)

    @property
    def _mode(self) -> str:
        return self.tool.gesture

    def _hold(self) -> None:
        super()._hold()
        self._on_selection()

    def put_down(self) -> None:
        """Let go of the layer; if it is in the tool's mode still, it is in none afterwards."""
        super().put_down()
        self.session.selection_changed.disconnect(self._on_selection, missing_ok=True)
        self.layer.preserve_labels = self._kept
        if self.layer.mode == self._mode:
            self.layer.mode = "pan_zoom"

    def _on_selection(self) -> None:
        erases = self.tool.gesture == "erase"
        self.layer.preserve_labels = bool(self.session.selection) if erases else self._kept


class ToolInHand(InHand):
    """Any other tool: its command is called after each gesture of the mouse on the layer."""

    def __init__(self, tool: Tool, viewer: Any, layer: Labels, *others: Any) -> None:
        self.preview = LinePreview(viewer, layer)
        self._points: list[tuple[float, float]] = []
        super().__init__(tool, viewer, layer, *others)
        layer.mouse_drag_callbacks.append(self._on_drag)

    def put_down(self) -> None:
        """Let go of the layer."""
        self.preview.clear()
        layer = self.layer
        if self._on_drag in layer.mouse_drag_callbacks:
            layer.mouse_drag_callbacks.remove(self._on_drag)
        super().put_down()
        layer.mouse_pan = layer.mode == "pan_zoom"
        if layer.mode == "pan_zoom":
            layer.cursor, layer.help = "standard", ""

    def _hold(self) -> None:
        # A drag draws a path, where it would move the picture else.
        self.layer.mouse_pan = self.tool.gesture != "path"
        self.layer.cursor = "cross" if self.tool.gesture == "path" else "pointing"
        super()._hold()

    # -- the mouse ------------------------------------------------------------------------

    def _on_drag(self, layer: Labels, event: Any) -> Iterator[None]:
        """Follow the mouse from press to release; napari moves on what this yields to."""
        if links.session_of_labels(self._viewer, layer) is not self.session:
            # The image was replaced meanwhile, and the layer is nobody's.
            self._on_leave(False)
            return
        if not Press.begins(self._viewer, event):
            return
        if "Control" in event.modifiers:  # deletes, whatever is in hand
            return
        path, press = [self._at(event)], Press(event)

        def draw() -> None:
            if np.hypot(*np.subtract(self._at(event), path[-1])) >= _STEP:
                path.append(self._at(event))
            if self.tool.gesture == "path":
                self.preview.show(path, line=True)

        yield from press.until_released(draw)
        self.preview.clear()
        path.append(self._at(event))
        try:
            self._use(path, press.moved)
        except LeukocyteError as error:
            tell(error)
        self._hold()

    def _at(self, event: Any) -> tuple[float, float]:
        y, x = np.asarray(self.layer.world_to_data(event.position), np.float64)[-2:].tolist()
        return y, x

    def _use(self, path: list[tuple[float, float]], moved: bool) -> None:
        if self.tool.gesture == "click":
            # A drag moves the picture.
            if not moved:
                self._viewer.status = tr(commands.use_click(self.tool, self.session, path[0]))
        elif moved:
            self._points.clear()
            self._viewer.status = tr(commands.use_line(self.tool, self.session, path))
        elif self.tool is SPLIT:
            self._place(path[0])
        else:
            self._viewer.status = tr(self.tool.hint)

    def _place(self, point: tuple[float, float]) -> None:
        """Take one of two points in a cell; one in another cell is the first of a new pair."""
        labels = self.session.labels
        number = commands.object_at(labels, point)
        self._points = [p for p in self._points if commands.object_under(labels, p) == number]
        self._points.append(point)
        if len(self._points) == 1:
            self.preview.show(self._points, line=False)
            self._viewer.status = tr("Now click on the other one of the two cells.")
            return
        points = self._points.copy()
        self._points.clear()
        self._viewer.status = tr(commands.use_points(self.session, points))
