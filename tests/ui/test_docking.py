"""Docks of the plugin's own, opened as from the menu *Plugins*."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import napari
import numpy as np
import pytest
from npe2 import PluginManifest
from numpy.typing import NDArray
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QTabBar

from napari_leukocyte.ui.docking import TITLES
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import Networks, run
from tests.ui.fits import cut

PLUGIN = "napari-leukocyte"
RIGHT, BOTTOM, LEFT = (
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.BottomDockWidgetArea,
    Qt.DockWidgetArea.LeftDockWidgetArea,
)
#: Windows in which everything has room, px.
LOW, HIGH = (1280, 720), (1600, 1000)
#: What holds all steps, rather than being one.
BENCH = ("Leukocyte workbench",)


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
    window._qt_window.resize(*HIGH)
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


@pytest.mark.parametrize(("theme", "sizes"), [("dark", (LOW, HIGH)), ("light", (HIGH, LOW))])
def test_all_steps_have_room_in_docks_of_their_own(
    window: Any,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
    sizes: tuple[tuple[int, int], ...],
    theme: str,
) -> None:
    main, viewer = window._qt_window, window._qt_viewer.viewer
    viewer.theme = theme
    viewer.add_image(field, name="field")
    main.resize(*sizes[0])
    docks = {name: opened(window, name, qtbot) for name in TITLES if name not in BENCH}
    steps: list[Any] = [dock.inner_widget() for dock in docks.values()]  # type: ignore[attr-defined]
    run(next(step for step in steps if isinstance(step, SegmentWidget)), qtbot)
    # The gallery is at the bottom where it has room there.
    review = docks["Review leukocytes"]
    assert main.dockWidgetArea(review) == (BOTTOM if sizes[0] == HIGH else RIGHT)
    assert review.height() >= 300
    for size in sizes:
        main.resize(*size)
        for dock, step in zip(docks.values(), steps, strict=True):
            dock.raise_()
            qtbot.waitUntil(partial(_is_settled, dock, step), timeout=60_000)
            with suppress(TimeoutError):  # the layout follows what is shown, a moment later
                qtbot.waitUntil(partial(_has_room, dock), timeout=5000)
            assert not cut(dock), dock.windowTitle()
            assert (main.width(), main.height()) == size, dock.windowTitle()
        bars = [bar for bar in main.findChildren(QTabBar) if bar.parent() is main and bar.count()]
        assert {bar.tabText(i) for bar in bars for i in range(bar.count())} >= {"Segment", "Map"}
        assert all(bar.tabToolTip(i) for bar in bars for i in range(bar.count()))


def _is_settled(dock: QDockWidget, step: Any) -> bool:
    return bool(not dock.visibleRegion().isEmpty() and getattr(step, "settled", True))


def _has_room(dock: QDockWidget) -> bool:
    return not cut(dock)
