"""The tools in a real window, with mouse and keys."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Labels, Points, Shapes
from napari.settings import get_settings
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.keys import keys_of
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.tools.in_hand import LinePreview, ToolInHand
from napari_leukocyte.ui.tools.kinds import TOOLS
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from napari_leukocyte.ui.tools.tool_row import MaskToolRow, themed_icon
from napari_leukocyte.vocabulary import CLASSES
from tests.ui.fields import CENTRES, RADIUS, Networks, draw_field
from tests.ui.tools.mouse import Mouse

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class Bench:
    """A window with a field, its session, its labels, a row of tools and a mouse."""

    def __init__(self, viewer: napari.Viewer, session: Session, row: MaskToolRow) -> None:
        self.viewer, self.session, self.row = viewer, session, row
        layer = links.labels_layer_of(viewer, session)
        assert layer is not None
        self.layer: Labels = layer
        self.mouse = Mouse(viewer, layer)

    def press(self, name: str) -> None:
        self.row.buttons[name].click()

    def preview(self) -> LinePreview:
        held = mask_tools_of(self.viewer).in_hand
        assert isinstance(held, ToolInHand)
        return held.preview

    def number(self, place: tuple[int, int]) -> int:
        return int(self.layer.data[place])

    def check(self, former: NDArray[np.int32], what: str) -> None:
        """Check that one command was done, that it shows, and that it can be undone."""
        np.testing.assert_array_equal(self.layer.data, self.session.labels)
        assert not np.array_equal(self.session.labels, former)
        assert self.session.undo_text == what
        assert what in self.row.buttons["undo"].toolTip()
        changed = self.session.labels.copy()
        self.press("undo")
        assert self.viewer.status == f"Undid: {what}"
        np.testing.assert_array_equal(self.layer.data, former)
        assert what in self.row.buttons["redo"].toolTip()
        self.press("redo")
        np.testing.assert_array_equal(self.layer.data, changed)


@pytest.fixture
def bench(
    make_napari_viewer: Callable[..., napari.Viewer],
    networks: Networks,
    qtbot: QtBot,
    request: pytest.FixtureRequest,
) -> Bench:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    place: dict[str, Any] = getattr(request, "param", {})
    image = viewer.add_image(draw_field(), name="field", **place)
    session = links.session_of(image)
    session.set_maps(networks.find(draw_field()))
    links.show_labels(viewer, session, image)
    row = MaskToolRow(viewer)
    viewer.window.add_dock_widget(row, name="tools", area="bottom")
    row.follow(session)
    qtbot.waitExposed(viewer.window._qt_window)
    viewer.reset_view()
    qtbot.wait(50)
    return Bench(viewer, session, row)


SCALED = {"scale": (0.2, 0.3), "translate": (5, -7), "rotate": 12}


@pytest.mark.parametrize("bench", [{}, SCALED], indirect=True)
def test_a_drag_across_a_cell_splits_it(bench: Bench) -> None:
    y, x = CENTRES[0]
    former, number = bench.session.labels.copy(), bench.number(CENTRES[0])
    bench.press("split")
    zoom = bench.viewer.scene.camera.center
    bench.mouse.press((y - RADIUS - 8, x + 3))
    preview = bench.preview()
    assert not preview.shown
    bench.mouse.move((y, x + 3))
    bench.mouse.move((y + RADIUS + 8, x + 3))
    assert preview.shown
    bench.mouse.release((y + RADIUS + 8, x + 3))
    assert not preview.shown
    assert bench.session.selection == {number, int(former.max()) + 1}
    bench.check(former, f"Split cell {number}")
    assert bench.number((y, x - 8)) == number
    assert bench.number((y, x + 10)) == former.max() + 1
    # The picture has not moved, and the tool is still in hand.
    assert bench.viewer.scene.camera.center == zoom
    assert bench.row.buttons["split"].isChecked()


def test_two_points_split_a_clump(bench: Bench) -> None:
    one, other = CENTRES[2:4]
    # As one object, by the tool that makes one of two.
    numbers = sorted({bench.number(one), bench.number(other)})
    former = bench.session.labels.copy()
    bench.press("merge")
    assert bench.row.buttons["merge"].isChecked()
    bench.mouse.drag([one, (110, 86), other])
    bench.check(former, "Merge 2 cells")
    assert bench.number(one) == bench.number(other) == numbers[0]
    former = bench.session.labels.copy()
    bench.press("split")
    assert [b for b, w in bench.row.buttons.items() if w.isChecked()] == ["split"]
    # The first of two points may be put anew: in another cell it begins another pair.
    bench.mouse.click(CENTRES[0])
    bench.mouse.click(one)
    assert bench.preview().shown
    bench.mouse.click(other)
    assert not bench.preview().shown
    bench.check(former, f"Split cell {numbers[0]}")
    assert bench.number(one) != bench.number(other)
    np.testing.assert_array_equal(bench.session.labels > 0, former > 0)


def test_a_cut_follows_any_path(bench: Bench) -> None:
    y, x = CENTRES[0]
    former, number = bench.session.labels.copy(), bench.number(CENTRES[0])
    bench.press("split")
    # Down into the cell, along a step to the right, and out at its foot.
    corners = [(y - RADIUS - 6, x - 7), (y, x - 7), (y, x + 7), (y + RADIUS + 6, x + 7)]
    path = [
        (a[0] + (b[0] - a[0]) * i / 4, a[1] + (b[1] - a[1]) * i / 4)
        for a, b in itertools.pairwise(corners)
        for i in range(4)
    ]
    bench.mouse.drag([*path, corners[-1]])
    bench.check(former, f"Split cell {number}")
    left, right = bench.number((y + 6, x)), bench.number((y - 6, x))
    assert left != right
    # A straight line between the path's ends would give both to the same part.
    assert bench.number((y - 6, x - 12)) == bench.number((y + 6, x - 12)) == left
    assert bench.number((y - 6, x + 12)) == bench.number((y + 6, x + 12)) == right


@pytest.mark.parametrize("in_hand", ["", "split", "add", "brush", "eraser", "objects"])
def test_ctrl_and_a_click_delete_whatever_is_in_hand(bench: Bench, in_hand: str) -> None:
    former, number = bench.session.labels.copy(), bench.number(CENTRES[0])
    bench.viewer.layers.selection.active = bench.viewer.layers[0]
    if in_hand == "objects":
        ObjectsView(bench.viewer, bench.session, bench.viewer.layers[0])
    elif in_hand:
        bench.press(in_hand)
    mode = str(bench.layer.mode)
    bench.mouse.click(CENTRES[0], CTRL)
    assert f"Delete cell {number}." in bench.viewer.status
    bench.check(former, f"Delete cell {number}")
    assert str(bench.layer.mode) == mode
    assert [n for n, b in bench.row.buttons.items() if b.isChecked()] == (
        [in_hand] if in_hand in bench.row.buttons else []
    )
    # Beside a cell nothing is deleted, and nothing is said.
    former = bench.session.labels.copy()
    if in_hand not in ("add", "brush"):
        bench.mouse.click((150, 20), CTRL)
        np.testing.assert_array_equal(bench.session.labels, former)


def test_the_key_deletes_what_is_under_the_pointer(bench: Bench, qtbot: QtBot) -> None:
    former = bench.session.labels.copy()
    first, second = bench.number(CENTRES[0]), bench.number(CENTRES[1])
    for layer in (bench.layer, bench.viewer.layers[0]):
        bench.viewer.layers.selection.active = layer
        qtbot.wait(10)
        bench.mouse.hover(CENTRES[0])
        bench.mouse.key(Qt.Key.Key_Delete)
        bench.check(former, f"Delete cell {first}")
        bench.press("undo")
    # What is selected goes first.
    bench.session.select([second])
    bench.mouse.key(Qt.Key.Key_Delete)
    assert bench.number(CENTRES[0]) == first
    assert bench.number(CENTRES[1]) == 0
    # Pointing at nothing, nothing happens, and no tool comes into the hand.
    former = bench.session.labels.copy()
    bench.mouse.hover((150, 20))
    bench.mouse.key(Qt.Key.Key_Delete)
    np.testing.assert_array_equal(bench.session.labels, former)
    assert "Nothing to delete" in bench.viewer.status
    assert mask_tools_of(bench.viewer).in_hand is None


def test_brush_and_eraser_work_on_the_selected_cell(bench: Bench) -> None:
    session, layer = bench.session, bench.layer
    one, other = (bench.number(c) for c in CENTRES[:2])
    session.select([one])
    bench.press("brush")
    assert (layer.mode, layer.selected_label) == ("paint", one)
    assert "selected cell" in bench.row.hint.text()
    layer.brush_size = 6
    bench.mouse.drag([(75, 30), (75, 40), (75, 50)])
    assert bench.number((75, 40)) == one
    # Another cell is selected, and the brush paints that one.
    session.select([other])
    assert layer.selected_label == other
    bench.mouse.drag([(75, 110), (75, 120), (75, 130)])
    assert bench.number((75, 120)) == other
    # The eraser takes nothing from its neighbours, as long as a cell is selected.
    bench.press("eraser")
    assert [n for n, b in bench.row.buttons.items() if b.isChecked()] == ["eraser"]
    bench.mouse.drag([(75, x) for x in range(30, 136, 15)])
    assert (bench.number((75, 40)), bench.number((75, 120))) == (one, 0)
    session.select([])
    bench.mouse.drag([(75, 30), (75, 40), (75, 50)])
    assert bench.number((75, 40)) == 0
    bench.mouse.key(Qt.Key.Key_Escape)
    assert (layer.mode, layer.preserve_labels) == ("pan_zoom", False)
    assert mask_tools_of(bench.viewer).in_hand is None


def test_what_is_painted_with_nothing_selected_is_a_new_cell(bench: Bench) -> None:
    session, layer = bench.session, bench.layer
    session.select([bench.number(CENTRES[0])])
    session.select([])
    free = session.next_label
    bench.press("brush")
    layer.brush_size = 6
    bench.mouse.drag([(150, 30), (150, 40), (150, 50)])
    assert bench.number((150, 40)) == free
    # It is selected, so that the next stroke goes on with it.
    assert session.selection == {free}
    bench.mouse.drag([(158, 30), (158, 40), (158, 50)])
    assert bench.number((158, 40)) == free
    bench.mouse.key(Qt.Key.Key_M)
    assert not session.selection
    bench.mouse.drag([(150, 200), (150, 210), (150, 220)])
    assert bench.number((150, 210)) == free + 1
    # Nor does it get the number of a cell that is gone.
    bench.mouse.click((150, 210), CTRL)
    assert layer.selected_label == free + 2
    bench.mouse.drag([(150, 200), (150, 210), (150, 220)])
    assert bench.number((150, 210)) == free + 2
    # A number that is chosen in napari's own controls selects its cell.
    layer.selected_label = free
    assert session.selection == {free}


def test_what_takes_the_last_edit_back_is_a_step_of_its_own(bench: Bench) -> None:
    y, x = CENTRES[0]
    number, session = bench.number(CENTRES[0]), bench.session
    session.set_class([number], "basophil")  # somebody's step before
    whole = session.labels.copy()
    bench.press("split")
    bench.mouse.drag([(y - RADIUS - 8, x + 3), (y, x + 3), (y + RADIUS + 8, x + 3)])
    assert session.undo_text == f"Split cell {number}"
    parted = session.labels.copy()
    bench.press("merge")  # of both parts, which are selected
    np.testing.assert_array_equal(session.labels, whole)
    assert session.undo_text == "Merge 2 cells"
    assert not session.can_redo
    bench.mouse.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(session.labels, parted)
    bench.mouse.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(session.labels, whole)
    assert session.assigned == {number: "basophil"}
    # Painting is no undo either, whatever it comes to.
    bench.layer.data_setitem(np.nonzero(whole == number), 0)
    bench.layer.data_setitem(np.nonzero(whole == number), number)
    np.testing.assert_array_equal(session.labels, whole)
    assert session.undo_text == "Paint"
    session.undo()
    assert number not in session.labels
    session.undo()
    assert session.assigned == {number: "basophil"}
    assert session.undo_text == "1 cell as basophil"


def test_a_click_adds_a_missed_cell(bench: Bench) -> None:
    number = bench.number(CENTRES[4])
    whole = bench.session.labels == number
    bench.press("delete")
    former = bench.session.labels.copy()
    bench.mouse.click(CENTRES[4])
    bench.check(former, f"Delete cell {number}")
    assert not bench.session.selection
    former = bench.session.labels.copy()
    bench.press("add")
    bench.mouse.click((CENTRES[4][0] + 5, CENTRES[4][1] - 4))
    new = bench.number(CENTRES[4])
    bench.check(former, f"Add cell {new}")
    assert new > number  # numbers are never given twice
    again = bench.session.labels == new
    assert (whole & again).sum() / (whole | again).sum() > 0.95
    # A drag with this tool moves the picture.
    centre = bench.viewer.scene.camera.center
    bench.mouse.drag([(20, 200), (30, 190), (60, 150)])
    assert bench.viewer.scene.camera.center != centre


def test_selected_cells_are_worked_on_at_once(bench: Bench) -> None:
    first, second = bench.number(CENTRES[0]), bench.number(CENTRES[1])
    holed = bench.session.labels.copy()
    for y, x in CENTRES[:2]:
        holed[y - 4 : y + 4, x - 4 : x + 4] = 0
        holed[y + RADIUS : y + RADIUS + 9, x : x + 2] = holed[y + 8, x]
    bench.session.accept_edit(holed, what="Paint")
    bench.session.select([first, second])
    bench.press("fill")
    bench.check(holed, "Fill holes of 2 cells")
    assert bench.number(CENTRES[0]) == first
    former = bench.session.labels.copy()
    bench.press("smooth")
    bench.check(former, "Smooth 2 cells")
    assert bench.number((CENTRES[0][0] + RADIUS + 7, CENTRES[0][1])) == 0
    former = bench.session.labels.copy()
    bench.press("delete")
    bench.check(former, "Delete 2 cells")
    assert not any(b.isChecked() for b in bench.row.buttons.values())


def test_keys_take_tools_and_escape_puts_them_down(bench: Bench) -> None:
    viewer, image = bench.viewer, bench.viewer.layers[0]
    viewer.layers.selection.active = bench.layer
    for tool in TOOLS:
        bench.mouse.key(keys_of(tool.keys)[0][-1].lower(), SHIFT)
        held = mask_tools_of(viewer).in_hand
        assert held is not None
        assert held.tool is tool
        assert tool.hint in bench.row.hint.text()
        assert bench.row.buttons[tool.name].isChecked()
        bench.mouse.key(Qt.Key.Key_Escape)
        assert mask_tools_of(viewer).in_hand is None
        assert not bench.row.buttons[tool.name].isChecked()
    assert bench.layer.mouse_pan
    # From another layer a button leads to the labels, and Escape back.
    viewer.layers.selection.active = image
    bench.press("split")
    assert viewer.layers.selection.active is bench.layer
    bench.mouse.key(Qt.Key.Key_Escape)
    assert viewer.layers.selection.active is image
    # What is left is napari's.
    assert not bench.layer.keymap.keys() & {"Escape"}
    viewer.layers.selection.active = bench.layer
    bench.session.select([bench.number(CENTRES[0])])
    bench.mouse.key(Qt.Key.Key_Delete)
    assert bench.number(CENTRES[0]) == 0


def test_the_objects_layer_has_the_same_keys(bench: Bench, qtbot: QtBot) -> None:
    view = ObjectsView(bench.viewer, bench.session, bench.viewer.layers[0])
    qtbot.wait(10)
    one, other = (bench.number(c) for c in CENTRES[2:4])
    view.select([one, other])
    bench.mouse.key("m", SHIFT)
    assert bench.session.undo_text == "Merge 2 cells"
    view.refresh()
    view.select([bench.number(CENTRES[0])])
    bench.session.select([bench.number(CENTRES[0])])
    bench.mouse.key(Qt.Key.Key_Delete)
    assert bench.number(CENTRES[0]) == 0
    assert bench.session.undo_text.startswith("Delete cell")
    # The classes' keys are still the classes'.
    view.refresh()
    view.select([one])
    bench.session.select([one])
    bench.mouse.key("m")
    assert bench.session.assigned == {one: "monocyte"}


def test_other_tools_of_napari_put_it_down(bench: Bench) -> None:
    tools = mask_tools_of(bench.viewer)
    for leave in (
        lambda: setattr(bench.layer, "mode", "paint"),
        lambda: setattr(bench.viewer.layers.selection, "active", bench.viewer.layers[0]),
        lambda: bench.viewer.layers.remove(bench.layer),
    ):
        bench.press("split")
        assert tools.in_hand is not None
        leave()
        assert tools.in_hand is None
        assert not bench.row.buttons["split"].isChecked()
        assert bench.layer.mouse_drag_callbacks.count(tools._take) == 0
    bench.press("add")  # shows the labels again
    assert links.labels_layer_of(bench.viewer, bench.session) is not None


def test_the_brush_is_not_disturbed(bench: Bench) -> None:
    bench.press("split")
    bench.layer.mode = "paint"
    bench.layer.brush_size = 6
    bench.layer.selected_label = 50
    bench.mouse.drag([(150, 40), (150, 60), (150, 80)])
    assert (bench.layer.data[150, 40:80] == 50).all()
    assert bench.session.undo_text == "Paint"


def test_what_cannot_be_done_is_told_in_one_sentence(bench: Bench, told: list[str]) -> None:
    former = bench.session.labels.copy()
    for name, places, sentence in (
        ("split", [(150, 20), (150, 60)], "cuts no cell in two"),
        ("merge", [(40, 40), (40, 120)], "too far apart"),
        ("merge", [(40, 30), (40, 45)], "at least two cells"),
        ("add", [(150, 20)], "Nothing of a cell's size"),
        ("add", [CENTRES[0]], "already"),
        ("delete", [(150, 20)], "no cell here"),
    ):
        told.clear()
        bench.press(name)
        if len(places) > 1:
            bench.mouse.drag([places[0], (places[0][0] + 1, places[0][1] + 6), places[1]])
        else:
            bench.mouse.click(places[0])
        assert len(told) == 1
        assert sentence in told[0]
        np.testing.assert_array_equal(bench.session.labels, former)
        # It can be tried again at once.
        assert bench.row.buttons[name].isChecked()
        bench.press(name)


def test_keys_are_nobody_else_s(bench: Bench) -> None:
    ours = {key for tool in TOOLS for key in keys_of(tool.keys)}
    assert len(ours) == len(TOOLS)
    naparis = {str(k) for keys in get_settings().shortcuts.shortcuts.values() for k in keys}
    for provider in (Labels, Points, Shapes, type(bench.viewer)):
        naparis |= {str(k) for k in provider.class_keymap}
    assert not ours & naparis
    assert not ours & {c.key.upper() for c in CLASSES}
    bound = {str(k) for k in bench.layer.keymap}
    assert ours | set(keys_of("delete_now")) <= bound


def test_icons_follow_the_theme(viewer: napari.Viewer) -> None:
    row = MaskToolRow(viewer)
    viewer.window.add_dock_widget(row)

    def ink(name: str, theme: str) -> float:
        image = themed_icon(name, theme).pixmap(20, 20).toImage()
        pixels = [
            image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())
        ]
        drawn = [c.lightnessF() for c in pixels if c.alphaF() > 0.8]
        assert 0.05 < len(drawn) / len(pixels) < 0.8
        return float(np.mean(drawn))

    before = {name: button.icon().cacheKey() for name, button in row.buttons.items()}
    viewer.theme = "light"
    for name, button in row.buttons.items():
        assert ink(name, "dark") > 0.6 > 0.4 > ink(name, "light")
        assert button.icon().cacheKey() != before[name]


def test_without_a_session_there_is_nothing_to_press(viewer: napari.Viewer) -> None:
    row = MaskToolRow(viewer)
    viewer.window.add_dock_widget(row)
    assert not any(button.isEnabled() for button in row.buttons.values())


def test_rows_come_and_go(bench: Bench, qtbot: QtBot) -> None:
    other = MaskToolRow(bench.viewer)
    bench.viewer.window.add_dock_widget(other)
    other.follow(bench.session)
    other.buttons["add"].click()
    assert bench.row.buttons["add"].isChecked()
    bench.viewer.window.remove_dock_widget(other)
    other.deleteLater()
    del other
    qtbot.wait(10)
    # Nobody listens any more.
    bench.press("add")
    assert mask_tools_of(bench.viewer).in_hand is None
    bench.session.select([bench.number(CENTRES[0])])
    bench.press("delete")
    assert bench.number(CENTRES[0]) == 0
    bench.viewer.theme = "light"
