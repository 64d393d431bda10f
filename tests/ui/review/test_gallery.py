from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_leukocyte.session.reviews import FLAGS
from napari_leukocyte.ui.review.gallery_model import describe_cell
from tests.ui.review.conftest import LEFT, NONE, QTEST, Bench

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_groups_follow_the_classes(bench: Bench) -> None:
    bench.choose(grouped=True)
    groups = {g.name: g.labels for g in bench.gallery.cells.groups}
    assert groups["neutrophil"] == (1, 2, 7)
    bench.session.set_class([7], "basophil")  # as any other view may
    bench.qtbot.waitUntil(lambda: bench.gallery.cells.groups[2].labels == (7, 8))
    bench.settle()
    assert bench.widget.form.classes.button("basophil").text() == "B  Basophil  2"
    assert bench.widget.form.progress.text() == "1 of 8 reviewed"


def test_a_letter_gives_the_class_and_the_queue_goes_on(bench: Bench) -> None:
    bench.choose(sort="queue")
    first, second = bench.shown[:2]
    assert first == bench.session.review_order()[0]
    bench.click(first)
    bench.key(Qt.Key.Key_E)
    assert bench.class_of(first) == "eosinophil"
    assert bench.session.reviews[first].reviewed
    assert bench.selected == [second]
    bench.key(Qt.Key.Key_Space)
    assert bench.session.reviews[second].reviewed
    assert bench.session.reviews[second].class_name is None
    third = bench.selected
    assert third
    assert not {first, second} & set(third)
    # Undo leads back to the cell.
    bench.key(Qt.Key.Key_Z, CTRL)
    assert bench.selected == [second]
    assert second not in bench.session.reviews
    bench.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert bench.session.reviews[second].reviewed


def test_letters_reach_no_layer_and_no_search(bench: Bench) -> None:
    bench.choose()
    bench.click(4)
    mode = bench.objects.layer.mode
    for key in (Qt.Key.Key_X, Qt.Key.Key_G, Qt.Key.Key_6):
        bench.key(key)
    assert bench.selected == [4]
    assert bench.objects.layer.mode == mode
    assert not bench.session.reviews
    bench.key(Qt.Key.Key_N, CTRL)
    assert not bench.session.reviews


def test_several_get_a_class_as_one_step(bench: Bench) -> None:
    bench.choose()
    bench.click(2)
    bench.click(5, SHIFT)
    assert bench.selected == [2, 3, 4, 5]
    bench.click(3, CTRL)
    bench.click(7, CTRL)
    assert bench.selected == [2, 4, 5, 7]
    assert bench.session.selection == {2, 4, 5, 7}
    bench.key(Qt.Key.Key_S)
    assert [bench.class_of(n) for n in (2, 4, 5, 7)] == ["smudge cell"] * 4
    assert bench.session.undo_text == "4 cells as smudge cell"
    bench.key(Qt.Key.Key_Z, CTRL)
    assert not bench.session.reviews


def test_arrows_move_and_extend(bench: Bench) -> None:
    bench.choose()
    bench.click(1)
    bench.key(Qt.Key.Key_Right)
    assert bench.selected == [2]
    columns = bench.gallery.grid.columns
    bench.key(Qt.Key.Key_Down)
    assert bench.selected == [2 + columns]
    bench.key(Qt.Key.Key_Left, SHIFT)
    bench.key(Qt.Key.Key_Left, SHIFT)
    assert bench.selected == [columns, 1 + columns, 2 + columns]
    bench.key(Qt.Key.Key_End)
    assert bench.selected == [8]
    bench.key(Qt.Key.Key_A, CTRL)
    assert len(bench.selected) == 8


