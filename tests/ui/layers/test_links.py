"""A session and the layers that show it: one changes with the other."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from numpy.typing import NDArray
from wrapt import ObjectProxy

from napari_leukocyte.errors import ImageError
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from tests.ui.fields import CENTRES, SHAPE, Networks, draw_field

Bound = tuple[Session, Labels]


@pytest.fixture
def bound(viewer: napari.Viewer, field: NDArray[np.uint8], maps: MemberMaps) -> Bound:
    """Return a session with objects, and the layer that shows it."""
    image = viewer.add_image(field, name="field")
    session = links.session_of(image)
    session.set_maps(maps)
    return session, links.show_labels(viewer, session, image)


@pytest.fixture
def maps(networks: Networks, field: NDArray[np.uint8]) -> MemberMaps:
    """Return the maps of the field."""
    return networks.find(field)


def recompute(session: Session, threshold: float) -> None:
    session.set_params(replace(session.params, threshold=threshold))


def drag(layer: Labels, points: list[tuple[int, int]], event: Any) -> list[Callable[[], None]]:
    """Return the steps of a stroke with the mouse: press, moves, release."""

    def at(kind: str, point: tuple[int, int], moving: bool) -> Any:
        return ObjectProxy(
            event(type=kind, is_dragging=moving, position=point, pos=np.array(point))
        )

    return [
        lambda: mouse_press_callbacks(layer, at("mouse_press", points[0], False)),
        *(
            lambda point=point: mouse_move_callbacks(layer, at("mouse_move", point, True))
            for point in points[1:]
        ),
        lambda: mouse_release_callbacks(layer, at("mouse_release", points[-1], False)),
    ]


def test_layers_and_sessions_find_each_other(viewer: napari.Viewer, bound: Bound) -> None:
    session, labels = bound
    image: Any = viewer.layers[0]
    assert links.session_of(image) is session
    assert links.session_of_labels(viewer, labels) is session
    assert links.labels_layer_of(viewer, session) is labels
    assert links.image_layer_of(viewer, session) is image
    assert session.name == "field"
    viewer.layers[0].name = "renamed"
    assert session.name == "renamed"
    other = viewer.add_labels(np.zeros(SHAPE, int))
    assert links.session_of_labels(viewer, other) is None
    viewer.layers.remove(labels)
    assert links.labels_layer_of(viewer, session) is None
    assert links.show_labels(viewer, session, image) is not labels


def test_a_session_dies_with_its_layers(field: NDArray[np.uint8]) -> None:
    image, labels = Image(field), Labels(np.zeros(SHAPE, np.int32))
    session = links.session_of(image)
    links.bind_labels(None, session, labels)
    alive = [weakref.ref(thing) for thing in (image, labels, session)]
    del image, labels, session
    gc.collect()
    assert [thing() for thing in alive] == [None] * 3


def test_napari_s_proxies_stand_for_their_layers(viewer: napari.Viewer, bound: Bound) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    session, labels = bound
    proxy = PublicOnlyProxy(viewer)
    assert links.session_of(proxy.layers[0]) is session
    assert links.session_of_labels(proxy, proxy.layers[1]) is session
    assert links.labels_layer_of(proxy, session) is labels
    links.unbind_labels(proxy.layers[1])
    assert links.session_of_labels(viewer, labels) is None
    links.bind_labels(proxy, session, proxy.layers[1])
    assert links.session_of_labels(viewer, labels) is session


PAINTINGS: dict[str, Callable[[Labels], None]] = {
    "paint": lambda layer: layer.paint((150, 60), 50),
    "fill": lambda layer: layer.fill(CENTRES[0], 50),
    "polygon": lambda layer: layer.paint_polygon([(140, 40), (160, 40), (150, 90)], 50),
    "data_setitem": lambda layer: layer.data_setitem((np.array([150]), np.array([60])), 50),
}


@pytest.mark.parametrize("how", PAINTINGS)
@pytest.mark.parametrize("contour", [0, 2])
def test_every_way_to_paint_is_an_edit_and_can_be_undone(
    bound: Bound, how: str, contour: int
) -> None:
    session, layer = bound
    layer.contour = contour
    before = session.labels.copy()
    PAINTINGS[how](layer)
    assert 50 in session.edits.labels
    np.testing.assert_array_equal(session.labels, layer.data)
    painted = layer.data.copy()
    layer.undo()
    np.testing.assert_array_equal(session.labels, before)
    assert not session.edits
    layer.redo()
    np.testing.assert_array_equal(session.labels, painted)
    assert 50 in session.edits.labels


def test_a_stroke_with_the_mouse_is_one_edit(bound: Bound, MouseEvent: Any) -> None:  # noqa: N803
    session, layer = bound
    layer.mode, layer.selected_label = "paint", 50
    heard: list[int] = []
    session.table_changed.connect(lambda: heard.append(1))
    for step in drag(layer, [(150, 40), (150, 60), (150, 80)], MouseEvent):
        step()
    assert len(heard) == 1
    assert session.labels[150, 70] == 50
    recompute(session, 0.3)
    assert layer.data[150, 70] == 50


def test_a_computation_in_the_midst_of_a_stroke(bound: Bound, MouseEvent: Any) -> None:  # noqa: N803
    session, layer = bound
    layer.mode, layer.selected_label, layer.brush_size = "paint", 50, 6
    steps = drag(layer, [(150, 40), (150, 60), (150, 80)], MouseEvent)
    steps[0]()
    steps[1]()
    recompute(session, 0.25)
    for step in steps[2:]:
        step()
    # The whole stroke is there, and nothing but the stroke counts as edited.
    assert (layer.data[150, 40:81] == 50).all()
    assert session.edits.labels == {50}
    np.testing.assert_array_equal(session.labels, layer.data)
    undisturbed = Session(draw_field())
    assert session.maps is not None
    undisturbed.set_maps(session.maps)
    recompute(undisturbed, 0.25)
    np.testing.assert_array_equal((layer.data > 0) & (layer.data != 50), undisturbed.labels > 0)
    for _ in range(5):
        layer.undo()
    np.testing.assert_array_equal(session.labels, layer.data)


def test_a_computation_shows_without_a_new_array_of_the_session(bound: Bound) -> None:
    session, layer = bound
    recompute(session, 0.3)
    np.testing.assert_array_equal(layer.data, session.labels)
    layer.data[0, 0] = 99
    assert session.labels[0, 0] != 99


def test_the_tool_in_hand_stays(bound: Bound) -> None:
    session, layer = bound
    layer.mode = "polygon"
    layer.paint((150, 60), 50)
    recompute(session, 0.3)
    assert layer.mode == "polygon"
    assert layer.editable
    layer.editable = False
    recompute(session, 0.4)
    assert not layer.editable
    np.testing.assert_array_equal(layer.data, session.labels)


def test_the_selected_number_is_never_one_that_was_given_to_another(bound: Bound) -> None:
    session, layer = bound
    free = layer.selected_label
    assert free == session.next_label
    # A new object takes that number; what is drawn next must not become a part of it.
    session.accept_edit(np.where(np.arange(SHAPE[1]) < 5, np.int32(free), session.labels))
    assert layer.selected_label == session.next_label == free + 1
    # A number that the user chose on purpose stays, as long as its object is there.
    layer.selected_label = 1
    recompute(session, 0.3)
    assert layer.selected_label == 1
    layer.data_setitem(np.nonzero(layer.data == 1), 0)
    recompute(session, 0.4)
    assert layer.selected_label == session.next_label


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_a_user_s_own_labels_count_as_drawn(
    viewer: napari.Viewer, field: NDArray[np.uint8], maps: MemberMaps, dtype: type
) -> None:
    session = links.session_of(viewer.add_image(field))
    own: NDArray[Any] = np.zeros(SHAPE, dtype)
    own[140:170, 20:60] = 1
    layer = viewer.add_labels(own.astype(np.uint8) if dtype is bool else own)
    links.bind_labels(viewer, session, layer)
    assert session.edits.labels == {1}
    session.set_maps(maps)
    assert (layer.data[140:170, 20:60] == 1).all()
    assert layer.data[CENTRES[0]] > 1
    assert not own[CENTRES[0]]  # the user's array is the user's


@pytest.mark.parametrize(
    "data", [np.zeros((9, 9), int), np.zeros((2, *SHAPE), int), np.full(SHAPE, -1)]
)
def test_labels_that_do_not_fit_are_refused(
    viewer: napari.Viewer, bound: Bound, data: NDArray[Any]
) -> None:
    session, _ = bound
    before = session.labels
    layer = viewer.add_labels(data.copy())
    with pytest.raises(ImageError):
        links.bind_labels(viewer, session, layer)
    assert links.session_of_labels(viewer, layer) is None
    assert session.labels.base is before.base
    np.testing.assert_array_equal(layer.data, data)


def test_multiscale_labels_are_refused(viewer: napari.Viewer, bound: Bound) -> None:
    data = np.zeros(SHAPE, int)
    layer = viewer.add_labels([data, data[::2, ::2]], multiscale=True)
    with pytest.raises(ImageError, match="multiscale"):
        links.bind_labels(viewer, bound[0], layer)


def test_labels_can_move_to_another_session(
    viewer: napari.Viewer, bound: Bound, field: NDArray[np.uint8]
) -> None:
    former, layer = bound
    other = links.session_of(viewer.add_image(field, name="other"))
    links.bind_labels(viewer, other, layer)
    assert links.session_of_labels(viewer, layer) is other
    shown = layer.data.copy()
    recompute(former, 0.2)
    np.testing.assert_array_equal(layer.data, shown)
    layer.fill(CENTRES[0], 0)
    assert former.labels[CENTRES[0]] > 0
    assert other.labels[CENTRES[0]] == 0


def test_data_put_into_the_layer_are_an_edit(bound: Bound) -> None:
    session, layer = bound
    layer.paint((150, 60), 50)
    new = np.zeros(SHAPE, np.uint16)
    new[10:20, 10:20] = 3
    layer.data = new
    np.testing.assert_array_equal(session.labels, new)
    recompute(session, 0.3)
    assert (layer.data[10:20, 10:20] == 3).all()
    assert session.edits.labels == {3}


def test_data_of_another_size_end_the_tie(viewer: napari.Viewer, bound: Bound) -> None:
    session, layer = bound
    layer.data = np.zeros((20, 20), int)
    assert links.session_of_labels(viewer, layer) is None
    recompute(session, 0.3)
    assert layer.data.shape == (20, 20)


def test_numbers_that_no_object_can_have_are_taken_back(bound: Bound, told: list[str]) -> None:
    session, layer = bound
    before = session.labels.copy()
    layer.paint((150, 60), -3)
    assert told == ["Label numbers must lie from 0 to 2147483647."]
    np.testing.assert_array_equal(layer.data, before)
    np.testing.assert_array_equal(session.labels, before)
