from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import morphology as reference

from napari_leukocyte.segmentation.morphology import close_mask, fill_holes, open_mask
from napari_leukocyte.segmentation.parameters import KernelShape

SHAPES: tuple[KernelShape, ...] = ("ellipse", "rectangle", "cross")


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Blobs of any size, on images from 1 x 1 px; sometimes all 0 or all 1."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    noise = rng.random((height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), draw(st.floats(0.3, 6)))
    share = draw(st.sampled_from([-1.0, 5.0, 30.0, 50.0, 70.0, 95.0, 101.0]))
    if not 0 <= share <= 100:
        return np.full((height, width), share < 0, np.uint8)
    return np.asarray(smooth > np.percentile(smooth, share), np.uint8)


@given(masks(), st.floats(2, 60), st.booleans())
def test_ellipse_is_the_disc_of_scikit_image_at_any_size(
    mask: NDArray[np.uint8], width: float, closing: bool
) -> None:
    # Both sides of the size from which distance transforms stand in for the kernel.
    radius = min(int(width / 2), max(mask.shape))
    far = 2 * radius + 1  # the surroundings repeat the edge
    padded = np.pad(mask, far, mode="edge")
    theirs: Any = reference.closing if closing else reference.opening
    expected = theirs(padded, reference.disk(radius))[far:-far, far:-far]
    ours = close_mask if closing else open_mask
    # An even width, so that the radius is whole, as scikit-image's discs are.
    np.testing.assert_array_equal(ours(mask, "ellipse", 2.0 * radius), expected)


@given(masks(), st.sampled_from(SHAPES), st.floats(0, 200))
def test_opening_shrinks_closing_grows_and_neither_goes_on(
    mask: NDArray[np.uint8], shape: KernelShape, width: float
) -> None:
    opened, closed = open_mask(mask, shape, width), close_mask(mask, shape, width)
    assert (opened <= mask).all()
    assert (mask <= closed).all()
    if mask.min() == mask.max() or width < 2:
        np.testing.assert_array_equal(opened, mask)
        np.testing.assert_array_equal(closed, mask)
    # Turning the image by 90 degrees changes nothing: no kernel is off its centre.
    np.testing.assert_array_equal(open_mask(np.rot90(mask).copy(), shape, width), np.rot90(opened))


@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_wider_than_any_image_costs_nothing(shape: KernelShape) -> None:
    mask = np.zeros((40, 30), np.uint8)
    mask[10:20, 10:20] = 1
    assert not open_mask(mask, shape, 1e12).any()


def test_only_closed_holes_are_filled() -> None:
    closed = np.zeros((30, 30), np.uint8)
    closed[5:20, 5:20] = 1
    filled = closed.copy()
    closed[7:18, 7:18] = 0
    np.testing.assert_array_equal(fill_holes(closed), filled)
    open_ring = closed.copy()
    open_ring[5:7, 12] = 0
    cut_ring = closed[7:].copy()  # its upper side lies beyond the image
    for mask in (open_ring, cut_ring):
        np.testing.assert_array_equal(fill_holes(mask), mask)
    # Background is 4-connected: a hole that a diagonal step leads out of is closed.
    diagonal = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.uint8)
    assert fill_holes(np.pad(diagonal, 2)).sum() == 5
