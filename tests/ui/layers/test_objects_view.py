from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_leukocyte.counting.own_classes import own_class
from napari_leukocyte.reporting import drawing
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links, objects_view
from napari_leukocyte.ui.layers.objects_style import (
    LAYER_KINDS,
    UNCLASSIFIED,
    LayerKind,
    abbreviate,
    draw_plainly,
    features_of,
)
from napari_leukocyte.ui.layers.objects_view import HOW_TO_EDIT, ObjectsView, objects_view_of
from napari_leukocyte.ui.layers.placed_names import SIZE_PT, draw_names
from napari_leukocyte.ui.own_classes import classes_now, keep_own_classes
from napari_leukocyte.vocabulary import COLORS, LEUKOCYTE_NAMES, ORDERED

#: Centres of the objects 1, 2, ... of `labels`, px, and their radius.
CENTRES = [(40, 40), (40, 140), (140, 40), (140, 140), (90, 90)]
RADIUS = 15
# Its stubs take these functions for methods.
QTEST: Any = QTest
NO_KEYS = Qt.KeyboardModifier.NoModifier


def labels() -> NDArray[np.int32]:
    y, x = np.mgrid[:200, :200]
    result = np.zeros((200, 200), np.int32)
    for number, (cy, cx) in enumerate(CENTRES, start=1):
        result[(y - cy) ** 2 + (x - cx) ** 2 <= RADIUS**2] = number
    return result


def predictions(classes: dict[int, str]) -> pd.DataFrame:
    table = pd.DataFrame({"label": list(classes), "class": list(classes.values())})
    table["confidence"] = 0.8
    for name in LEUKOCYTE_NAMES:
        table[f"p_{name}"] = np.where(table["class"] == name, 0.8, 0.05)
    return table


def names_of(session: Session) -> dict[int, str]:
    table = session.table()
    return dict(zip(table["label"], table["class"], strict=True))


Make = Callable[..., tuple[Any, Session, ObjectsView]]


@pytest.fixture
def make(make_napari_viewer: Any, qtbot: QtBot) -> Make:
    def build(
        kind: LayerKind = "points", *, show: bool = False, **image: Any
    ) -> tuple[Any, Session, ObjectsView]:
        viewer = make_napari_viewer(strict_qt="raise", show=show)
        layer = viewer.add_image(np.full((200, 200, 3), 230, np.uint8), name="Field", **image)
        session = links.session_of(layer)
        session.accept_edit(labels())
        session.set_predictions(predictions({1: "neutrophil", 2: "basophil", 3: "monocyte"}), "m")
        view = ObjectsView(viewer, session, layer, kind)
        if show:
            qtbot.waitExposed(viewer.window._qt_window)
            viewer.reset_view()
        return viewer, session, view

    return build


def edge_colors(view: ObjectsView) -> NDArray[np.float64]:
    layer = view.layer
    return np.asarray(layer.border_color if view.kind == "points" else layer.edge_color)


def test_what_is_said_of_a_few_shows_in_the_next_frame(make: Make, qtbot: QtBot) -> None:
    viewer, session, view = make(show=True)
    layer, canvas = view.layer, viewer.window._qt_viewer.canvas
    frames: list[int] = []
    canvas.native.frameSwapped.connect(lambda: frames.append(1))
    drawn: list[int] = []
    layer.events.set_data.connect(lambda _: drawn.append(1))
    qtbot.waitUntil(lambda: bool(frames))
    qtbot.wait(200)
    drawn.clear()
    session.set_class([2, 5], "eosinophil")
    session.set_flag([3], "to discuss")
    session.select([3])
    # The layer knows at once, and draws once.
    assert list(layer.features["class"][[1, 4]]) == ["eosinophil"] * 2
    assert layer.selected_data == {2}
    assert not drawn
    qtbot.waitUntil(lambda: bool(drawn))
    qtbot.wait(100)
    assert len(drawn) == 1
    names, colors, widths = list(layer.text.values), edge_colors(view).copy(), layer.border_width
    assert names == ["NEU", "EOS", "MON", "?", "EOS"]
    assert widths[2] == 2 * widths[0]
    features = layer.features.copy()
    shown = canvas.native.grabFramebuffer()
    # The same as if all were shown anew.
    view.refresh()
    view.refresh_drawing()
    pd.testing.assert_frame_equal(features, layer.features)
    pd.testing.assert_frame_equal(features[[*session.table()]], features_of(session.table()))
    np.testing.assert_allclose(colors, edge_colors(view))
    qtbot.wait(100)
    assert canvas.native.grabFramebuffer() == shown
    # Names that are hidden follow when they are shown.
    layer.text.visible = False
    session.set_class([4], "monocyte")
    layer.text.visible = True
    assert list(layer.text.values) == ["NEU", "EOS", "MON", "MON", "EOS"]


