"""A line over a layer while it is dragged."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import ArrayLike

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
