"""A canvas that stays fitted to its images until the user zooms or moves."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QObject, QTimer

#: Part of the canvas that napari leaves free when it fits.
_MARGIN = 0.05
#: A camera that differs from a fitted one by less than these parts was not touched.
_SAME = 0.03
#: The window has its new size once nothing has changed for this long, ms.
_REST_MS = 60


class CanvasFit(QObject):
    """Fits the view again when the canvas gets another size, as long as it was fitted before.

    Docks that open, or a window that changes, would otherwise leave the photograph cut or small.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    parent : QObject
        The owner; this ends with it.
    """

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._fitted = self._is_fitted()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_REST_MS)
        self._soon.timeout.connect(self._fit)
        viewer.window._qt_viewer.canvas.native.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Note whether the view was fitted to the size that ends, and fit it to the new one."""
        if event is not None and event.type() == QEvent.Type.Resize:
            if not self._soon.isActive():
                # Before napari hears of the new size.
                self._fitted = self._is_fitted()
            self._soon.start()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        if self._fitted and len(self._viewer.layers):
            self._viewer.reset_view()

    def _is_fitted(self) -> bool:
        """Whether the camera shows what napari's own fit to the last size would show."""
        viewer = self._viewer
        if not len(viewer.layers):
            return True
        if viewer.dims.ndisplay != 2 or viewer.canvas.grid.enabled:
            return False
        low, high = (corner[-2:] for corner in viewer.layers.extent.world)
        scene = np.maximum(high - low, 1e-9)
        zoom = (1 - _MARGIN) * float(np.min(np.array(viewer.canvas.size) / scene))
        off = np.abs(np.array(viewer.scene.camera.center[-2:]) - (low + high) / 2)
        return bool(
            abs(viewer.scene.camera.zoom / max(zoom, 1e-9) - 1) < _SAME
            and np.all(off < _SAME * scene)
        )
