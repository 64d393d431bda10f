"""The shipped model in the real window: what a user gets who installs the plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Labels
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QTimer

import napari_leukocyte
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import settle

#: How often the window is asked whether it lives, ms, and how often it must answer at least while
#: the networks run: one that waits for them answers once or twice.
TICK_MS, FEWEST_TICKS = 10, 20


def test_the_shipped_model_segments_a_smear_while_the_window_lives(
    viewer: napari.Viewer, qtbot: QtBot
) -> None:
    smear = synthetic_smear(seed=3)
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget)
    viewer.add_image(smear.image, name="smear")
    # The first labels layer of a process costs napari imports and shaders, whoever adds it.
    viewer.layers.remove(viewer.add_labels(np.zeros((9, 9), int)))
    answers: list[bool] = []
    timer = QTimer()
    timer.timeout.connect(lambda: answers.append(widget.busy))
    timer.start(TICK_MS)
    widget.form.run.click()
    qtbot.waitUntil(lambda: not widget.busy, timeout=120_000)
    timer.stop()
    assert sum(answers) >= FEWEST_TICKS
    (labels,) = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    found = labels.data > 0
    truth = smear.labels > 0
    assert len(np.unique(labels.data)) > len(smear.classes) / 2
    assert np.count_nonzero(found & truth) / np.count_nonzero(found | truth) > 0.5
    assert widget.session is not None
    assert widget.session.maps is not None
    assert abs(widget.session.maps.diameter / smear.diameter - 1) < 0.5


def test_napari_docks_it_from_its_menu(
    viewer: napari.Viewer, npe2pm: Any, networks: Any, field: Any, qtbot: QtBot
) -> None:
    manifest = Path(napari_leukocyte.__file__).parent / "napari.yaml"
    if "napari-leukocyte" not in npe2pm:
        npe2pm.register(PluginManifest.from_file(manifest))
    image = viewer.add_image(field, name="field")
    # Napari hands the widget a proxy of the viewer, and proxies of its layers.
    _, widget = viewer.window.add_plugin_dock_widget("napari-leukocyte", "Segment leukocytes")
    assert isinstance(widget, SegmentWidget)
    widget.form.run.click()
    settle(widget, qtbot)
    assert widget.session is links.session_of(image)
    labels = links.labels_layer_of(viewer, widget.session)
    assert labels is viewer.layers[-1]
    labels.paint((150, 60), 50)
    assert 50 in widget.session.edits.labels
    box = widget.form.parameters.input_of("watershed")
    box.setCurrentIndex(box.findData("points"))
    settle(widget, qtbot)
    viewer.layers["Watershed markers"].add((110, 70))
    settle(widget, qtbot)
    markers = widget.session.markers
    assert markers is not None
    assert markers.tolist() == [[110, 70]]
    assert (labels.data == 50).any()
