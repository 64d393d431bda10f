from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import points_in_poly

from napari_leukocyte.interpretation.embedding_map.lasso import inside

_CORNER = st.tuples(st.integers(-50, 50), st.integers(-50, 50))


@given(st.lists(_CORNER, min_size=3, max_size=40), st.integers(0, 2**32 - 1))
def test_as_scikit_image_says_of_any_loop(corners: list[tuple[int, int]], seed: int) -> None:
    # Off the grid of the corners, so that no point lies on an edge.
    points = np.random.default_rng(seed).uniform(-60, 60, (50, 2))
    np.testing.assert_array_equal(inside(points, corners), points_in_poly(points, corners))


def test_a_loop_that_is_no_loop_holds_nothing() -> None:
    assert not inside([(0, 0), (1, 1)], []).any()
    assert not inside([(0, 0), (1, 1)], [(0, 0), (2, 2)]).any()
    assert inside([], [(0, 0), (1, 0), (1, 1)]).shape == (0,)


def test_a_loop_open_to_one_side_does_not_hold_what_is_there() -> None:
    horseshoe = [(0, 0), (10, 0), (10, 10), (8, 10), (8, 2), (2, 2), (2, 10), (0, 10)]
    assert inside([(1, 5), (5, 5), (9, 5), (5, 1)], horseshoe).tolist() == [True, False, True, True]
