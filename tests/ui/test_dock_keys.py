"""Keys that are pressed in a dock stay there: they never act on the viewer's layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils.key_bindings import KeymapHandler
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QApplication,
    QLineEdit,
    QWidget,
)

from napari_leukocyte.ui.classify.widget import ClassifyWidget
from napari_leukocyte.ui.improve.widget import ImproveWidget
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.ui.segment.widget import SegmentWidget
from napari_leukocyte.ui.smear.widget import SmearWidget
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from tests.analysis.smear.conftest import folder as folder
from tests.analysis.smear.conftest import networks as quick  # noqa: F401 - a fixture
from tests.ui.review.conftest import Bench
from tests.ui.review.conftest import bench as bench
from tests.ui.smear.conftest import smear as smear
from tests.ui.smear.steps import LEFT, QTEST, analyse, open_folder, settle
from tests.ui.tools.mouse import Mouse

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
#: Napari's layers have a key of about every letter and digit, and the plugin's some more.
LETTERS = [Qt.Key(code) for code in (*range(0x30, 0x3A), *range(0x41, 0x5B))]
OTHERS = [Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Escape, Qt.Key.Key_BracketLeft]


@pytest.fixture
def layer_keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the keys that reach napari's layers."""
    pressed: list[str] = []

    def press_key(_: KeymapHandler, key: Any) -> bool:
        pressed.append(str(key))
        return True

    monkeypatch.setattr(KeymapHandler, "press_key", press_key)
    return pressed


def focus(widget: QWidget) -> None:
    window = widget.window()
    assert window is not None
    window.activateWindow()
    widget.setFocus()


def test_a_name_typed_after_a_refused_sign_off_deletes_nothing(
    smear: SmearWidget, folder: Path, qtbot: QtBot
) -> None:
    viewer = smear.viewer
    viewer.window.resize(1500, 950)
    viewer.window.add_dock_widget(ReviewWidget(viewer), name="Review", area="right")
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    session, form = smear.session, smear.form
    assert session is not None
    before = session.labels.copy()
    session.select([1, 2])
    layer = links.labels_layer_of(viewer, session)
    assert layer is not None
    viewer.layers.selection.active = layer
    Mouse(viewer, layer).key(Qt.Key.Key_S, SHIFT)
    assert mask_tools_of(viewer).in_hand is not None
    place = form.sign_field.mapTo(viewer.window._qt_window, QPoint(0, 0))
    focus(form.sign_field)
    QTEST.mouseClick(form.sign_field, LEFT)
    settle(smear, qtbot)
    assert "must be reviewed" in form.signed.text()
    assert form.signed.isVisible()
    # The sentence has not moved the button away from under the pointer.
    assert form.sign_field.mapTo(viewer.window._qt_window, QPoint(0, 0)) == place
    typed = QApplication.focusWidget()
    assert typed is form.sign_field
    for key, shift in ((Qt.Key.Key_D, SHIFT), (Qt.Key.Key_O, NONE), (Qt.Key.Key_Delete, NONE)):
        QTEST.keyClick(typed, key, shift)
    np.testing.assert_array_equal(session.labels, before)
    # Escape still puts the tool down.
    QTEST.keyClick(typed, Qt.Key.Key_Escape)
    assert mask_tools_of(viewer).in_hand is None


@pytest.mark.parametrize(
    "kind", [SegmentWidget, ClassifyWidget, ReviewWidget, SmearWidget, ImproveWidget]
)
def test_no_key_of_a_dock_reaches_the_layers(
    make_napari_viewer: Callable[..., napari.Viewer],
    kind: Callable[[Any], QWidget],
    layer_keys: list[str],
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.add_labels(np.ones((40, 50), np.int32))
    viewer.add_points(np.zeros((3, 2)))
    widget = kind(viewer)
    viewer.window.add_dock_widget(widget, name="Dock")
    QApplication.processEvents()
    tried = set()
    for part in widget.findChildren(QWidget):
        if not (part.isVisible() and part.isEnabled()):
            continue
        if part.focusPolicy() == Qt.FocusPolicy.NoFocus:
            continue
        focus(part)
        tried.add(type(part).__name__)
        for modifier in (NONE, SHIFT, CTRL):
            for key in LETTERS + OTHERS:
                if part.isVisible() and (modifier != CTRL or key in OTHERS):
                    QTEST.keyClick(part, key, modifier)
    assert len(tried) > 3
    assert layer_keys == []
    for field in widget.findChildren(QLineEdit):
        if field.isVisible() and field.placeholderText():
            field.clear()
            QTEST.keyClicks(field, "Dora")
            assert field.text() == "Dora"
    assert layer_keys == []


def test_the_canvas_still_hands_keys_on(bench: Bench, layer_keys: list[str]) -> None:
    canvas = bench.viewer.window._qt_viewer.canvas.native
    QTEST.keyClick(canvas, Qt.Key.Key_D, SHIFT)
    assert layer_keys[-1] == "Shift+D"


def test_pages_turn_from_the_gallery(smear: SmearWidget, folder: Path, qtbot: QtBot) -> None:
    viewer = smear.viewer
    review = ReviewWidget(viewer)
    viewer.window.add_dock_widget(review, name="Review", area="right")
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    assert smear.shown_row == 0
    gallery = review.form.gallery

    def press(key: Qt.Key, modifier: Any = NONE) -> int | None:
        focus(gallery)
        QTEST.keyClick(gallery, key, modifier)
        settle(smear, qtbot)
        return smear.shown_row

    assert press(Qt.Key.Key_PageDown) == 1
    assert press(Qt.Key.Key_PageDown) == 2
    assert press(Qt.Key.Key_PageUp) == 1
    assert smear.session is not None
    smear.session.approve(smear.session.table()["label"])
    assert press(Qt.Key.Key_PageUp) == 0
    assert press(Qt.Key.Key_PageDown, SHIFT) == 2  # the second one is reviewed


def test_without_a_smear_the_gallery_has_its_pages_for_itself(bench: Bench) -> None:
    bench.choose()
    bench.widget.form.zoom.setValue(250)
    bench.settle()
    bench.click(1)
    bench.key(Qt.Key.Key_PageDown)
    assert bench.gallery.current_label != 1
