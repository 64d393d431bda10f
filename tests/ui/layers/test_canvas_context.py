"""Drawings of a removed layer are deleted in the canvas's own context, whichever one is current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
from vispy.gloo import glir

from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import Networks


def canvas_of(viewer: napari.Viewer) -> Any:
    window: Any = viewer.window
    return window._qt_viewer.canvas.native


def in_canvas(viewer: napari.Viewer) -> bool:
    return bool(QOpenGLContext.currentContext() is canvas_of(viewer).context())


def test_programs_are_deleted_where_they_were_made(
    make_napari_viewer: Callable[..., napari.Viewer],
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = make_napari_viewer(show=True, strict_qt="raise")
    viewer.window.add_dock_widget(SegmentWidget(viewer), name="dock")
    viewer.add_image(field, name="other")
    layer = viewer.add_image(field)
    drawn: list[bool] = []
    deleted: list[bool] = []
    draw, delete = glir.GlirProgram.draw, glir.GlirProgram.delete

    def note_draw(*arguments: object, **options: object) -> None:
        drawn.append(in_canvas(viewer))
        draw(*arguments, **options)

    def note_delete(program: object) -> None:
        deleted.append(in_canvas(viewer))
        delete(program)

    monkeypatch.setattr(glir.GlirProgram, "draw", note_draw)
    monkeypatch.setattr(glir.GlirProgram, "delete", note_delete)
    canvas_of(viewer).update()
    qtbot.waitUntil(lambda: len(drawn) > 1, timeout=20_000)
    # As Qt leaves it after the window has been composed.
    surface, composing = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    composing.setShareContext(canvas_of(viewer).context())
    assert composing.create()
    assert composing.makeCurrent(surface)
    viewer.layers.remove(layer)
    assert drawn
    assert all(drawn)
    assert deleted
    assert all(deleted)
    composing.doneCurrent()