def test_rings_alone_look_as_napari_draws_them(
    make: Make, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, session, view = make(show=True)
    native = viewer.window._qt_viewer.canvas.native
    qtbot.wait(200)
    plain = native.grabFramebuffer()
    view.close()
    asked: list[object] = []
    monkeypatch.setattr(objects_view, "draw_plainly", lambda *given: asked.append(given))
    ObjectsView(viewer, session, viewer.layers[0])
    assert asked
    qtbot.wait(200)
    assert native.grabFramebuffer() == plain
    assert draw_plainly(viewer, viewer.layers[-1])
    # Another napari: the layer is drawn as it is.
    assert not draw_plainly(object(), viewer.layers[-1])


def test_no_two_classes_have_the_same_letters() -> None:
    names = [*(c.name for c in ORDERED), UNCLASSIFIED, "monoblast"]
    short = [abbreviate(name) for name in names]
    assert len(set(short)) == len(short)
    assert short[:2] == ["NEU", "EOS"]
    assert short[-1] == "MOB"
    assert max(map(len, short)) == 3


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_layer_shows_the_table(make: Make, kind: LayerKind) -> None:
    _, session, view = make(kind, scale=(0.5, 0.5), translate=(7, 3))
    table, layer = session.table(), view.layer
    if kind == "points":
        np.testing.assert_allclose(layer.data, CENTRES)
        assert (layer.size > table["equivalent_diameter_px"]).all()  # a ring about the cell
    else:
        y0, x0 = layer.data[0].min(axis=0)
        y1, x1 = layer.data[0].max(axis=0)
        assert (y0, x0, y1, x1) == (24.5, 24.5, 55.5, 55.5)  # the outer edges of its pixels
    assert set(table.columns) <= set(layer.features.columns)
    assert list(layer.features["class"][:3]) == ["neutrophil", "basophil", "monocyte"]
    assert list(layer.features["class"][3:]) == [UNCLASSIFIED] * 2
    for row, name in enumerate(("neutrophil", "basophil", "monocyte")):
        rgb = tuple(round(255 * float(c)) for c in edge_colors(view)[row][:3])
        assert "#{:02X}{:02X}{:02X}".format(*rgb) == COLORS[name].upper()
    assert list(layer.text.values) == ["NEU", "BAS", "MON", "?", "?"]
    np.testing.assert_allclose(layer.data_to_world((10, 10)), (12, 8))


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_keys_in_the_window_give_classes(make: Make, kind: LayerKind, qtbot: QtBot) -> None:
    # B, E, L are napari's own keys on a Shapes layer: to move, or to draw ellipses and lines.
    viewer, session, view = make(kind, show=True)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    for cell_class in classes_now():
        view.select([2, 5])
        QTEST.keyClick(canvas, cell_class.key)
        names = names_of(session)
        assert names[2] == names[5] == cell_class.name
        assert names[1] == "neutrophil"
        assert view.layer.mode == "select"
    assert set(session.assigned) == {2, 5}
    qtbot.waitUntil(lambda: list(view.layer.text.values)[1] == "UNI")
    assert view.selected == [2, 5]
    assert list(view.layer.features["source"]) == ["model", "reader", "model", "", "reader"]


def test_own_classes_have_keys_and_colours_at_once(make: Make, qtbot: QtBot) -> None:
    viewer, session, view = make(show=True)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    keep_own_classes([own_class("blast", "#123456", "k")])
    view.select([2])
    QTEST.keyClick(canvas, "k")
    assert names_of(session)[2] == "blast"
    view.refresh()
    np.testing.assert_allclose(255 * edge_colors(view)[1][:3], (0x12, 0x34, 0x56), atol=0.5)
    keep_own_classes([own_class("blast", "#654321", "j")])
    np.testing.assert_allclose(255 * edge_colors(view)[1][:3], (0x65, 0x43, 0x21), atol=0.5)
    view.select([3])
    QTEST.keyClick(canvas, "k")
    assert names_of(session)[3] == "monocyte"
    QTEST.keyClick(canvas, "j")
    assert names_of(session)[3] == "blast"


def test_key_without_a_selection_says_what_to_do(make: Make, qtbot: QtBot) -> None:
    viewer, session, _ = make(show=True)
    QTEST.keyClick(viewer.window._qt_viewer.canvas.native, "n")
    assert session.assigned == {}
    assert "No object is selected" in str(viewer.status)


def on_canvas(viewer: Any, y: float, x: float) -> QPoint:
    """Return where a point of the world is in the canvas, px."""
    native = viewer.window._qt_viewer.canvas.native
    zoom = viewer.scene.camera.zoom
    cy, cx = viewer.scene.camera.center[-2:]
    return QPoint(
        round(native.width() / 2 + (x - cx) * zoom), round(native.height() / 2 + (y - cy) * zoom)
    )


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_mouse_selects_and_cannot_move(make: Make, kind: LayerKind, qtbot: QtBot) -> None:
    viewer, session, view = make(kind, show=True)
    canvas = viewer.window._qt_viewer.canvas.native
    left = Qt.MouseButton.LeftButton
    seen: list[list[int]] = []
    view.selection_changed.connect(lambda: seen.append(view.selected))
    start = on_canvas(viewer, *CENTRES[2])
    QTEST.mouseClick(canvas, left, NO_KEYS, start)
    assert view.selected == [3]
    assert seen[-1] == [3]
    QTEST.mousePress(canvas, left, NO_KEYS, start)
    for step in range(1, 6):
        QTEST.mouseMove(canvas, start + QPoint(6 * step, 4 * step), 20)
    QTEST.mouseRelease(canvas, left, NO_KEYS, start + QPoint(30, 20))
    qtbot.wait(100)
    centre = np.mean(view.layer.data[2], axis=0) if kind == "boxes" else view.layer.data[2]
    np.testing.assert_allclose(centre, CENTRES[2], atol=0.6)
    np.testing.assert_array_equal(session.labels, labels())


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_what_a_user_does_to_the_layer_is_undone(make: Make, kind: LayerKind, qtbot: QtBot) -> None:
    viewer, session, view = make(kind, show=True)
    before = session.table()
    canvas, layer = viewer.window._qt_viewer.canvas.native, view.layer

    def restored() -> bool:
        return len(layer.data) == 5 and list(layer.features["label"]) == [1, 2, 3, 4, 5]

    view.select([1, 4])
    QTEST.keyClick(canvas, Qt.Key.Key_Delete)
    assert len(layer.data) == 3
    qtbot.waitUntil(restored)
    assert str(notification_manager.records[-1].message) == HOW_TO_EDIT
    if kind == "points":
        layer.add([100, 100])
    else:
        layer.add_rectangles(np.array([[1, 1], [9, 9]]))
    qtbot.waitUntil(restored)
    view.select([2])
    QTEST.keyClick(canvas, "c", Qt.KeyboardModifier.ControlModifier)
    QTEST.keyClick(canvas, "v", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(restored)
    layer.data = layer.data[:2]
    qtbot.waitUntil(restored)
    assert [str(t) for t in layer.text.values] == ["NEU", "BAS", "MON", "?", "?"]
    pd.testing.assert_frame_equal(session.table(), before)


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_selection_and_classes_follow_the_labels(make: Make, kind: LayerKind, qtbot: QtBot) -> None:
    _, session, view = make(kind)
    view.select([2, 3])
    session.set_class([3], "eosinophil")
    changed = labels()
    changed[changed == 2] = 0
    changed[180:195, 180:195] = 9
    session.accept_edit(changed)
    qtbot.waitUntil(lambda: list(view.layer.features["label"]) == [1, 3, 4, 5, 9])
    assert view.selected == [3]
    assert list(view.layer.text.values) == ["NEU", "EOS", "?", "?", "?"]
    session.accept_edit(np.zeros_like(changed))
    qtbot.waitUntil(lambda: len(view.layer.data) == 0)
    session.accept_edit(labels())
    qtbot.waitUntil(lambda: len(view.layer.data) == 5)
    assert list(view.layer.text.values)[2] == "EOS"


def test_outlines_tell_the_classes_and_rings_only_stand_in_for_them(make: Make) -> None:
    viewer, session, view = make(show=True)
    assert (view.layer.border_width > 0).all()
    shown = links.show_labels(viewer, session, viewer.layers["Field"])
    assert shown.contour > 0
    assert (view.layer.border_width == 0).all()

    def color(number: int) -> str:
        rgb = np.round(255 * np.asarray(shown.get_color(number))[:3]).astype(int).tolist()
        return "#{:02X}{:02X}{:02X}".format(*rgb)

    assert [color(n) for n in (1, 2, 3, 4)] == [
        *(COLORS[name] for name in ("neutrophil", "basophil", "monocyte")),
        drawing.UNCLASSIFIED,
    ]
    # The next cell that is painted has a colour, too: it has no class yet.
    assert color(6) == drawing.UNCLASSIFIED
    session.set_class([1, 4], "eosinophil")
    assert [color(n) for n in (1, 4)] == [COLORS["eosinophil"]] * 2
    session.undo()
    view.refresh()
    assert color(1) == COLORS["neutrophil"]
    view.select([2])
    assert (view.layer.border_width > 0).tolist() == [False, True, False, False, False]
    # Who hides the classes hides them in the outlines as well.
    view.layer.visible = False
    assert color(1) == color(2) == drawing.UNCLASSIFIED
    view.layer.visible = True
    assert color(2) == COLORS["basophil"]
    # Rings where outlines are off.
    for name, off, on in (("visible", False, True), ("contour", 0, 2)):
        setattr(shown, name, off)
        assert (view.layer.border_width > 0).all()
        setattr(shown, name, on)
        assert (view.layer.border_width > 0).sum() == 1
    viewer.layers.remove(shown)
    assert (view.layer.border_width > 0).all()
    again = links.show_labels(viewer, session, viewer.layers["Field"])
    assert (view.layer.border_width > 0).sum() == 1
    view.close()
    assert again.get_color(1).tolist() == again.get_color(2).tolist()


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_names_hang_under_their_objects_at_any_zoom(
    make: Make, kind: LayerKind, qtbot: QtBot
) -> None:
    viewer, _, view = make(kind, show=True, scale=(0.5, 0.5))
    text, sizes = view.layer.text, []
    for zoom in (1.0, 2.0, 40.0):
        viewer.scene.camera.zoom = zoom
        qtbot.wait(100)
        coords, *anchor = view.layer._view_text_coords
        em = text.size * 96 / 72 / (zoom * 0.5)
        # The upper side of each name is just under the lowest point of its object.
        below = RADIUS + 0.5 + 0.04 * 2 * RADIUS + em / 2
        expected = np.array([(y + below, x) for y, x in CENTRES])
        np.testing.assert_allclose(coords, expected, atol=0.1)
        assert anchor == ["center", "center"]
        sizes.append(text.size)
    assert sizes[0] < sizes[1] < sizes[2] == SIZE_PT


def test_names_have_a_halo(make: Make, qtbot: QtBot) -> None:
    viewer, _, view = make(show=True)
    viewer.theme = "dark"
    # Below the image, where the canvas is as dark as the letters.
    viewer.layers["Field"].visible = False
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 60, 40), 12
    qtbot.wait(200)
    seen = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    assert (seen > 230).all(axis=-1).sum() > 50
    assert draw_names(viewer, view.layer) is False  # it has one already
    # Each different name was laid out once, as vispy lays it out.
    text = viewer.window._qt_viewer.canvas.layer_to_visual[view.layer].node.text
    quick = text._vertices_data.copy()
    text.__class__ = type(text).__mro__[1]
    text._vertices = None
    viewer.screenshot(canvas_only=True, flash=False)
    assert (text._vertices_data == quick).all()
    # Another napari: the names stand there without.
    assert not draw_names(object(), view.layer)


def test_removed_layer_lets_go_of_the_session(make: Make, qtbot: QtBot) -> None:
    viewer, session, view = make()
    ended: list[bool] = []
    view.closed.connect(lambda: ended.append(True))
    assert objects_view_of(viewer, session) is view
    viewer.layers.remove(view.layer)
    assert ended == [True]
    assert objects_view_of(viewer, session) is None
    session.set_class([1], "monocyte")
    qtbot.wait(60)
    assert view.layer.features["class"][0] == "neutrophil"
    again = ObjectsView(viewer, session, viewer.layers["Field"])
    assert again.layer.features["class"][0] == "monocyte"


def test_layer_follows_the_image(make: Make) -> None:
    viewer, _, view = make()
    viewer.layers["Field"].scale = (0.25, 0.25)
    viewer.layers["Field"].rotate = 30
    np.testing.assert_allclose(
        view.layer.data_to_world((40, 80)), viewer.layers["Field"].data_to_world((40, 80))
    )


def test_the_status_says_what_a_person_would(make: Make) -> None:
    _, session, view = make()
    session.set_class([2], "platelet or artefact")
    view.refresh()
    said = [view.layer.get_status(centre, world=True)["coordinates"] for centre in CENTRES[:3]]
    assert said[0].endswith("Cell 1: Neutrophil, 80 % sure; diameter 30 px")
    assert said[1].endswith("Cell 2: Platelet or artefact, by hand; diameter 30 px")
    assert not any("p_" in text or "e-" in text for text in said)
