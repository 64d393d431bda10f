"""The context of OpenGL in which napari's canvas draws."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


def enter_canvas_context(viewer: Any) -> None:
    """Make the context of a viewer's canvas the current one, as it must be before a layer goes.

    When a layer is removed, napari has vispy delete the layer's textures and programs at once, in
    whatever context is current. After a window was painted that is not the canvas's: Qt composes
    the window in another one that shares its objects. A program that is deleted from there is let
    go of by the canvas's context only when it draws next; Mesa (seen in 22.3) then unbinds the
    vertex shader that is in use without noting it, and crashes if what is drawn first was also
    drawn last, as on a field that has just been opened.

    Where napari keeps its canvas is not public. Should that change, nothing is done.

    Parameters
    ----------
    viewer : napari.Viewer
        With or without a window.
    """
    with suppress(AttributeError, RuntimeError):
        viewer.window._qt_viewer.canvas._scene_canvas.set_current()
