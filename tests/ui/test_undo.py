"""Ctrl+Z undoes the session's last command, whichever view has the focus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels, Points
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDoubleSpinBox, QLineEdit, QVBoxLayout, QWidget

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.markers import ensure_marker_layer
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.segment.widget import SegmentWidget
from napari_leukocyte.ui.undo import install_undo
from tests.ui.fields import Networks, settle

#: Presses keys; its own annotations can't be called from typed code.
KEYS: Any = QtBot
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def session(
    make_napari_viewer: object, field: NDArray[np.uint8], networks: Networks
) -> tuple[napari.Viewer, Session]:
    """Return a window that is shown, for keys need one, with an image's session in it."""
    viewer: napari.Viewer = make_napari_viewer(show=True, strict_qt="raise")  # type: ignore[operator]
    session = links.session_of(viewer.add_image(field, name="field"))
    session.set_maps(networks.find(field))
    return viewer, session


def press(widget: QWidget, *, again: bool = False) -> None:
    """Press Ctrl+Z, or Ctrl+Shift+Z."""
    KEYS.keyClick(widget, Qt.Key.Key_Z, CONTROL | SHIFT if again else CONTROL)


def in_front(qtbot: QtBot, viewer: napari.Viewer) -> QWidget:
    """Bring the window to the front; return what takes the keys of the canvas."""
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=10_000)
    canvas: QWidget = viewer.window._qt_viewer.canvas.native
    return canvas


@pytest.mark.parametrize("kind", [Image, Labels, Points])
def test_keys_on_any_layer_of_the_session(
    session: tuple[napari.Viewer, Session], kind: type, qtbot: QtBot
) -> None:
    viewer, state = session
    image = viewer.layers[0]
    labels = links.show_labels(viewer, state, image)
    view = ObjectsView(viewer, state, image)
    canvas = in_front(qtbot, viewer)
    layers = {Image: image, Labels: labels, Points: view.layer}
    before = labels.data.copy()
    labels.paint((150, 60), 50)
    painted = labels.data.copy()
    state.set_class([50], "basophil")
    state.set_params(replace(state.params, threshold=0.3))
    viewer.layers.selection.active = layers[kind]
    for text in ("Change parameters", "1 cell as basophil", "Paint"):
        assert state.undo_text == text
        press(canvas)
        assert viewer.status == f"Undid: {text}"
    assert state.undo_text == "Segment"
    np.testing.assert_array_equal(labels.data, before)
    np.testing.assert_array_equal(state.labels, before)
    press(canvas, again=True)
    assert viewer.status == "Redid: Paint"
    np.testing.assert_array_equal(labels.data, painted)
    assert state.redo_text == "1 cell as basophil"
    # Napari's own history, which a script may still call, holds nothing that would do harm.
    labels.undo()
    np.testing.assert_array_equal(labels.data, state.labels)


def test_labels_that_are_no_view_any_more_have_napari_s_own_undo(
    session: tuple[napari.Viewer, Session], qtbot: QtBot
) -> None:
    viewer, state = session
    labels = links.show_labels(viewer, state, viewer.layers[0])
    canvas = in_front(qtbot, viewer)
    links.unbind_labels(labels)
    viewer.layers.selection.active = labels
    before = labels.data.copy()
    labels.paint((150, 60), 50)
    press(canvas)
    np.testing.assert_array_equal(labels.data, before)
    assert state.undo_text == "Segment"


def test_keys_in_a_dock_widget_but_not_in_its_texts(
    session: tuple[napari.Viewer, Session], qtbot: QtBot
) -> None:
    viewer, state = session
    panel, text, number = QWidget(), QLineEdit(), QDoubleSpinBox()
    layout = QVBoxLayout(panel)
    layout.addWidget(text)
    layout.addWidget(number)
    install_undo(panel, lambda: state)
    viewer.window.add_dock_widget(panel, name="Panel")
    in_front(qtbot, viewer)
    state.set_class([1], "basophil")
    number.setFocus()
    qtbot.waitUntil(number.hasFocus)
    press(number)
    assert state.undo_text == "Segment"
    press(number, again=True)
    assert state.undo_text == "1 cell as basophil"
    text.setFocus()
    qtbot.waitUntil(text.hasFocus)
    KEYS.keyClicks(text, "note")
    press(text)
    assert text.text() == ""
    assert state.undo_text == "1 cell as basophil"


def test_sliders_and_markers_follow_undo(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    state, form = segmented.session, segmented.form
    assert state is not None
    threshold = form.parameters.input_of("threshold")
    for value in (0.4, 0.3):
        threshold.setValue(value)
        settle(segmented, qtbot)
    assert state.params.threshold == pytest.approx(0.3)
    state.undo()  # the two were one movement
    assert state.params.threshold == 0.5
    assert threshold.value() == pytest.approx(0.5)
    form.weights.sliders[0].setValue(0.5)
    settle(segmented, qtbot)
    state.undo()
    assert form.weights.sliders[0].value() == pytest.approx(1)
    box = form.parameters.input_of("watershed")
    box.setCurrentIndex(box.findData("points"))
    settle(segmented, qtbot)
    points = ensure_marker_layer(viewer, state, viewer.layers["field"])
    points.add((110, 70))
    settle(segmented, qtbot)
    qtbot.wait(1100)  # another gesture
    points.add((110, 102))
    settle(segmented, qtbot)
    assert state.labels[110, 70] != state.labels[110, 102]
    state.undo()
    np.testing.assert_allclose(points.data, [[110, 70]])
    state.redo()
    np.testing.assert_allclose(points.data, [[110, 70], [110, 102]])
    assert not segmented.busy
