"""A folder of drawn fields, and networks that answer at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import napari
import pytest
from pytestqt.qtbot import QtBot

from napari_leukocyte.ui.smear.widget import SmearWidget
from tests.analysis.smear.conftest import folder as folder
from tests.analysis.smear.conftest import networks as quick  # noqa: F401 - a fixture

#: Longest that anything may take, ms.
LONGEST = 30_000


@pytest.fixture
def smear(
    request: pytest.FixtureRequest, make_napari_viewer: Callable[..., napari.Viewer], qtbot: QtBot
) -> Iterator[SmearWidget]:
    """Return the widget, docked in a window that is shown."""
    request.getfixturevalue("quick")
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    widget = SmearWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Smear")
    yield widget
    widget.analysing.cancel()
    qtbot.waitUntil(lambda: not widget.busy, timeout=LONGEST)
