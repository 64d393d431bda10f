from __future__ import annotations

from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter

from napari_leukocyte.counting.agreement import BlindRead, draw_blind
from napari_leukocyte.counting.own_classes import own_class, save_own_classes
from napari_leukocyte.session.reviews import recall_reader
from napari_leukocyte.ui.controls.own_classes_dialog import OwnClassesDialog
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.reader_name import keep_reader
from napari_leukocyte.ui.review.widget import ReviewWidget
from tests.gallery.work import CLASSES
from tests.ui.controls.test_own_classes_dialog import add_row
from tests.ui.review.conftest import QTEST, Bench
from tests.ui.tools.mouse import Mouse


def test_selection_goes_both_ways(bench: Bench) -> None:
    bench.choose()
    bench.click(5)
    assert bench.objects.selected == [5]
    bench.objects.select([2, 3])
    assert bench.selected == [2, 3]
    bench.settle()
    details = bench.widget.form.details
    assert details.title.text() == "Cell 2: Neutrophil (and 1 more selected)"


@pytest.mark.parametrize("layer", ["field", "field leukocytes"])
def test_a_click_on_the_image_shows_the_cell(bench: Bench, layer: str) -> None:
    bench.choose()
    bench.widget.form.zoom.setValue(250)  # so that the gallery must scroll
    active = bench.viewer.layers[layer]
    bench.viewer.layers.selection.active = active
    active.mode = "pan_zoom"
    bench.settle()
    mouse = Mouse(bench.viewer, active)
    mouse.click((60, 140))  # the eighth cell
    assert bench.session.selection == {8}
    assert bench.selected == [8]
    row = bench.gallery.cells.row_of(8)
    assert row is not None
    viewport = bench.gallery.viewport()
    assert viewport is not None
    assert viewport.rect().contains(bench.gallery.visualRect(bench.gallery.cells.index(row)))
    mouse.click((1, 1))
    assert bench.selected == []


def test_a_cell_that_is_not_shown_keeps_its_selection(bench: Bench) -> None:
    bench.choose(show="class:basophil")
    bench.session.select([1])
    bench.settle()
    assert bench.selected == []
    assert bench.session.selection == {1}
    assert bench.widget.form.details.label == 1


def test_double_click_goes_to_the_cell(bench: Bench) -> None:
    bench.choose()
    camera = bench.viewer.scene.camera
    camera.zoom = 0.5
    bench.double_click(8)
    assert camera.center[-2:] == pytest.approx((60, 140), abs=1)
    assert camera.zoom > 1
    assert bench.objects.selected == [8]
    camera.center = (0, 0, 0)
    bench.click(1)
    bench.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert camera.center[-2:] == pytest.approx((20, 20), abs=1)


def test_a_reader_named_elsewhere_reads_here_too(bench: Bench) -> None:
    bench.choose()
    keep_reader("  B.  Other")
    assert recall_reader() == bench.widget.form.reader.text() == "B. Other"
    assert bench.session.reader == "B. Other"


def test_details_show_all_that_is_known(bench: Bench) -> None:
    bench.choose()
    form = bench.widget.form
    form.reader.setText("  A. Reader ")
    form.reader.editingFinished.emit()
    assert recall_reader() == "A. Reader"
    bench.click(2)
    bench.key(Qt.Key.Key_M)
    bench.settle()
    details = form.details
    assert details.title.text() == "Cell 2: Monocyte"
    assert details.prediction.text() == "Model: Neutrophil"
    assert details.review.text().startswith("Reader: Monocyte, by A. Reader, 20")
    assert next(iter(details.bars.values)) == "neutrophil"
    assert sum(details.bars.values.values()) == pytest.approx(1)
    assert "diameter" in details.measurements.text().lower()
    assert all(not p.pixmap().isNull() for p in details.pictures)


def test_a_note_is_saved_once_and_can_be_undone(bench: Bench) -> None:
    bench.choose()
    bench.click(2)
    bench.settle()
    note = bench.widget.form.details.note
    note.setFocus()
    QTEST.keyClicks(note, "two nuclei")
    assert 2 not in bench.session.reviews  # only when it is finished
    bench.click(3)
    bench.settle()
    assert bench.session.reviews[2].note == "two nuclei"
    bench.settle()
    assert note.text() == ""
    bench.session.undo()
    assert 2 not in bench.session.reviews


