"""Docks of the plugin's own, opened as from the menu *Plugins*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import napari
import pytest
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QTabBar

from napari_leukocyte.ui.docking import TITLES
from napari_leukocyte.ui.segment.widget import SegmentWidget

PLUGIN = "napari-leukocyte"
RIGHT, BOTTOM, LEFT = (
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.BottomDockWidgetArea,
    Qt.DockWidgetArea.LeftDockWidgetArea,
)


@pytest.fixture
def window(make_napari_viewer: Callable[..., napari.Viewer]) -> Any:
    return make_napari_viewer(strict_qt="raise", show=True).window


def opened(window: Any, name: str, qtbot: QtBot) -> QDockWidget:
    dock: QDockWidget = window.add_plugin_dock_widget(PLUGIN, name)[0]
    qtbot.wait(50)
    return dock


def beside(window: Any, dock: QDockWidget) -> set[str]:
    return {each.windowTitle() for each in window._qt_window.tabifiedDockWidgets(dock)}


def test_every_widget_has_a_title() -> None:
    widgets = PluginManifest.from_distribution(PLUGIN).contributions.widgets or ()
    assert {widget.display_name for widget in widgets} == TITLES.keys()


def test_docks_are_tabs_beside_each_other(window: Any, qtbot: QtBot) -> None:
    area = window._qt_window.dockWidgetArea
    names = ("Segment leukocytes", "Classify and count", "Why this class")
    docks = [opened(window, name, qtbot) for name in names]
    assert [dock.windowTitle() for dock in docks] == ["Segment", "Count", "Why"]
    assert beside(window, docks[0]) == {"Count", "Why"}
    assert {area(dock) for dock in docks} == {RIGHT}
    # The one that was opened last is in front.
    assert not docks[2].visibleRegion().isEmpty()
    assert docks[0].visibleRegion().isEmpty()
    tabs = {b.tabText(i) for b in window._qt_window.findChildren(QTabBar) for i in range(b.count())}
    assert {"Segment", "Count", "Why"} <= tabs
    # In the menu they are still told from other plugins' docks.
    action: Any = docks[0].toggleViewAction()
    assert action.text() == "Segment leukocytes (napari-leukocyte)"
    # The gallery is wide, and goes to the bottom the first time; later where it was put.
    review = opened(window, "Review leukocytes", qtbot)
    assert area(review) == BOTTOM
    assert not beside(window, review)
    window._qt_window.addDockWidget(RIGHT, review)
    inside: Any = window.dock_widgets[f"Review leukocytes ({PLUGIN})"]
    window.remove_dock_widget(review)
    inside.deleteLater()
    review = opened(window, "Review leukocytes", qtbot)
    assert area(review) == RIGHT
    assert beside(window, review) == {"Segment", "Count", "Why"}


def test_what_was_placed_on_purpose_stays(window: Any, qtbot: QtBot) -> None:
    main = window._qt_window
    own = window.add_dock_widget(SegmentWidget(window._qt_viewer.viewer), name="mine")
    moved = window.add_plugin_dock_widget(PLUGIN, "Classify and count")[0]
    main.addDockWidget(LEFT, moved)
    floating = window.add_plugin_dock_widget(PLUGIN, "How sure")[0]
    floating.setFloating(True)
    qtbot.wait(50)
    assert main.dockWidgetArea(moved) == LEFT
    assert floating.isFloating()
    last = opened(window, "Export annotations", qtbot)
    assert own.windowTitle() == "mine"
    assert not any(beside(window, dock) for dock in (own, moved, last))
