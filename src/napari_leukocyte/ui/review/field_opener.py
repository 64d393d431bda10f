"""Open the field of a smear's cell, and show the cell on it as soon as it is there."""

from __future__ import annotations

from typing import Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer

from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.session.store import folder_of
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.open_smear import OpenSmear
from napari_leukocyte.ui.review.picking import show_place

#: How often it is looked for, ms, and how many times at most.
_OPENING_MS, _MOST_WAITS = 100, 200


class FieldOpener(QObject):
    """Opens fields for a cell, which is then selected and brought into the middle.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    parent : QObject
        The owner; what is awaited ends with it.
    """

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._opened: OpenSmear | None = None
        self._field = self._label = self._left = 0
        self._wait = QTimer(self)
        self._wait.setInterval(_OPENING_MS)
        self._wait.timeout.connect(self._show)

    def go(self, opened: OpenSmear, field: int, label: int) -> None:
        """Open a field, and show a cell by its number there; the last one that was asked for."""
        self._opened, self._field, self._label, self._left = opened, field, label, _MOST_WAITS
        opened.show(field)
        self._wait.start()

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._wait.stop()
        self._opened = None

    def _show(self) -> None:
        self._left -= 1
        if self._opened is None or self._left < 0:
            self.stop()
            return
        key = self._opened.smear.state(self._field).key
        for layer in (la for la in self._viewer.layers if isinstance(la, Image)):
            session = links.existing_session(layer)
            folder = None if session is None else folder_of(session)
            if session is None or folder is None or folder.name != key:
                continue
            cells = CellTable(session.shown_table())
            if self._label in cells:
                self.stop()
                session.select([self._label])
                show_place(self._viewer, layer, cells[self._label].place)
                return
