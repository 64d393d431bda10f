"""Watershed markers in a real window: points come, move and go, and the parting follows."""

from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import CENTRES, Networks, draw_field, run, settle
from tests.ui.tools.mouse import Mouse


def test_parting_follows_the_points(
    make_napari_viewer: Callable[..., napari.Viewer], networks: Networks, qtbot: QtBot
) -> None:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment leukocytes")
    image = viewer.add_image(draw_field(), name="field", scale=(0.2, 0.2), translate=(3, 4))
    qtbot.waitExposed(viewer.window._qt_window)
    run(widget, qtbot)
    box = widget.form.parameters.input_of("watershed")
    box.setCurrentIndex(box.findData("points"))
    settle(widget, qtbot)
    session = links.session_of(image)
    labels = links.labels_layer_of(viewer, session)
    assert labels is not None
    one, other = CENTRES[2:4]

    def parted() -> bool:
        settle(widget, qtbot)
        np.testing.assert_array_equal(labels.data, session.labels)
        assert 0 not in (labels.data[one], labels.data[other])
        return bool(labels.data[one] != labels.data[other])

    assert not parted()
    points = viewer.layers["Watershed markers"]
    viewer.reset_view()
    qtbot.wait(50)
    mouse = Mouse(viewer, points)
    assert points.mode == "add"
    mouse.click(one)
    assert not parted()
    mouse.click(other)
    assert parted()
    wall = int(np.flatnonzero(np.diff(labels.data[110, 70:103]))[0])
    # A point that is moved moves the wall ...
    points.mode = "select"
    mouse.drag([one, (one[0], one[1] + 6), (one[0], one[1] + 14)])
    np.testing.assert_allclose(points.data[0], (one[0], one[1] + 14), atol=1)
    assert parted()
    assert session.markers is not None
    np.testing.assert_allclose(session.markers, points.data, atol=0.01)
    assert int(np.flatnonzero(np.diff(labels.data[110, 70:103]))[0]) > wall
    # ... and moved away from the clump it parts it no more.
    mouse.drag([(one[0], one[1] + 14), (130, 80), (160, 80), (165, 60)])
    assert not parted()
    mouse.drag([(165, 60), (130, 70), one])
    assert parted()
    # Removed by the key, with the point selected.
    mouse.click(other)
    mouse.key(Qt.Key.Key_Delete)
    assert len(points.data) == 1
    assert not parted()
