from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_leukocyte.classification.inference import classify
from napari_leukocyte.counting.agreement import draw_blind
from napari_leukocyte.interpretation import findings
from napari_leukocyte.interpretation.attributes import save_head
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import FOLDER_VARIABLE, find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import jobs
from napari_leukocyte.ui.explain.widget import WhyWidget, region_of
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.ui.segment.widget import SegmentWidget
from napari_leukocyte.vocabulary import DISCLAIMER, written
from tests.interpretation.networks import field, write_classifier
from tests.interpretation.test_attributes import HEAD
from tests.ui.tools.mouse import Mouse

pytest.importorskip("onnx")


@pytest.fixture
def classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    write_classifier(tmp_path / "colours")
    return find_model("classification", "colours")


class Bench:
    """A window with a red and a blue cell side by side, and the widget."""

    def __init__(self, viewer: napari.Viewer, classifier: Manifest, qtbot: QtBot) -> None:
        self.viewer, self.classifier, self.qtbot = viewer, classifier, qtbot
        red, labels = field()
        blue, _ = field((60, 60, 230))
        rgb = np.concatenate([red, blue], axis=1)
        both = np.concatenate([np.where(labels, 1, 0), np.where(labels, 2, 0)], axis=1)
        # Turned, of another scale and place: the map must lie right all the same.
        self.image = viewer.add_image(
            rgb, name="field", scale=(0.5, 0.5), translate=(7, -3), rotate=20
        )
        self.session: Session = links.session_of(self.image)
        self.session.accept_edit(both.astype(np.int32))
        links.show_labels(viewer, self.session, self.image)
        self.widget = WhyWidget(viewer)
        self.dock = viewer.window.add_dock_widget(self.widget, name="Why", area="right")

    def classify(self) -> pd.DataFrame:
        table = classify(self.session.rgb, self.session.labels, "colours")
        self.session.set_predictions(table, "colours", describe_model(self.classifier))
        return table

    def settle(self) -> None:
        self.qtbot.wait(20)
        self.qtbot.waitUntil(lambda: self.widget.settled, timeout=120_000)

    def select(self, *labels: int) -> None:
        self.session.select(labels)
        self.settle()

    @property
    def state(self) -> str:
        return self.widget.message


@pytest.fixture
def bench(
    make_napari_viewer: Callable[..., napari.Viewer], classifier: Manifest, qtbot: QtBot
) -> Bench:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    viewer.window.resize(1100, 800)
    return Bench(viewer, classifier, qtbot)


def test_it_says_what_is_missing_until_a_cell_is_selected(bench: Bench) -> None:
    bench.settle()
    assert "not classified yet" in bench.state
    bench.classify()
    bench.settle()
    assert bench.state.startswith("Select a cell")
    bench.viewer.layers.remove(bench.image)
    bench.settle()
    assert bench.state.startswith("Open an image")


