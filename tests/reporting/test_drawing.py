from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.reporting.drawing import NamePlaces, place_names

SHAPE = (120, 160)
HEIGHT, WIDTH, GAP = 6.0, 14.0, 1.0


def scene(boxes: list[tuple[int, int, int, int]]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return rectangles as a label image and as boxes; later ones lie over earlier ones."""
    labels = np.zeros(SHAPE, np.int32)
    for number, (y0, x0, y1, x1) in enumerate(boxes, 1):
        labels[y0:y1, x0:x1] = number
    return labels, np.array(boxes, np.float64).reshape(-1, 4)


def under(labels: NDArray[np.int32], places: NamePlaces, row: int) -> set[int]:
    """Return the numbers of the objects on which a name lies."""
    y, x = places.middles(HEIGHT, WIDTH)[row]
    y0, x0 = round(y - HEIGHT / 2), round(x - WIDTH / 2)
    y1, x1 = round(y + HEIGHT / 2), round(x + WIDTH / 2)
    window = labels[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    return set(np.unique(window).tolist()) - {0}


def test_a_name_hangs_under_its_object_unless_another_cell_is_there() -> None:
    labels, boxes = scene([(10, 10, 30, 30), (31, 8, 51, 28), (80, 100, 118, 130)])
    places = place_names(labels, boxes, HEIGHT, WIDTH, GAP)
    assert places.sides.tolist() == [[-1, 0], [1, 0], [1, 0]]
    np.testing.assert_allclose(places.points[1], (50.5 + GAP, 17.5))
    # The last hangs out of the image below, unless it must not.
    assert places.middles(HEIGHT, WIDTH)[2][0] + HEIGHT / 2 > SHAPE[0]
    inside = place_names(labels, boxes, HEIGHT, WIDTH, GAP, within=True)
    assert inside.sides[2].tolist() == [-1, 0]


def test_names_that_would_meet_part() -> None:
    labels, boxes = scene([(10, 10, 20, 20), (10, 21, 20, 31)])
    one, other = place_names(labels, boxes, HEIGHT, WIDTH, GAP).middles(HEIGHT, WIDTH)
    assert abs(one[0] - other[0]) >= HEIGHT or abs(one[1] - other[1]) >= WIDTH


def test_without_room_a_name_stands_on_its_own_object() -> None:
    labels = np.ones(SHAPE, np.int32)
    labels[40:70, 40:70] = 2
    places = place_names(labels, np.array([[40.0, 40, 70, 70]]), HEIGHT, WIDTH, GAP)
    assert places.sides.tolist() == [[0, 0]]
    assert under(labels, places, 0) == {2}
    assert len(place_names(labels, np.zeros((0, 4)), HEIGHT, WIDTH, GAP).points) == 0


box = st.tuples(st.integers(0, 100), st.integers(0, 140), st.integers(8, 20), st.integers(8, 20))


@settings(max_examples=150, deadline=None)
@given(st.lists(box.map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])), max_size=12))
def test_no_name_lies_inside_another_cell(boxes: list[tuple[int, int, int, int]]) -> None:
    labels, known = scene(boxes)
    places = place_names(labels, known, HEIGHT, WIDTH, GAP)
    for row, side in enumerate(places.sides.tolist()):
        if side != [0, 0]:
            assert not under(labels, places, row)
