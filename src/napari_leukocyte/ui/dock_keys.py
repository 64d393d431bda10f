"""Keys that nothing in a dock takes end there, and never act on the viewer's layers."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QWidget

from napari_leukocyte.ui.key_names import key_of_event, napari_key
from napari_leukocyte.ui.keys import keys_of
from napari_leukocyte.ui.layers.links import unwrap
from napari_leukocyte.ui.tools.kinds import STOP
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of

#: What turns the pages of a smear.
_PAGES = ("next_field", "previous_field", "next_open_field")


def keep_keys(widget: QWidget, viewer: Any, pages: Sequence[QWidget] = ()) -> None:
    """Keep keys that are pressed in a dock from the layers of its viewer.

    Napari hands every key that a dock leaves alone to the active layer, where a letter typed
    beside a text field deletes what is selected. Two keys still mean something: those that turn
    the pages of a smear, if the viewer has them, and the one that puts the mask tool down.

    Parameters
    ----------
    widget : QWidget
        The widget that is docked.
    viewer : napari.Viewer
        Whose layers.
    pages : sequence of QWidget
        Parts of it that would take the keys of pages for themselves.
    """
    widget.installEventFilter(_Keeper(widget, viewer))
    for part in pages:
        part.installEventFilter(_Pages(part, viewer))


class _Pages(QObject):
    """Turns the pages of a smear, before its parent takes these keys."""

    def __init__(self, parent: QWidget, viewer: Any) -> None:
        super().__init__(parent)
        self._viewer_ref = weakref.ref(unwrap(viewer))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let nobody else have a key that turned the page."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        return self._take(event)

    def _take(self, event: QKeyEvent) -> bool:
        viewer = self._viewer_ref()
        if viewer is None or not _turn_page(viewer, event):
            return False
        event.accept()
        return True


class _Keeper(_Pages):
    """Ends the way of every key press at its parent; shortcuts of Qt's go before it."""

    def _take(self, event: QKeyEvent) -> bool:
        viewer = self._viewer_ref()
        if viewer is not None and not _turn_page(viewer, event):
            tools = mask_tools_of(viewer)
            if key_of_event(event) in keys_of(STOP) and tools.in_hand is not None:
                tools.stop()
        event.accept()
        return True


def _turn_page(viewer: Any, event: QKeyEvent) -> bool:
    """Do what the viewer has bound to a key for pages; say whether there was anything."""
    pressed = key_of_event(event)
    if pressed is None or not any(pressed in keys_of(action) for action in _PAGES):
        return False
    act = viewer.keymap.get(napari_key(pressed))
    if not callable(act):
        return False
    if not event.isAutoRepeat():
        act(viewer)
    return True
