"""Rings that are drawn as rings alone.

Napari draws every marker with one program for all symbols, which works out some fifteen of them
for each pixel and then chooses. A graphics card does not notice; where OpenGL is done by the
processor, as in many virtual machines and remote desktops, half of a frame with 5,000 rings goes
into it. The layer of the objects has rings alone, and the same picture comes of a program that
knows no other symbol.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from napari.layers import Points

# The distance of a pixel from the rim of a disc, as the visual's program wants it.
_DISC = """
float disc(vec2 pointcoord, float size, int symbol) {
    return length((pointcoord - vec2(0.5, 0.5)) * size) - $v_size / 2.;
}
"""


def draw_plainly(viewer: Any, layer: Points) -> bool:
    """Have a layer's discs and rings drawn by a program of their own.

    What draws a layer is no public part of napari. Should it change, the layer is drawn as any
    other.

    Parameters
    ----------
    viewer : napari.Viewer
        Which shows the layer.
    layer : napari.layers.Points
        With no symbols but discs.

    Returns
    -------
    bool
        Whether it was possible.
    """
    with suppress(AttributeError, KeyError, ImportError, TypeError):
        from vispy.visuals.shaders import Function

        # Asked for in this way, napari does not warn of a private attribute.
        node = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        found = [(m, m._v_size_var) for m in (node.points_markers, node.selection_markers)]
        for markers, size in found:
            disc = Function(_DISC)
            disc["v_size"] = size
            markers.shared_program.frag["marker"] = disc
            markers.update()
        return True
    return False
