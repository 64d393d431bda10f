"""The place of a dock of the plugin's when it is opened, a tab beside the others, and its room."""

from __future__ import annotations

from typing import Any, cast

from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_leukocyte.language import tr

#: How napari ends the names of the docks that it opens from its menu; those that a script docks
#: have names, and places, of the script's own.
_ENDING = " (napari-leukocyte)"
_REVIEW = "Review leukocytes"
#: Napari's own least width and height of a dock, px.
_SMALLEST = 50
#: Height from which a window has room for the gallery below napari's own docks, and the height
#: that the gallery gets there, px.
_HIGH, _AT_BOTTOM = 860, 300
#: What stands on the tab of each: names in the manifest, and the words of the workbench.
TITLES = {
    "Leukocyte workbench": "Leukocyte workbench",
    "Segment leukocytes": "Segment",
    _REVIEW: "Review",
    "Classify and count": "Count",
    "Smear": "Smear",
    "Export annotations": "Export",
    "Improve models": "Improve",
    "Why this class": "Why",
    "How sure": "How sure",
    "Map of the cells": "Map",
}


def stand_beside(widget: QWidget) -> None:
    """Have a widget's dock become a tab beside the plugin's other docks when it is first shown.

    The gallery of cells is wide and goes to the bottom of a window that is high enough, unless it
    was put elsewhere once. A dock that is not where napari puts it by itself was placed on
    purpose, and stays there.

    Parameters
    ----------
    widget : QWidget
        That will be docked.
    """
    _Placing(widget)


class _Placing(QObject):
    """Waits until the widget is shown in its dock, and places that once."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        # Napari notes where a dock stands as soon as it stands somewhere.
        self._former = dict(get_settings().application.plugin_widget_positions)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._place)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Place the dock after what is shown first; napari is still at work on it."""
        if event is not None and event.type() == QEvent.Type.Show and watched is not None:
            watched.removeEventFilter(self)
            self._soon.start(0)
        return False

    def _place(self) -> None:
        dock = _above(self._widget, QDockWidget)
        if dock is None:
            return
        _LeastSize(dock)
        window = _above(dock, QMainWindow)
        name = getattr(dock, "name", "")
        title = TITLES.get(name.removesuffix(_ENDING))
        if window is None or title is None or not name.endswith(_ENDING):
            return
        _rename(dock, tr(title), name)
        area = window.dockWidgetArea(dock)
        if dock.isFloating() or area != dock.qt_area:
            return
        first = name == _REVIEW + _ENDING and name not in self._former
        if first and window.height() >= _HIGH and area == Qt.DockWidgetArea.RightDockWidgetArea:
            area = Qt.DockWidgetArea.BottomDockWidgetArea
            window.addDockWidget(area, dock)
            window.resizeDocks([dock], [_AT_BOTTOM], Qt.Orientation.Vertical)
        others = [
            other
            for other in window.findChildren(QDockWidget)
            if other is not dock
            and getattr(other, "name", "").endswith(_ENDING)
            and window.dockWidgetArea(other) == area
            and not other.isFloating()
            and not other.isHidden()
        ]
        if others and not set(others) & set(window.tabifiedDockWidgets(dock)):
            window.tabifyDockWidget(others[-1], dock)
            dock.raise_()


class _LeastSize(QObject):
    """Lets a dock become as small again as what is in it.

    Napari gives its docks a least size of their own. Qt then only ever raises it: what a dock has
    needed once, before it was moved from the side to the bottom, it would keep for good, and the
    window would not fit a low screen any more.
    """

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        dock.installEventFilter(self)
        layout = dock.layout()
        if layout is not None:
            layout.invalidate()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Forget the size before the dock's layout computes it anew."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            cast(QWidget, watched).setMinimumSize(_SMALLEST, _SMALLEST)
        return False


def _rename(dock: Any, title: str, name: str) -> None:
    """Show a short title on the tab and above the dock; the menu *Window* keeps the whole name."""
    dock.setWindowTitle(title)
    dock.toggleViewAction().setText(name)
    words = getattr(dock.title, "title", None)
    if words is not None:
        words.setText(title)


def _above(widget: QWidget, kind: type) -> Any:
    """Return the nearest of the widgets around one that is of a kind, or None."""
    parent: Any = widget.parentWidget()
    while parent is not None and not isinstance(parent, kind):
        parent = parent.parentWidget()
    return parent