def test_flags_are_ticked(bench: Bench) -> None:
    bench.choose()
    bench.click(6)
    bench.settle()
    bench.widget.form.details.flags["to discuss"].click()
    assert bench.session.reviews[6].flags == {"to discuss"}


def test_confirming_all_that_is_shown_is_one_step(bench: Bench) -> None:
    bench.choose(show="class:neutrophil")
    bench.widget.form.approve_all.click()
    assert sorted(bench.session.reviews) == [1, 2, 7]
    assert bench.session.undo_text == "Confirm 3 cells"
    bench.session.undo()
    assert not bench.session.reviews


def test_what_has_no_class_cannot_be_confirmed(bench: Bench) -> None:
    bench.choose()
    labels = bench.session.labels.copy()
    labels[:4, :4] = 9
    bench.session.accept_edit(labels)
    bench.settle()
    assert 9 in bench.shown
    bench.click(9)
    bench.key(Qt.Key.Key_Space)
    assert "none to confirm" in bench.viewer.status
    assert 9 not in bench.session.reviews
    assert UNCLASSIFIED in bench.widget.form.show_box.itemText(
        bench.widget.form.show_box.count() - 1
    )


def test_confirming_all_says_what_it_could_not_confirm(bench: Bench) -> None:
    labels = bench.session.labels.copy()
    labels[:4, :4], labels[:4, 8:12] = 9, 10
    bench.session.accept_edit(labels)
    bench.settle()
    confirm, form = bench.widget.form.approve_all.click, bench.widget.form
    form.show_box.setCurrentIndex(form.show_box.count() - 1)  # only unclassified ones
    assert bench.shown == [9, 10]
    confirm()
    assert bench.viewer.status.startswith("Nothing to confirm: 2 cells have no class")
    assert not bench.session.reviews
    bench.choose()
    confirm()
    assert sorted(bench.session.reviews) == list(range(1, 9))
    assert bench.viewer.status.startswith("8 cells confirmed. 2 cells have no class")
    bench.session.set_class([9, 10], "basophil")
    bench.choose(show="class:basophil")
    bench.session.approve([8])
    form.approve_all.setEnabled(True)
    confirm()
    assert bench.viewer.status == "All cells that are shown are reviewed."


def test_own_classes_have_their_keys(bench: Bench) -> None:
    save_own_classes([own_class("blast", "#123456", "k")])
    bench.dock.hide()
    bench.dock.show()
    bench.settle()
    bench.choose()
    bench.click(4)
    bench.key(Qt.Key.Key_K)
    assert bench.class_of(4) == "blast"
    bench.widget.form.classes.button("blast").click()


