"""The *Segment leukocytes* widget in a real window."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_leukocyte.errors import ModelError
from napari_leukocyte.session.computation import Computed
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import jobs
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.segment import run as computation
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import CENTRES, RADIUS, Networks, draw_field, run, settle


def labels_of(viewer: napari.Viewer) -> Labels:
    (layer,) = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    return layer


def objects(labels: Any) -> set[int]:
    return set(np.unique(labels).tolist()) - {0}


def state_of(widget: SegmentWidget) -> Session:
    assert widget.session is not None
    return widget.session


def test_a_run_makes_a_labels_layer_over_the_image(
    viewer: napari.Viewer, dock: SegmentWidget, networks: Networks, qtbot: QtBot
) -> None:
    viewer.add_image(
        draw_field(), name="field", scale=(0.2, 0.3), translate=(5, -7), rotate=12, units="um"
    )
    run(dock, qtbot)
    image, labels = viewer.layers
    assert labels.name == "field leukocytes"
    assert len(objects(labels.data)) == len(CENTRES)
    assert labels.data.dtype == np.int32
    np.testing.assert_allclose(labels.extent.world, image.extent.world)
    np.testing.assert_allclose(labels.data_to_world((10, 20)), image.data_to_world((10, 20)))
    assert labels.units == image.units
    assert "5 leukocytes" in dock.message
    assert dock.form.diameter.value() == 2 * RADIUS
    # What is drawn next is an object of its own.
    assert labels.selected_label not in objects(labels.data)


def test_without_an_image_there_is_a_hint(
    viewer: napari.Viewer, dock: SegmentWidget, field: NDArray[np.uint8]
) -> None:
    assert not dock.form.run.isEnabled()
    assert "Open a photograph" in dock.message
    viewer.add_image(field)
    assert dock.form.run.isEnabled()
    viewer.layers.clear()
    assert not dock.form.run.isEnabled()


def test_sliders_act_at_once_and_only_the_latest_counts(
    segmented: SegmentWidget,
    viewer: napari.Viewer,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels, before = labels_of(viewer), labels_of(viewer).data.copy()
    taken: list[float] = []
    take = Session.take

    def note(session: Session, computed: Computed, *, join: bool = False) -> None:
        taken.append(computed.computation.params.threshold)
        take(session, computed, join=join)

    monkeypatch.setattr(Session, "take", note)
    slider = segmented.form.parameters.input_of("threshold")
    for value in (0.4, 0.3, 0.2):
        slider.setValue(value)
    settle(segmented, qtbot)
    assert taken == [pytest.approx(0.2)]
    assert np.count_nonzero(labels.data) > np.count_nonzero(before)
    # The same cells have the same numbers.
    for y, x in CENTRES:
        assert labels.data[y, x] == before[y, x] > 0


def test_large_images_are_computed_off_the_main_thread(
    segmented: SegmentWidget,
    viewer: napari.Viewer,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(computation, "AT_ONCE_PX", 0)
    slider = segmented.form.parameters.input_of("threshold")
    before = np.count_nonzero(labels_of(viewer).data)
    for value in (0.8, 0.7, 0.2):
        slider.setValue(value)
        qtbot.wait(1)
    settle(segmented, qtbot)
    assert state_of(segmented).params.threshold == pytest.approx(0.2)
    assert np.count_nonzero(labels_of(viewer).data) > before


def test_what_was_painted_survives_sliders_and_runs(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    labels = labels_of(viewer)
    number = labels.selected_label
    labels.brush_size = 20
    labels.paint((150, 60), number)
    # A cell is erased, another one trimmed.
    erased = int(labels.data[CENTRES[0]])
    labels.fill(CENTRES[0], 0)
    trimmed = int(labels.data[CENTRES[1]])
    labels.data_setitem((np.arange(30, 40), np.full(10, 120)), 0)
    drawn = {n: labels.data == n for n in (number, trimmed)}
    for value in (0.2, 0.7, 0.35):
        segmented.form.parameters.input_of("threshold").setValue(value)
        settle(segmented, qtbot)
        for n, mask in drawn.items():
            np.testing.assert_array_equal(labels.data == n, mask)
        assert erased not in objects(labels.data)
        assert labels.data[CENTRES[0]] == 0
    run(segmented, qtbot)
    for n, mask in drawn.items():
        np.testing.assert_array_equal(labels.data == n, mask)
    assert labels.data[CENTRES[0]] == 0
    assert "2 objects edited by hand were kept" in segmented.message


def test_undo_after_a_computation_writes_nothing_stale(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    labels = labels_of(viewer)
    labels.mode = "paint"
    labels.fill(CENTRES[0], 0)
    segmented.form.parameters.input_of("threshold").setValue(0.25)
    settle(segmented, qtbot)
    computed = labels.data.copy()
    labels.undo()
    labels.redo()
    np.testing.assert_array_equal(labels.data, computed)
    np.testing.assert_array_equal(state_of(segmented).labels, computed)
    assert labels.mode == "paint"


def test_forgetting_edits_asks_first(
    segmented: SegmentWidget,
    viewer: napari.Viewer,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels, before = labels_of(viewer), labels_of(viewer).data.copy()
    assert not segmented.form.forget.isEnabled()
    labels.fill(CENTRES[0], 0)
    assert segmented.form.forget.isEnabled()
    answers = iter([QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes])
    monkeypatch.setattr(QMessageBox, "question", lambda *args: next(answers))
    segmented.form.forget.click()
    assert labels.data[CENTRES[0]] == 0
    segmented.form.forget.click()
    np.testing.assert_array_equal(labels.data > 0, before > 0)
    assert not segmented.form.forget.isEnabled()


def test_cancelling_leaves_everything_as_it_was(
    segmented: SegmentWidget, viewer: napari.Viewer, networks: Networks, qtbot: QtBot
) -> None:
    session, data = state_of(segmented), labels_of(viewer).data.copy()
    maps, params = session.maps, session.params
    networks.held = True
    networks.started.clear()
    segmented.form.run.click()
    qtbot.waitUntil(networks.started.is_set)
    assert not segmented.form.run.isEnabled()
    segmented.progress.cancel.click()
    settle(segmented, qtbot)
    assert (session.maps, session.params) == (maps, params)
    assert segmented.session is session
    np.testing.assert_array_equal(labels_of(viewer).data, data)
    assert len(viewer.layers) == 2
    assert "Cancelled" in segmented.message
    assert segmented.form.run.isEnabled()


def test_cancelling_the_first_run_leaves_nothing(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    image = viewer.add_image(field)
    networks.held = True
    dock.form.run.click()
    qtbot.waitUntil(networks.started.is_set)
    dock.cancel()
    settle(dock, qtbot)
    assert list(viewer.layers) == [image]
    assert links.existing_session(image) is None


def test_closing_the_dock_during_a_run(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer.add_image(field)
    networks.held = True
    dock.form.run.click()
    qtbot.waitUntil(networks.started.is_set)
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    del dock
    qtbot.waitUntil(lambda: not jobs._RUNNING)
    assert len(viewer.layers) == 1
    viewer.add_image(field)  # nobody listens any more


def test_closing_the_window_during_a_run(
    make_napari_viewer: Callable[..., napari.Viewer],
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer = make_napari_viewer(strict_qt="raise")
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget)
    viewer.add_image(field)
    networks.held = True
    widget.form.run.click()
    qtbot.waitUntil(networks.started.is_set)
    del widget
    viewer.close()
    qtbot.waitUntil(lambda: not jobs._RUNNING)


def test_removing_the_image_during_a_run_cancels_it(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer.add_image(field)
    networks.held = True
    dock.form.run.click()
    qtbot.waitUntil(networks.started.is_set)
    viewer.layers.clear()
    settle(dock, qtbot)
    assert not viewer.layers
    assert not dock.form.run.isEnabled()


def test_replacing_the_image_ends_its_session(
    segmented: SegmentWidget, viewer: napari.Viewer, networks: Networks, qtbot: QtBot
) -> None:
    image, labels, former = viewer.layers[0], labels_of(viewer), state_of(segmented)
    segmented.form.maps.boxes["probability"].setChecked(True)
    found = labels.data.copy()
    image.data = draw_field(CENTRES[:2])
    assert "image was replaced" in segmented.message
    assert segmented.session is None
    # The old labels stay, but as nobody's; the old map goes.
    assert list(viewer.layers) == [image, labels]
    assert links.session_of_labels(viewer, labels) is None
    run(segmented, qtbot)
    assert state_of(segmented) is not former
    newer = links.labels_layer_of(viewer, state_of(segmented))
    assert newer is not None
    assert len(objects(newer.data)) == 2
    np.testing.assert_array_equal(labels.data, found)


def test_a_result_for_a_replaced_image_is_not_shown(
    viewer: napari.Viewer, dock: SegmentWidget, networks: Networks, qtbot: QtBot
) -> None:
    first = viewer.add_image(draw_field(), name="first")
    networks.held = True
    dock.form.run.click()
    qtbot.waitUntil(networks.started.is_set)
    viewer.add_image(draw_field(), name="second")  # is chosen now
    first.data = draw_field(CENTRES[:2])
    networks.held = False
    settle(dock, qtbot)
    assert len(viewer.layers) == 2
    assert "replaced during the run" in dock.message


def test_a_deleted_labels_layer_comes_back_and_a_renamed_one_is_known(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    labels = labels_of(viewer)
    labels.name = "mine"
    segmented.form.parameters.input_of("threshold").setValue(0.3)
    settle(segmented, qtbot)
    assert labels_of(viewer) is labels
    viewer.layers.remove(labels)
    segmented.form.parameters.input_of("threshold").setValue(0.4)
    settle(segmented, qtbot)
    newer = labels_of(viewer)
    assert newer is not labels
    assert len(objects(newer.data)) == len(CENTRES)
    # The former one, put back, shows the same and is painted in with the same effect.
    viewer.layers.append(labels)
    np.testing.assert_array_equal(labels.data, newer.data)
    labels.fill(CENTRES[0], 0)
    np.testing.assert_array_equal(labels.data, newer.data)


def test_every_image_has_its_own_session_and_the_form_shows_it(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    first = state_of(segmented)
    form = segmented.form
    form.parameters.input_of("threshold").setValue(0.3)
    settle(segmented, qtbot)
    other = viewer.add_image(draw_field(CENTRES[:3]), name="other")
    assert segmented.image.layer() is other
    assert segmented.session is None
    form.parameters.input_of("threshold").setValue(0.6)
    run(segmented, qtbot)
    second = state_of(segmented)
    assert second is not first
    assert (first.params.threshold, second.params.threshold) == (0.3, 0.6)
    # Choosing the labels of the first image chooses the image.
    viewer.layers.selection.active = links.labels_layer_of(viewer, first)
    assert segmented.session is first
    assert form.parameters.record().threshold == 0.3
    assert form.parameters.input_of("threshold").value() == pytest.approx(0.3)
    assert "5 leukocytes" in segmented.message


def test_weights_act_at_once_and_never_are_all_zero(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    sliders = segmented.form.weights.sliders
    before = labels_of(viewer).data.copy()
    segmented.form.parameters.input_of("threshold").setValue(0.3)
    sliders[0].setValue(0)
    settle(segmented, qtbot)
    assert state_of(segmented).weights == (0, 1)
    assert not np.array_equal(labels_of(viewer).data, before)
    sliders[1].setValue(0)
    settle(segmented, qtbot)
    weights = state_of(segmented).weights
    assert weights is not None
    assert sum(weights) > 0


def test_maps_are_shown_on_request_and_follow(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    boxes = segmented.form.maps.boxes
    boxes["probability"].setChecked(True)
    boxes["disagreement"].setChecked(True)
    maps = {layer.name: layer for layer in viewer.layers if isinstance(layer, Image)}
    probability, disagreement = maps["field probability"], maps["field disagreement"]
    assert viewer.layers[-1] is labels_of(viewer)
    assert tuple(probability.contrast_limits) == (0, 1)
    np.testing.assert_array_equal(probability.data, state_of(segmented).probability)
    assert 0 < disagreement.data.max() <= 0.5
    # They are no photographs to be chosen.
    assert segmented.image.box.count() == 1
    segmented.form.weights.sliders[0].setValue(0)
    settle(segmented, qtbot)
    np.testing.assert_array_equal(probability.data, state_of(segmented).probability)
    assert disagreement.data.max() == 0
    boxes["disagreement"].setChecked(False)
    assert disagreement not in viewer.layers
    viewer.layers.remove(probability)
    assert not boxes["probability"].isChecked()


def test_points_part_cells_as_they_are_placed(
    segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    viewer.layers[0].scale = (1, 1)

    def data() -> NDArray[np.int32]:
        return np.asarray(labels_of(viewer).data)

    (one, other) = CENTRES[2:4]
    box = segmented.form.parameters.input_of("watershed")
    box.setCurrentIndex(box.findData("points"))
    settle(segmented, qtbot)
    assert data()[one] == data()[other] > 0
    points = viewer.layers["Watershed markers"]
    points.add(one)
    points.add((other[0], other[1]))
    settle(segmented, qtbot)
    assert 0 < data()[one] != data()[other] > 0
    points.selected_data = {1}
    points.remove_selected()
    settle(segmented, qtbot)
    assert data()[one] == data()[other]
    points.data = np.array([one, other])
    settle(segmented, qtbot)
    assert data()[one] != data()[other]
    # A layer that was deleted comes back with its points.
    viewer.layers.remove(points)
    segmented.form.parameters.input_of("threshold").setValue(0.4)
    settle(segmented, qtbot)
    np.testing.assert_array_equal(viewer.layers["Watershed markers"].data, [one, other])
    assert data()[one] != data()[other]


def test_nuclei_part_cells(segmented: SegmentWidget, viewer: napari.Viewer, qtbot: QtBot) -> None:
    one, other = CENTRES[2:4]
    box = segmented.form.parameters.input_of("watershed")
    for kind, parted in (("none", False), ("nucleus", True)):
        box.setCurrentIndex(box.findData(kind))
        settle(segmented, qtbot)
        assert bool(labels_of(viewer).data[one] != labels_of(viewer).data[other]) is parted


def test_a_stack_is_refused_with_its_axis(
    viewer: napari.Viewer, dock: SegmentWidget, networks: Networks, told: list[str], qtbot: QtBot
) -> None:
    viewer.add_image(np.zeros((7, 64, 80), np.uint8), name="stack")
    assert "axis 0 (7 planes)" in dock.message
    run(dock, qtbot)
    assert len(told) == 1
    assert told[0].count(".") == 1
    assert len(viewer.layers) == 1


def test_a_grey_image_works_with_a_note(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer.add_image(field[..., 1], name="grey")
    run(dock, qtbot)
    assert len(objects(labels_of(viewer).data)) == len(CENTRES)
    assert "The image is grey" in dock.message


def test_of_a_multiscale_image_the_finest_level_is_taken(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer.add_image([field, field[::2, ::2]], multiscale=True, rgb=True, name="pyramid")
    run(dock, qtbot)
    assert labels_of(viewer).data.shape == field.shape[:2]
    assert len(objects(labels_of(viewer).data)) == len(CENTRES)


def test_an_image_beyond_the_memory_is_refused(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    told: list[str],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer.add_image(field, name="field")
    little = SimpleNamespace(available=1000)
    monkeypatch.setattr("napari_leukocyte.ui.layers.source.psutil.virtual_memory", lambda: little)
    run(dock, qtbot)
    assert len(told) == 1
    assert "180 × 240 px" in told[0]
    assert "memory" in told[0]


def test_what_a_user_can_mend_is_told_in_one_sentence(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    told: list[str],
    qtbot: QtBot,
) -> None:
    viewer.add_image(field)
    networks.error = ModelError("The model file is damaged.")
    run(dock, qtbot)
    assert told == ["The model file is damaged."]
    assert "The model file is damaged." in dock.message
    assert len(viewer.layers) == 1
    networks.error = None
    run(dock, qtbot)
    assert "5 leukocytes" in dock.message


def test_presets_go_to_a_file_and_back(
    segmented: SegmentWidget,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "preset.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(path), ""))
    form = segmented.form
    form.parameters.input_of("threshold").setValue(0.37)
    form.parameters.input_of("border").setCurrentIndex(1)
    form.parameters.input_of("fill_holes").setChecked(False)
    saved = form.parameters.record()
    form.presets.save.click()
    assert json.loads(path.read_text())["schema"] == 1
    form.presets.reset.click()
    settle(segmented, qtbot)
    assert state_of(segmented).params.threshold == 0.5
    form.presets.load.click()
    settle(segmented, qtbot)
    assert form.parameters.record() == saved == state_of(segmented).params


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not whole JSON"),
        ("[1]", "must be names with values"),
        ('{"schema": 9, "parameters": {}}', "version 9"),
        (
            '{"schema": 1, "parameters": {"threshold": 3}}',
            "threshold must be from 0.01 to 0.99, not 3",
        ),
        ('{"schema": 1, "parameters": {"threshold": NaN}}', "holds NaN"),
        (
            '{"schema": 1, "parameters": {"treshold": 0.5}}',
            "there is no 'treshold': known are vote",
        ),
        ('{"schema": 1, "parameters": {"border": [1]}}', "border must be keep or drop, not [1]"),
    ],
)
def test_a_bad_preset_changes_nothing(
    dock: SegmentWidget,
    tmp_path: Path,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    sentence: str,
) -> None:
    path = tmp_path / "preset.json"
    path.write_text(content)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(path), ""))
    before = dock.form.parameters.record()
    dock.form.presets.load.click()
    assert len(told) == 1
    assert sentence in told[0]
    assert dock.form.parameters.record() == before


def test_a_set_diameter_is_used(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer.add_image(field)
    assert not dock.form.diameter.isEnabled()
    dock.form.automatic.setChecked(False)
    assert dock.form.diameter.isEnabled()
    dock.form.diameter.setValue(41)
    run(dock, qtbot)
    dock.form.automatic.setChecked(True)
    run(dock, qtbot)
    assert networks.diameters == [41, "auto"]


def test_parameters_set_before_the_first_run_count(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> None:
    viewer.add_image(field)
    box = dock.form.parameters.input_of("watershed")
    box.setCurrentIndex(box.findData("points"))
    dock.form.parameters.input_of("threshold").setValue(0.3)
    run(dock, qtbot)
    expected = replace(state_of(dock).params, watershed="points", threshold=0.3)
    assert state_of(dock).params == expected
    assert "Watershed markers" in viewer.layers
    assert len(objects(labels_of(viewer).data)) == len(CENTRES) - 1
