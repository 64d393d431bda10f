"""The map by itself: mouse, keys, marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_leukocyte.ui.embedding_map.canvas import fit
from napari_leukocyte.ui.embedding_map.marks import SHAPES, shapes_of
from napari_leukocyte.ui.embedding_map.scatter import Scatter
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.vocabulary import CLASSES

QTEST: Any = QTest
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
COLORS = {c.name: c.color for c in CLASSES} | {UNCLASSIFIED: "#777777"}
#: A square of four cells, and one in the middle.
PLACES = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [5, 5]], float)


def drag(widget: Scatter, path: list[QPoint], button: Any = LEFT, modifiers: Any = NONE) -> None:
    """Press, move and release as a user does."""
    QTEST.mousePress(widget, button, modifiers, path[0])
    for point in path[1:]:
        # QTest moves without a button, which is no drag.
        here = QPointF(point)
        kind = QEvent.Type.MouseMove
        none = Qt.MouseButton.NoButton
        event = QMouseEvent(kind, here, QPointF(widget.mapToGlobal(point)), none, button, modifiers)
        QApplication.sendEvent(widget, event)
    QTEST.mouseRelease(widget, button, modifiers, path[-1])


def at(widget: Scatter, row: int, dx: float = 0, dy: float = 0) -> QPoint:
    """Return where a mark is."""
    x, y = widget.view.to_screen(widget.places)[row]
    return QPoint(round(x + dx), round(y + dy))


def around(widget: Scatter, rows: list[int]) -> list[QPoint]:
    """Return a loop about marks that lie in a box by themselves."""
    points = np.array([[at(widget, r).x(), at(widget, r).y()] for r in rows])
    (x0, y0), (x1, y1) = points.min(axis=0) - 14, points.max(axis=0) + 14
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0 + 2)]
    return [QPoint(int(x), int(y)) for x, y in corners]


@pytest.fixture
def scatter(qtbot: QtBot) -> Scatter:
    widget = Scatter()
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    # As its host does.
    widget.selected.connect(lambda rows: widget.show_selection(np.isin(np.arange(5), rows)))
    widget.show_places(PLACES, anew=True)
    widget.show_classes(["neutrophil", "neutrophil", "monocyte", UNCLASSIFIED, "x"], COLORS)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def chosen(widget: Scatter) -> list[int]:
    return np.flatnonzero(widget.chosen).tolist()


def test_clicks_and_lassos_select(scatter: Scatter) -> None:
    QTEST.mouseClick(scatter, LEFT, NONE, at(scatter, 1, 3, 2))
    assert chosen(scatter) == [1]
    QTEST.mouseClick(scatter, LEFT, SHIFT, at(scatter, 2))
    assert chosen(scatter) == [1, 2]
    QTEST.mouseClick(scatter, LEFT, SHIFT, at(scatter, 1))
    assert chosen(scatter) == [2]
    drag(scatter, around(scatter, [0, 2]))
    assert chosen(scatter) == [0, 2]
    drag(scatter, around(scatter, [1]), modifiers=SHIFT)
    assert chosen(scatter) == [0, 1, 2]
    QTEST.keyClick(scatter, Qt.Key.Key_Escape)
    assert chosen(scatter) == []
    QTEST.keyClick(scatter, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert chosen(scatter) == [0, 1, 2, 3, 4]
    QTEST.mouseClick(scatter, LEFT, NONE, at(scatter, 4, 40))
    assert chosen(scatter) == []


def test_escape_gives_a_lasso_up(scatter: Scatter) -> None:
    scatter.show_selection(np.arange(5) == 3)
    QTEST.mousePress(scatter, LEFT, NONE, at(scatter, 0, -14, -14))
    path = around(scatter, [0])
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(path[2]),
        QPointF(path[2]),
        Qt.MouseButton.NoButton,
        LEFT,
        NONE,
    )
    QApplication.sendEvent(scatter, move)
    assert scatter.lasso
    QTEST.keyClick(scatter, Qt.Key.Key_Escape)
    assert not scatter.lasso
    QTEST.mouseRelease(scatter, LEFT, NONE, path[-1])
    assert chosen(scatter) == [3]


def test_the_map_moves_and_zooms_under_the_mouse(scatter: Scatter) -> None:
    before = at(scatter, 4)
    drag(scatter, [QPoint(100, 100), QPoint(150, 80)], RIGHT)
    assert at(scatter, 4) == before + QPoint(50, -20)
    assert not scatter.whole
    here = at(scatter, 3)
    wheel = QWheelEvent(
        QPointF(here),
        QPointF(scatter.mapToGlobal(here)),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    scale = scatter.view.scale
    QApplication.sendEvent(scatter, wheel)
    assert scatter.view.scale == pytest.approx(1.44 * scale)
    assert (at(scatter, 3) - here).manhattanLength() <= 1
    QTEST.keyClick(scatter, Qt.Key.Key_0)
    assert scatter.view.scale == pytest.approx(scale)
    opened: list[int] = []
    scatter.opened.connect(opened.append)
    QTEST.mouseDClick(scatter, LEFT, NONE, at(scatter, 2))
    assert opened == [2]


def test_arrows_go_from_mark_to_mark(scatter: Scatter) -> None:
    path = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTEST.keyClick(scatter, key)
        path.append(chosen(scatter))
    assert path == [[0], [4], [1], [3]] or path == [[0], [1], [1], [3]]
    QTEST.keyClick(scatter, Qt.Key.Key_Left, SHIFT)
    assert len(chosen(scatter)) == 2
    asked: list[str] = []
    scatter.keys = frozenset("n")
    scatter.pressed_key.connect(asked.append)
    QTEST.keyClick(scatter, Qt.Key.Key_N)
    QTEST.keyClick(scatter, Qt.Key.Key_Q)
    assert asked == ["n"]


def test_marks_have_their_colours_and_selected_ones_a_ring(scatter: Scatter) -> None:
    picture = scatter.grab().toImage()
    assert picture.pixelColor(at(scatter, 0)).name().upper() == COLORS["neutrophil"]
    assert picture.pixelColor(at(scatter, 2)).name().upper() == COLORS["monocyte"]
    scatter.show_selection(np.arange(5) == 0)
    again = scatter.grab().toImage()
    radius = 9
    ring = at(scatter, 0, radius)
    assert again.pixelColor(ring) != picture.pixelColor(ring)
    scatter.show_classes(["monocyte"] * 5, COLORS)
    third = scatter.grab().toImage()
    assert third.pixelColor(at(scatter, 1)).name().upper() == COLORS["monocyte"]


def test_without_cells_nothing_happens(scatter: Scatter) -> None:
    scatter.show_places(np.zeros((0, 2)), anew=True)
    scatter.grab()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Plus, Qt.Key.Key_0, Qt.Key.Key_Return):
        QTEST.keyClick(scatter, key)
    drag(scatter, [QPoint(10, 10), QPoint(90, 10), QPoint(90, 90)])
    assert chosen(scatter) == []


def test_classes_have_different_shapes() -> None:
    names = [c.name for c in CLASSES]
    shapes = shapes_of([*names, "blast", "prolymphocyte"])
    assert len({shapes[n] for n in names}) == len(names)
    assert shapes["blast"] != shapes["prolymphocyte"]
    assert set(shapes.values()) <= {*SHAPES, "open circle"}
    assert shapes[UNCLASSIFIED] == "open circle"


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), max_size=8),
    st.floats(0.2, 5),
    st.floats(0, 300),
    st.floats(0, 200),
)
def test_all_are_in_sight_and_zoom_keeps_a_place(
    places: list[tuple[float, float]], factor: float, x: float, y: float
) -> None:
    where = np.array(places, float).reshape(-1, 2)
    view = fit(where, 300, 200)
    screen = view.to_screen(where)
    assert ((screen >= -1e-6) & (screen <= [300 + 1e-6, 200 + 1e-6])).all()
    point = np.array([[x, y]])
    zoomed = view.zoomed(factor, x, y)
    np.testing.assert_allclose(zoomed.to_screen(view.to_map(point)), point, atol=1e-3)
    np.testing.assert_allclose(view.moved(3, 4).to_screen(where) - (3, 4), screen, atol=1e-6)
