"""Label images to edit."""

from __future__ import annotations

import cv2
import hypothesis.strategies as st
import numpy as np
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

Labels = NDArray[np.int32]


def discs(shape: tuple[int, int], *cells: tuple[int, int, int]) -> Labels:
    """Draw discs (y, x, radius), numbered from 1, later ones over earlier ones."""
    result = np.zeros(shape, np.int32)
    for number, (y, x, radius) in enumerate(cells, start=1):
        cv2.circle(result, (x, y), radius, number, -1)
    return result


def numbers_of(labels: Labels) -> list[int]:
    """Return the numbers of the objects."""
    return [n for n in np.unique(labels).tolist() if n > 0]


def pieces(labels: Labels, number: int) -> int:
    """Return in how many pieces an object is."""
    mask = (labels == number).astype(np.uint8)
    return int(cv2.connectedComponents(mask, connectivity=8)[0]) - 1


def jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the intersection over the union."""
    return float((a & b).sum() / (a | b).sum())


@st.composite
def cells(draw: st.DrawFn) -> Labels:
    """Draw discs that overlap, with gaps in their numbers and some noise."""
    shape = draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    result = np.zeros(shape, np.int32)
    for number in draw(st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True)):
        y, x = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        cv2.circle(result, (x, y), draw(st.integers(0, 20)), number, -1)
    return result


def noise() -> st.SearchStrategy[Labels]:
    """Draw label images without any order."""
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)
    return hnp.arrays(np.int32, shapes, elements=st.integers(0, 4))


label_images = st.one_of(cells(), noise())
coordinates = st.floats(-80, 140, allow_nan=False)
points = st.tuples(coordinates, coordinates)


def check_others(before: Labels, after: Labels, touched: set[int]) -> None:
    """Check that what an edit did not name is the same byte for byte."""
    others = ~np.isin(before, [0, *touched])
    np.testing.assert_array_equal(after[others], before[others])
    # And that nothing has come to their numbers.
    kept = set(numbers_of(before)) - touched
    assert np.isin(after, sorted(kept)).sum() == others.sum()
    assert after.dtype == np.int32
    assert after is not before
