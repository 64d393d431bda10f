"""The workbench in a real window: the steps, what they share, and the room that they have."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_leukocyte.ui.reader_name import reader_notice
from napari_leukocyte.ui.workbench.steps import CELL_VIEWS, STEPS, StepName
from napari_leukocyte.ui.workbench.widget import Workbench
from tests.ui.conftest import QTEST
from tests.ui.fields import Networks
from tests.ui.fits import cut

ALL: list[StepName] = [s.name for s in (*STEPS, *CELL_VIEWS)]


@pytest.fixture
def bench(
    viewer: napari.Viewer, field: NDArray[np.uint8], networks: Networks, qtbot: QtBot
) -> Workbench:
    """Return a workbench docked beside a photograph of five cells."""
    viewer.add_image(field, name="field")
    made = Workbench(viewer)
    viewer.window.add_dock_widget(made, name="Leukocyte workbench", area="right")
    viewer.window._qt_window.show()
    return made


def test_one_button_leads_from_the_photograph_to_the_review(bench: Workbench, qtbot: QtBot) -> None:
    assert "find the leukocytes" in bench.next.text()
    QTEST.mouseClick(bench.next, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: bench.session is not None and bench.session.classifier is not None, timeout=60_000
    )
    session: Any = bench.session
    assert session.table()["class"].notna().all()
    qtbot.waitUntil(lambda: "review" in bench.next.text())
    assert bench.front == "segment"
    assert "leukocytes" in bench.messages.text()


def test_a_run_leaves_the_classes_alone_if_it_is_told_so(bench: Workbench, qtbot: QtBot) -> None:
    segment = bench.page("segment")
    segment.form.classify.setChecked(False)
    segment.run()
    qtbot.waitUntil(lambda: bench.session is not None and len(bench.session.table()) > 0)
    qtbot.waitUntil(lambda: "classify" in bench.next.text())
    assert not segment.busy
    assert bench.session is not None
    assert bench.session.classifier is None


def test_steps_share_image_reader_and_messages(bench: Workbench) -> None:
    for name in ALL:
        page = bench.open(name)
        assert bench.stack.currentWidget() is page
        assert bench.front == name
        assert bench.page(name) is page
    segment = bench.open("segment")
    assert segment.image is bench.image
    assert segment.messages is bench.messages
    reader_notice.changed.emit("Ann")
    assert bench.reader.text() == "Ann"


def _is_settled(page: Any) -> bool:
    return bool(getattr(page, "settled", True))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1280, 720), (1600, 1000)])
def test_everything_has_room(
    bench: Workbench, viewer: napari.Viewer, qtbot: QtBot, size: tuple[int, int], theme: str
) -> None:
    viewer.theme = theme
    window: Any = viewer.window._qt_window
    window.resize(*size)
    bench.do_next()
    qtbot.waitUntil(
        lambda: bench.session is not None and bench.session.classifier is not None, timeout=60_000
    )
    faults = {}
    for name in ALL:
        page = bench.open(name)
        qtbot.waitUntil(partial(_is_settled, page), timeout=60_000)
        with suppress(TimeoutError):  # the layout follows what is shown, a moment later
            qtbot.waitUntil(lambda: not cut(bench), timeout=5000)
        faults[name] = cut(bench)
        assert (window.width(), window.height()) == size, name
    assert not {name: found for name, found in faults.items() if found}


def test_the_canvas_is_fitted_until_the_user_zooms(
    bench: Workbench, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    window: Any = viewer.window._qt_window
    window.resize(1400, 900)
    qtbot.wait(300)
    before = viewer.scene.camera.zoom
    window.resize(1100, 600)
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom < 0.9 * before)
    viewer.scene.camera.zoom = zoomed = 3.0
    window.resize(1400, 900)
    qtbot.wait(300)
    assert viewer.scene.camera.zoom == zoomed
