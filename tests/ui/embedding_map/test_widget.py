"""The widget *Map of the cells* in a real window, with a network that judges by colour."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QToolTip

from napari_leukocyte.classification import embedding
from napari_leukocyte.classification.inference import classify
from napari_leukocyte.counting.agreement import draw_blind
from napari_leukocyte.interpretation.embedding_map import making
from napari_leukocyte.io import user_files
from napari_leukocyte.models.registry import FOLDER_VARIABLE
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import jobs
from napari_leukocyte.ui.embedding_map import shown as shown_map
from napari_leukocyte.ui.embedding_map.form import EVERYWHERE
from napari_leukocyte.ui.embedding_map.widget import CellMapWidget
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.reader_name import keep_reader
from napari_leukocyte.ui.review.picking import ClickToSelect
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.interpretation.networks import write_classifier
from tests.ui.embedding_map.test_scatter import LEFT, NONE, QTEST, SHIFT, around, at, drag
from tests.ui.tools.mouse import Mouse

pytest.importorskip("onnx")
PITCH, SIDE = 50, 36


def field(rows: int, columns: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw red and blue cells on a grid; the odd numbers are red."""
    rng = np.random.default_rng(seed)
    shape = (rows * PITCH, columns * PITCH)
    rgb, labels = np.full((*shape, 3), 240, np.uint8), np.zeros(shape, np.int32)
    for i in range(rows * columns):
        y, x = PITCH * (i // columns) + 7, PITCH * (i % columns) + 7
        color = np.array((220, 90, 90) if i % 2 == 0 else (90, 90, 220))
        rgb[y : y + SIDE, x : x + SIDE] = np.clip(color + rng.integers(-25, 25, 3), 0, 255)
        labels[y : y + SIDE, x : x + SIDE] = i + 1
    return rgb, labels


class Bench:
    """A window with a field of 36 cells, and the widget."""

    def __init__(self, viewer: napari.Viewer, qtbot: QtBot) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        self.widget = CellMapWidget(viewer)
        self.dock = viewer.window.add_dock_widget(self.widget, name="Map", area="right")
        self.form = self.widget.form

    def open(self, name: str, rows: int = 6, seed: int = 0, classified: bool = True) -> Session:
        rgb, labels = field(rows, 6, seed)
        image = self.viewer.add_image(rgb, name=name)
        session: Session = links.session_of(image)
        session.accept_edit(labels)
        links.show_labels(self.viewer, session, image)
        if classified:
            table = classify(session.rgb, session.labels, "colours")
            session.set_predictions(table, "colours")
        self.viewer.layers.selection.active = image
        return session

    def settle(self) -> None:
        self.qtbot.wait(30)
        self.qtbot.waitUntil(lambda: self.widget.settled, timeout=60_000)

    def rows(self, *labels: int) -> list[int]:
        assert self.widget.shown is not None
        known = self.widget.shown.map.cells.labels.tolist()
        return [known.index(n) for n in labels]

    @property
    def positions(self) -> dict[int, tuple[float, ...]]:
        assert self.widget.shown is not None
        found = self.widget.shown.map
        places = map(tuple, found.positions.tolist())
        return dict(zip(found.cells.labels.tolist(), places, strict=True))


@pytest.fixture
def bench(
    make_napari_viewer: Callable[..., napari.Viewer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> Bench:
    monkeypatch.setenv(user_files.FOLDER_VARIABLE, str(tmp_path / "config"))
    monkeypatch.setenv(embedding.FOLDER_VARIABLE, str(tmp_path / "embeddings"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    write_classifier(tmp_path / "models" / "colours")
    making.forget()
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    viewer.window.resize(1300, 1000)
    return Bench(viewer, qtbot)


def test_it_says_what_is_missing_then_maps_and_forgets(bench: Bench) -> None:
    form = bench.form
    bench.settle()
    assert bench.widget.message.startswith("Open an image")
    assert not form.scatter.isVisible()
    assert DISCLAIMER in [w.text() for w in bench.widget.findChildren(type(form.summary))]
    rgb, labels = field(1, 2)
    image = bench.viewer.add_image(rgb, name="two")
    session = links.session_of(image)
    bench.settle()
    session.accept_edit(np.zeros_like(labels))
    bench.widget.update_soon()
    bench.settle()
    assert bench.widget.message.startswith("No cells yet")
    # The default classifier is asked where none has given classes.
    session.accept_edit(labels)
    bench.settle()
    assert bench.widget.message.startswith("These cells are not classified")
    assert form.summary.text() == "2 cells; principal components."
    assert list(form.legend.buttons) == ["unclassified"]
    table = classify(session.rgb, session.labels, "colours")
    session.set_predictions(table, "colours")
    bench.settle()
    assert not bench.widget.message
    texts = [b.text() for b in form.legend.buttons.values()]
    assert texts == ["Eosinophil  1", "Basophil  1"]
    assert "30 cells" in form.said["suspects"].text()
    bench.viewer.layers.remove(image)
    bench.settle()
    assert bench.widget.message.startswith("Open an image")
    assert bench.widget.shown is None


def test_selection_goes_both_ways(bench: Bench) -> None:
    session = bench.open("field")
    bench.settle()
    form, scatter = bench.form, bench.form.scatter
    assert form.summary.text() == "36 cells; t-SNE."
    (row,) = bench.rows(7)
    QTEST.mouseClick(scatter, LEFT, NONE, at(scatter, row))
    assert len(session.selection) == 1
    session.select([3, 4])
    assert np.flatnonzero(scatter.chosen).tolist() == bench.rows(3, 4)
    assert "2 selected" in form.summary.text()
    # The red ones lie by themselves.
    red = list(range(1, 37, 2))
    drag(scatter, around(scatter, bench.rows(*red)))
    assert session.selection == set(red)
    form.legend.buttons["basophil"].click()
    assert session.selection == set(range(2, 37, 2))
    scatter.setFocus()
    QTEST.keyClick(scatter, Qt.Key.Key_Escape)
    assert not session.selection
    assert not form.similar.isEnabled()
    session.select([8])
    form.number.setValue(4)
    form.similar.click()
    assert len(session.selection) == 5
    assert all(n % 2 == 0 for n in session.selection)
    bench.widget._tell(bench.rows(8)[0], QPoint(40, 40))
    assert "Basophil" in QToolTip.text()
    assert "field, cell 8" in QToolTip.text()
    assert "data:image/png" in QToolTip.text()
    QToolTip.hideText()
    # A click on the image; of two widgets that listen, one adds the cell.
    other = ClickToSelect(bench.viewer, lambda: session)
    mouse = Mouse(bench.viewer, bench.viewer.layers["field"])
    mouse.click((25, 25))
    assert session.selection == {1}
    mouse.click((25, 75), SHIFT)
    assert session.selection == {1, 2}
    assert np.flatnonzero(scatter.chosen).tolist() == bench.rows(1, 2)
    other.release()
    QTEST.mouseDClick(scatter, LEFT, NONE, at(scatter, bench.rows(1)[0]))
    assert session.selection <= set(red)
    assert bench.viewer.scene.camera.zoom > 1


def test_a_group_gets_a_class_and_doubts_are_listed(bench: Bench) -> None:
    keep_reader("Ada")
    session = bench.open("field")
    bench.settle()
    form, scatter = bench.form, bench.form.scatter
    red = list(range(1, 37, 2))
    drag(scatter, around(scatter, bench.rows(*red)))
    steps = session.revision
    window: Any = bench.widget.window()
    window.activateWindow()
    bench.qtbot.waitUntil(bench.widget.isActiveWindow)
    scatter.setFocus()
    QTEST.keyClick(scatter, Qt.Key.Key_L)
    assert session.assigned == dict.fromkeys(red, "lymphocyte")
    assert session.revision == steps + 1
    assert session.reviews[1].reader == "Ada"
    assert form.legend.buttons["lymphocyte"].text() == "Lymphocyte  18"
    QTEST.keyClick(scatter, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not session.assigned
    bench.settle()
    # Two that lie among the others by mistake.
    session.set_class([1, 3], "basophil")
    bench.settle()
    assert bench.widget.suspects is not None
    assert sorted(form.suspects.cells()) == bench.rows(1, 3)
    item = form.suspects.item(0, 2)
    assert item is not None
    assert item.text() == "eosinophil"
    form.suspects.selectRow(0)
    (first,) = session.selection
    assert first in (1, 3)
    place = session.table().set_index("label").loc[first]
    center = bench.viewer.scene.camera.center[-2:]
    np.testing.assert_allclose(center, place[["y", "x"]].to_numpy(float), atol=1)
    menu = form.classify.menu()
    assert menu is not None
    next(a for a in menu.actions() if a.text().startswith("Eosinophil")).trigger()
    bench.settle()
    assert session.assigned[first] == "eosinophil"
    assert len(form.suspects.cells()) == 1


def test_cells_keep_their_places(bench: Bench) -> None:
    session = bench.open("field")
    bench.settle()
    before = bench.positions
    labels = session.labels.copy()
    labels[labels == 5] = 0
    labels[labels == 6] = 0
    labels[7:30, 207:236] = 40  # where 5 was
    session.accept_edit(labels)
    bench.settle()
    after = bench.positions
    assert set(before) - set(after) == {5, 6}
    assert set(after) - set(before) == {40}
    assert all(after[n] == before[n] for n in after if n != 40)
    session.undo()
    bench.settle()
    assert bench.positions == before
    placer = bench.widget.shown.map.layout.placer if bench.widget.shown else None
    bench.form.anew.click()
    bench.settle()
    assert bench.widget.shown is not None
    assert bench.widget.shown.map.layout.placer is not placer


def test_all_open_images_in_one_map(bench: Bench) -> None:
    one, two = bench.open("one"), bench.open("two", 4, 1)
    bench.settle()
    form = bench.form
    assert form.summary.text().startswith("24 cells")
    form.scope.setCurrentIndex(form.scope.findData(EVERYWHERE))
    bench.settle()
    assert form.summary.text().startswith("60 cells")
    form.legend.buttons["eosinophil"].click()
    assert (len(one.selection), len(two.selection)) == (18, 12)
    acts = bench.widget.acts
    acts.classify("monocyte")
    assert (len(one.assigned), len(two.assigned)) == (18, 12)
    acts.step_back()
    assert not one.assigned
    assert not two.assigned
    acts.step_back(again=True)
    assert (len(one.assigned), len(two.assigned)) == (18, 12)
    # Something else since: then that alone is taken back.
    one.set_flag([2], "to discuss")
    bench.viewer.layers.selection.active = links.image_layer_of(bench.viewer, one)
    acts.step_back()
    assert len(one.assigned) == 18
    # The second image lies over the first.
    bench.settle()
    shown = bench.widget.shown
    assert shown is not None
    images = [links.image_layer_of(bench.viewer, s) for s in (one, two)]
    for session, expected in ((one, [True, False]), (two, [False, True])):
        row = next(i for i in range(60) if (c := shown.cell(i)) and c[0] is session)
        acts.go_to(row)
        assert [image.visible for image in images if image is not None] == expected
        assert bench.viewer.layers.selection.active is images[expected.index(True)]
    places = dict(list(bench.positions.items())[:24])
    bench.viewer.layers.remove(images[0])
    bench.settle()
    assert form.summary.text().startswith("24 cells")
    assert places == bench.positions


def test_a_blind_read_hides_the_map_at_once(bench: Bench) -> None:
    bench.open("other", 2, 1)
    session = bench.open("field")
    bench.settle()
    assert bench.form.scatter.isVisible()
    session.begin_blind(draw_blind(range(1, 37), 1.0, 0, "field"))
    assert not bench.form.scatter.isVisible()
    assert not bench.form.legend.isVisible()
    assert not bench.form.suspects.isVisible()
    assert bench.widget.message.startswith("A blind read")
    bench.form.scope.setCurrentIndex(bench.form.scope.findData(EVERYWHERE))
    bench.settle()
    assert bench.form.summary.text().startswith("12 cells")
    assert "1 image is left out" in bench.widget.message
    session.end_blind()
    bench.settle()
    assert bench.form.summary.text().startswith("48 cells")
    assert not bench.widget.message


def test_it_can_be_cancelled_and_closed_at_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def endless(*_: object, progress: Progress, **__: object) -> Any:
        begun.append(True)
        while True:
            time.sleep(0.002)
            progress(1, 2, "Laying out cells")

    make = making.make_map
    monkeypatch.setattr(shown_map, "make_map", endless)
    bench.open("field")
    form = bench.form
    bench.qtbot.waitUntil(lambda: bool(begun))
    bench.widget.progress.cancel.click()
    bench.settle()
    assert bench.widget.message.startswith("Cancelled")
    assert len(begun) == 1  # not begun again by itself
    monkeypatch.setattr(shown_map, "make_map", make)
    form.anew.click()
    bench.settle()
    assert form.summary.text().startswith("36 cells")
    monkeypatch.setattr(shown_map, "make_map", endless)
    form.anew.click()
    bench.qtbot.waitUntil(lambda: len(begun) == 2)
    bench.viewer.window.remove_dock_widget(bench.dock)
    bench.widget.deleteLater()
    bench.qtbot.waitUntil(lambda: not jobs._RUNNING)