def test_the_selected_cell_is_explained(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_head(HEAD, bench.classifier, tmp_path / "words")
    monkeypatch.setattr(findings, "load_head", lambda c: load(c, tmp_path / "words"))
    table = bench.classify()
    bench.select(1)
    form, found = bench.widget.form, bench.widget.findings
    assert found is not None
    assert found.explanation.class_name == "eosinophil"
    percent = 100 * table["confidence"].iloc[0]
    assert form.title.text() == f"Cell 1: Eosinophil, {percent:.0f} %"
    assert next(iter(form.bars.values)) == "eosinophil"
    assert "red" in form.attributes.text()
    assert "F1 0.90" in form.attributes.text()
    assert "Second: " in form.second.text()
    assert "Area" in form.measured.text()
    # Nothing is known of this classifier's neighbours, and that is said.
    assert not form.sections["neighbours"].isVisible()
    assert "cells to compare with" in form.notes.text().lower()
    labels = [w.text() for w in bench.widget.findChildren(type(form.title))]
    assert DISCLAIMER in labels
    bench.select(2)
    assert form.title.text().startswith("Cell 2: Basophil")
    bench.select(1, 2)
    assert form.title.text().endswith("(and 1 more selected)")


def test_the_map_lies_over_the_cell(bench: Bench) -> None:
    bench.classify()
    active = bench.viewer.layers.selection.active
    for label, granule in ((1, (50, 72)), (2, (50, 212))):
        bench.select(label)
        layer = bench.widget.map_layer.layer
        assert layer is not None
        assert layer.name == f"field why {label}"
        top = np.unravel_index(int(np.argmax(layer.data)), layer.data.shape)
        world = layer.data_to_world(top)
        np.testing.assert_allclose(bench.image.world_to_data(world), granule, atol=8)
        low, high = layer.contrast_limits
        assert low == -high
        assert high == pytest.approx(np.abs(layer.data).max())
    names = [layer.name for layer in bench.viewer.layers]
    assert names == ["field", "field why 2", "field leukocytes"]
    assert bench.viewer.layers.selection.active is active
    bench.widget.form.opacity.setValue(0.3)
    assert bench.widget.map_layer.layer is not None
    assert bench.widget.map_layer.layer.opacity == pytest.approx(0.3)
    bench.widget.form.on_image.setChecked(False)
    assert bench.widget.map_layer.layer is None
    bench.widget.form.on_image.setChecked(True)
    assert bench.widget.map_layer.layer is not None
    bench.select()
    assert len(bench.viewer.layers) == 2
    assert bench.state.startswith("Select a cell")


def test_the_map_is_no_photograph(bench: Bench) -> None:
    bench.classify()
    segment = SegmentWidget(bench.viewer)
    bench.viewer.window.add_dock_widget(segment, name="Segment")
    bench.select(1)
    box = bench.widget.image.box
    assert [box.itemText(i) for i in range(box.count())] == ["field"]
    bench.viewer.layers.selection.active = bench.widget.map_layer.layer
    assert bench.widget.image.layer() is bench.image


def test_a_changed_mask_is_explained_anew_and_undo_brings_the_former_back(bench: Bench) -> None:
    bench.classify()
    bench.select(1)
    before = bench.widget.findings
    labels = bench.session.labels.copy()
    labels[:50][labels[:50] == 1] = 0
    bench.session.accept_edit(labels)
    bench.settle()
    after = bench.widget.findings
    assert before is not None
    assert after is not None
    assert after.measured.area_px < before.measured.area_px
    bench.session.undo()
    bench.settle()
    assert bench.widget.findings is not None
    assert bench.widget.findings.explanation is before.explanation


def test_another_class_can_be_asked_about(bench: Bench) -> None:
    bench.classify()
    bench.select(1)
    box = bench.widget.form.class_box
    shown = [box.itemText(i) for i in range(1, box.count())]
    assert shown == [written(name) for name in bench.classifier.classes]
    box.setCurrentIndex(box.findData("basophil"))
    bench.settle()
    found = bench.widget.findings
    assert found is not None
    assert found.explanation.class_name == "basophil"
    assert bench.widget.form.title.text().startswith("Cell 1: Basophil")


def test_slow_methods_wait_for_the_button_and_can_be_cancelled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lime")
    bench.classify()
    bench.select(1)
    form = bench.widget.form
    form.method.setCurrentIndex(form.method.findData("lime"))
    bench.settle()
    assert bench.widget.findings is None
    assert bench.state.startswith("Press “Explain”")
    form.ask.click()
    bench.settle()
    found = bench.widget.findings
    assert found is not None
    assert found.explanation.method == "lime"
    assert "R²" in form.map_text.text()
    bench.select(2)
    begun = []

    def endless(question: findings.Question, progress: Progress) -> None:
        begun.append(True)
        while True:
            time.sleep(0.002)
            progress(1, 2, "Explaining")

    monkeypatch.setattr("napari_leukocyte.ui.explain.widget.find_out", endless)
    form.ask.click()
    bench.qtbot.waitUntil(lambda: bool(begun))
    assert bench.widget.progress.cancel.isEnabled()
    bench.widget.progress.cancel.click()
    bench.settle()
    assert bench.state.startswith("Cancelled")
    assert not bench.widget.progress.cancel.isEnabled()
    form.ask.click()
    bench.qtbot.waitUntil(lambda: len(begun) == 2)
    # Closed in the midst of it: nothing may be left.
    bench.viewer.window.remove_dock_widget(bench.dock)
    bench.widget.deleteLater()
    bench.qtbot.waitUntil(lambda: not jobs._RUNNING)


def test_what_is_read_blindly_is_not_explained(bench: Bench) -> None:
    bench.classify()
    bench.select(1)
    assert bench.widget.findings is not None
    bench.session.begin_blind(draw_blind([1, 2], 1.0, 0, "field"))
    assert bench.widget.findings is None
    bench.session.select([2])
    bench.settle()
    assert bench.widget.findings is None
    assert bench.widget.map_layer.layer is None
    assert "read blindly" in bench.state
    assert not any(s.isVisible() for s in bench.widget.form.sections.values())
    bench.session.set_class([2], "basophil")
    bench.widget.explain_now()
    bench.settle()
    assert bench.widget.findings is not None


def test_a_classifier_that_has_changed_or_gone_is_named(bench: Bench, tmp_path: Path) -> None:
    bench.classify()
    (member,) = bench.classifier.members
    other = replace(bench.classifier, members=(replace(member, weight=2.0),))
    predictions = bench.session.predictions
    assert predictions is not None
    bench.session.set_predictions(predictions.table, "colours", describe_model(other))
    bench.select(1)
    assert "has changed since it classified" in bench.widget.form.notes.text()
    bench.session.set_predictions(predictions.table, "no such model")
    bench.settle()
    assert bench.widget.findings is None
    assert "no such model" in bench.state


def test_clicks_select_with_and_without_the_gallery(bench: Bench) -> None:
    bench.classify()
    bench.settle()
    layer = bench.image
    bench.viewer.layers.selection.active = layer
    mouse = Mouse(bench.viewer, layer)
    mouse.click((50, 60))
    assert bench.session.selection == {1}
    review = ReviewWidget(bench.viewer)
    bench.viewer.window.add_dock_widget(review, name="Review")
    bench.qtbot.wait(80)
    mouse.click((50, 200), Qt.KeyboardModifier.ShiftModifier)
    assert bench.session.selection == {1, 2}


def test_the_map_goes_with_the_widget(bench: Bench) -> None:
    bench.classify()
    bench.select(1)
    assert "field why 1" in bench.viewer.layers
    bench.viewer.window.remove_dock_widget(bench.dock)
    bench.settle()
    assert "field why 1" not in bench.viewer.layers
    bench.session.select([2])
    bench.settle()
    assert "field why 2" not in bench.viewer.layers
    bench.viewer.window.add_dock_widget(bench.widget, name="Why")
    bench.settle()
    assert "field why 2" in bench.viewer.layers
    bench.viewer.window.remove_dock_widget(bench.widget)
    bench.widget.deleteLater()
    bench.qtbot.waitUntil(lambda: "field why 2" not in bench.viewer.layers)
    bench.session.select([1])
    bench.qtbot.wait(300)
    assert "field why 1" not in bench.viewer.layers


def test_one_object_is_found_among_many() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[2:5, 3:6] = 4
    labels[3, 4] = 5
    region = region_of(labels, 4)
    assert region is not None
    assert (region.y0, region.x0, region.y1, region.x1, region.area) == (2, 3, 5, 6, 8)
    assert region_of(labels, 6) is None


def load(classifier: Manifest, folder: Path) -> object:
    from napari_leukocyte.interpretation.attributes import load_head

    return load_head(classifier, folder)
