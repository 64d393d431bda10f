"""Windows that must close without a trace."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_leukocyte.models.registry import DiscoveredModels, discover_models
from napari_leukocyte.segmentation import ensemble
from napari_leukocyte.ui import jobs
from napari_leukocyte.ui.controls import model_choice
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import MODEL, Networks, draw_field, run

NO_KEYS = Qt.KeyboardModifier.NoModifier
QTEST: Any = QTest
#: How long a test waits for the window, ms, unless it says otherwise.
PATIENCE_MS = 30_000


@pytest.fixture(scope="session", autouse=True)
def quick_collections() -> None:
    """Spare the garbage collector what lives as long as the process: modules and their classes.

    A window that closes has its leaks looked for by several full collections, each of which would
    go through the third of a million objects that imports made.
    """
    import napari._qt.qt_main_window
    import napari._vispy.canvas  # noqa: F401 - with the window, most of what a viewer imports

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def manifests_read_once() -> Iterator[None]:
    """Read the manifests of installed plugins once: every window looks for new ones.

    It would find none, and spends half of its time on parsing them.
    """
    discover = PluginManifest.discover

    @functools.cache
    def discovered(paths: tuple[str, ...]) -> list[Any]:
        return list(discover(paths))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda paths=(): iter(discovered(tuple(paths))))
        yield


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """Let tests wait longer for the window than pytest-qt does, where processors are busy."""
    defaults = QtBot.waitUntil.__kwdefaults__
    assert defaults is not None
    defaults["timeout"] = PATIENCE_MS


@pytest.fixture
def field() -> NDArray[np.uint8]:
    """Return a photograph of five cells, two of which touch."""
    return draw_field()


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Networks]:
    """Put something quick in the networks' place."""
    found = Networks()
    monkeypatch.setattr(ensemble, "segment_members", found)
    monkeypatch.setattr(
        model_choice,
        "discover_models",
        lambda kind: DiscoveredModels((MODEL,)) if kind == MODEL.kind else discover_models(kind),
    )
    yield found
    found.held = False


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., napari.Viewer]) -> napari.Viewer:
    """Return a window; what it leaves behind when it closes fails the test."""
    return make_napari_viewer(strict_qt="raise")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves a job running."""
    yield
    for job in list(jobs._RUNNING):
        job.wait()
    left = [t.name for t in threading.enumerate() if t.name.startswith("napari-leukocyte")]
    assert not left


@pytest.fixture(autouse=True)
def no_key_is_held() -> Iterator[None]:
    """Let go of the keys: Qt remembers those of the last click into the next test."""
    yield
    if QApplication.instance() and QApplication.keyboardModifiers() != NO_KEYS:
        widget = QWidget()
        QTEST.mouseClick(widget, Qt.MouseButton.LeftButton, NO_KEYS)
        widget.deleteLater()


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Return what the user is told by notifications."""
    messages: list[str] = []

    def note(event: Any) -> None:
        messages.append(event.message)

    notification_manager.notification_ready.connect(note)
    yield messages
    notification_manager.notification_ready.disconnect(note)


@pytest.fixture
def dock(viewer: napari.Viewer, networks: Networks) -> SegmentWidget:
    """Return the widget, docked."""
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment leukocytes")
    return widget


@pytest.fixture
def segmented(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> SegmentWidget:
    """Return the widget after a run on the field."""
    viewer.add_image(field, name="field")
    run(dock, qtbot)
    return dock


@pytest.fixture(autouse=True)
def _made_up_maps(all_convincing: None) -> None:
    """Take every region of the drawn maps for an object."""