def test_own_classes_are_made_from_the_class_bar(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(dialog: OwnClassesDialog) -> int:
        add_row(dialog, "blast", "k")
        dialog.accept()
        return dialog.result()

    monkeypatch.setattr(OwnClassesDialog, "exec", fill)
    bench.choose()
    bench.widget.form.classes.own.click()
    bench.settle()
    bench.click(4)
    bench.key(Qt.Key.Key_K)
    assert bench.class_of(4) == "blast"
    bench.settle()
    assert bench.widget.form.classes.button("blast").text() == "K  Blast  1"
    assert bench.widget.form.show_box.findData("class:blast") >= 0
    own = bench.widget.form.classes.own
    assert own.isVisible()
    assert own.y() >= bench.widget.form.classes.button("blast").y()


# -- blind ------------------------------------------------------------------------------------


def test_a_blind_read_hides_asks_and_reports(bench: Bench) -> None:
    bench.choose(sort="uncertainty", grouped=True)
    panel = bench.widget.form.blind
    panel.share.setValue(50)
    panel.button.click()
    read = bench.session.blind
    assert read is not None
    assert len(read.labels) == 4
    hidden = sorted(read.labels)
    group = bench.gallery.cells.groups[0]
    assert (group.kind, list(group.labels)) == ("hidden", hidden)
    features = bench.objects.layer.features.set_index("label")
    assert set(features["class"][hidden]) == {UNCLASSIFIED}
    assert features[["predicted", "confidence"]].loc[hidden].isna().all(axis=None)
    bench.click(hidden[0])
    bench.settle()
    details = bench.widget.form.details
    assert details.title.text() == f"Cell {hidden[0]}: ?"
    assert "hidden" in details.prediction.text()
    assert details.bars.values == {}
    # There is nothing to confirm before a class was said.
    bench.key(Qt.Key.Key_Space)
    bench.widget.form.approve_all.click()
    assert not set(hidden) & set(bench.session.reviews)
    wrong = "basophil" if CLASSES[hidden[0] - 1] != "basophil" else "monocyte"
    bench.click(hidden[0])
    bench.key(Qt.Key.Key_B if wrong == "basophil" else Qt.Key.Key_M)
    assert bench.session.blind is not None
    assert bench.session.blind.answers == {hidden[0]: wrong}
    bench.settle()
    assert bench.widget.cells is not None
    assert bench.widget.cells[hidden[0]].predicted == CLASSES[hidden[0] - 1]
    # Another view answers as well; the last answer ends it.
    for label in hidden[1:]:
        bench.session.set_class([label], CLASSES[label - 1])
    bench.qtbot.waitUntil(lambda: bench.session.blind is None)
    bench.settle()
    assert UNCLASSIFIED not in set(bench.objects.layer.features["class"])
    assert "3 of 4 cells" in panel.report.text()
    assert "kappa" in panel.report.text()


def test_a_read_can_be_begun_elsewhere_and_ended_here(bench: Bench) -> None:
    read: BlindRead = draw_blind(range(1, 9), 0.25, 3, "field")
    bench.session.begin_blind(read)
    assert bench.widget.form.blind.button.text() == "End the blind read"
    bench.widget.form.blind.button.click()
    assert bench.session.blind is None
    assert "Nothing was read blindly" in bench.widget.form.blind.report.text()


# -- what it follows --------------------------------------------------------------------------


def test_without_an_image_and_with_another(viewer: napari.Viewer, qtbot: Any) -> None:
    widget = ReviewWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Review")
    assert widget.session is None
    assert "Open an image" in widget.form.gallery.empty_text
    image = viewer.add_image(np.full((60, 60, 3), 220, np.uint8), name="one")
    qtbot.waitUntil(lambda: "Segment" in widget.form.gallery.empty_text)
    session = links.session_of(image)
    labels = np.zeros((60, 60), np.int32)
    labels[20:40, 20:40] = 1
    session.accept_edit(labels)
    links.show_labels(viewer, session, image)
    qtbot.waitUntil(lambda: list(widget.form.gallery.cells.labels) == [1])
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget.session is None)
    assert list(widget.form.gallery.cells.labels) == []


def test_it_opens_on_the_image_that_is_in_sight(viewer: napari.Viewer) -> None:
    def add(name: str, visible: bool) -> Image:
        pixels = np.full((60, 60, 3), 200 + len(viewer.layers), np.uint8)
        return viewer.add_layer(Image(pixels, name=name, visible=visible))

    # As samples and the command line open several: only the first one is in sight.
    first, second = add("first", True), add("second", False)
    widget = ReviewWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Review")
    choice = widget.form.image
    assert choice.layer() is first
    # One that comes out of sight takes no place; a click on it does, and so does one in sight.
    third = add("third", False)
    assert choice.layer() is first
    viewer.layers.selection.active = second
    assert choice.layer() is second
    viewer.layers.selection.active = third
    assert choice.layer() is third
    assert add("fourth", True) is choice.layer()


def test_it_lies_beside_itself_in_a_wide_dock(bench: Bench) -> None:
    splitter = bench.widget.form.findChild(QSplitter)
    assert splitter is not None
    assert splitter.orientation() == Qt.Orientation.Vertical
    bench.dock.setFloating(True)
    bench.dock.resize(1300, 420)
    bench.qtbot.waitUntil(lambda: splitter.orientation() == Qt.Orientation.Horizontal)
    bench.settle()
    assert bench.gallery.width() > 400