def test_a_frame_pulled_with_the_mouse_selects(bench: Bench) -> None:
    bench.choose()
    gallery = bench.gallery
    bench.at(1)
    first, second = (gallery.visualRect(gallery.cells.index(row)) for row in (0, 1))
    viewport = gallery.viewport()
    assert viewport is not None
    gap = QPoint((first.right() + second.left()) // 2, first.center().y())
    if gallery.grid.item_at(gap.x(), gap.y()) is not None:
        gap = QPoint(viewport.width() - 2, first.center().y())
    end = QPoint(second.center().x(), second.bottom() + first.height() // 2)
    QTEST.mousePress(viewport, LEFT, NONE, gap)
    drag(viewport, end)
    QTEST.mouseRelease(viewport, LEFT, NONE, end)
    touched = gallery.grid.items_in(gap.x(), gap.y(), end.x(), end.y())
    assert bench.selected == [row + 1 for row in touched]
    assert len(touched) >= 2


def drag(widget: QWidget, point: QPoint) -> None:
    """Move with the button held, which QTest does not."""
    place = QPointF(point)
    there = QPointF(widget.mapToGlobal(point))
    move = QEvent.Type.MouseMove
    event = QMouseEvent(move, place, there, Qt.MouseButton.NoButton, LEFT, NONE)
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("on", ["button", "group"])
def test_cells_are_dropped_on_a_class(bench: Bench, on: str) -> None:
    bench.choose(grouped=True)
    bench.click(1)
    bench.click(2, CTRL)
    data = bench.gallery.drag_data()
    if on == "button":
        target: QWidget = bench.widget.form.classes.button("monocyte")
        place = target.rect().center()
    else:
        viewport = bench.gallery.viewport()
        assert viewport is not None
        target, place = viewport, bench.at(6)
    drop(target, place, data)
    assert [bench.class_of(n) for n in (1, 2)] == ["monocyte"] * 2
    assert bench.session.undo_text == "2 cells as monocyte"


def drop(target: QWidget, place: QPoint, data: QMimeData) -> None:
    action, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(place, action, data, left, NONE)
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(target, QDropEvent(QPointF(place), action, data, left, NONE))


def test_foreign_things_are_not_taken(bench: Bench) -> None:
    data = QMimeData()
    data.setText("1 2 3")
    viewport = bench.gallery.viewport()
    assert viewport is not None
    enter = QDragEnterEvent(bench.at(6), Qt.DropAction.CopyAction, data, LEFT, NONE)
    QApplication.sendEvent(viewport, enter)
    assert not enter.isAccepted()


def test_digits_flag_and_flag_again_takes_away(bench: Bench) -> None:
    bench.choose()
    bench.click(3)
    bench.key(Qt.Key.Key_2)
    assert bench.session.reviews[3].flags == {FLAGS[1]}
    bench.settle()
    assert bench.widget.form.details.flags[FLAGS[1]].isChecked()
    bench.click(4, CTRL)
    bench.key(Qt.Key.Key_2)  # not all have it
    assert bench.session.reviews[4].flags == {FLAGS[1]}
    bench.key(Qt.Key.Key_2)
    assert 3 not in bench.session.reviews
    assert bench.selected == [3, 4]


def test_filters(bench: Bench) -> None:
    bench.session.set_class([1], "monocyte")
    bench.session.approve([2])
    bench.session.set_flag([3], "smudge")
    bench.settle()
    form = bench.widget.form
    assert form.show_box.itemText(form.show_box.findData("disagreements")) == "Disagreements (1)"
    for show, expected in (
        ("unreviewed", [3, 4, 5, 6, 7, 8]),
        ("flagged", [3]),
        ("disagreements", [1]),
        ("class:monocyte", [1, 6]),
    ):
        bench.choose(show=show)
        assert bench.shown == expected
    # In another order than the queue's, the next one takes a cell's place.
    bench.choose(show="unreviewed")
    bench.click(4)
    bench.key(Qt.Key.Key_Return)
    assert bench.shown == [3, 5, 6, 7, 8]
    assert bench.selected == [5]
    bench.choose(show="class:basophil")
    bench.click(8)
    bench.key(Qt.Key.Key_M)
    assert bench.shown == []
    bench.settle()  # an empty gallery says so


def test_what_a_mouse_rests_on(bench: Bench) -> None:
    bench.session.set_class([1], "monocyte")
    bench.session.set_flag([1], "smudge")
    bench.settle()
    assert bench.widget.cells is not None
    text = describe_cell(bench.widget.cells[1])
    assert text == "Cell 1: Monocyte (model: Neutrophil), 95 %; reviewed; edited; smudge"


def test_zoom_and_contrast(bench: Bench) -> None:
    form = bench.widget.form
    before = bench.gallery.grid.item_width
    form.zoom.setValue(200)
    assert bench.gallery.grid.item_width == before + 200 - 96
    form.contrast_box.setCurrentIndex(2)
    form.outline.setChecked(False)
    look = bench.gallery.cell_delegate.look
    assert (look.side, look.contrast, look.outline) == (200, "stretched", False)
    bench.settle()
