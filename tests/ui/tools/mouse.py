"""A mouse and a keyboard at the window of a viewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QCursor
from qtpy.QtTest import QTest

Point = tuple[float, float]
# Its stubs take these functions for methods.
QTEST: Any = QTest
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


class Mouse:
    """Moves over a layer's pixels as a user does, through Qt's events.

    Parameters
    ----------
    viewer : napari.Viewer
        Shown.
    layer : napari.layers.Layer
        In whose coordinates places are given, y and x.
    """

    def __init__(self, viewer: Any, layer: Layer) -> None:
        self.viewer, self.layer = viewer, layer
        self.canvas = viewer.window._qt_viewer.canvas

    def at(self, place: Point) -> QPoint:
        """Return where a place is on the canvas."""
        world = np.asarray(self.layer.data_to_world(place))[::-1]
        scene = self.canvas.view.scene
        x, y = scene.transform.map([*world, 0, 1])[:2]
        return QPoint(round(float(x)), round(float(y)))

    def press(self, place: Point, modifiers: Any = NONE) -> None:
        QTEST.mouseMove(self.canvas.native, self.at(place))
        QTEST.mousePress(self.canvas.native, LEFT, modifiers, self.at(place))

    def move(self, place: Point) -> None:
        # Vispy drops movements that come within 10 ms.
        QTEST.qWait(15)
        # QTest moves without a button, which is no drag.
        from qtpy.QtCore import QEvent, QPointF
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtWidgets import QApplication

        native = self.canvas.native
        here = QPointF(self.at(place))
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            here,
            QPointF(native.mapToGlobal(self.at(place))),
            Qt.MouseButton.NoButton,
            LEFT,
            NONE,
        )
        QApplication.sendEvent(native, event)

    def hover(self, place: Point) -> None:
        """Bring the pointer of the screen to a place, no button held."""
        native = self.canvas.native
        QCursor.setPos(native.mapToGlobal(self.at(place)))
        QTEST.qWait(50)
        QTEST.mouseMove(native, self.at(place))
        QTEST.qWait(50)

    def release(self, place: Point, modifiers: Any = NONE) -> None:
        QTEST.mouseRelease(self.canvas.native, LEFT, modifiers, self.at(place))

    def click(self, place: Point, modifiers: Any = NONE) -> None:
        self.press(place, modifiers)
        self.release(place, modifiers)

    def drag(self, places: Sequence[Point]) -> None:
        self.press(places[0])
        for place in places[1:]:
            self.move(place)
        self.release(places[-1])

    def key(self, key: Any, modifiers: Any = NONE) -> None:
        self.canvas.native.setFocus()
        QTEST.keyClick(self.canvas.native, key, modifiers)
