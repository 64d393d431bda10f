from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.segmentation import tiles
from napari_leukocyte.segmentation.tiles import (
    BLOCK,
    OVERLAP_BLOCKS,
    TILE_BLOCKS,
    lattice,
    predict_tiled,
)

Maps = NDArray[np.float32]


def local_mean(batch: Maps) -> Maps:
    """Act as a network would that sees 17 x 17 px, wherever they are."""
    smooth = cv2.blur(batch[0], (17, 17), borderType=cv2.BORDER_REFLECT_101) / 255
    return np.asarray(smooth[np.newaxis, ..., :2], np.float32)


def photograph(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(np.round((smooth - smooth.min()) / np.ptp(smooth) * 255), np.uint8)


def predict(rgb: NDArray[np.uint8], scale: float) -> tuple[Maps, int]:
    out = np.zeros((2, *rgb.shape[:2]), np.float32)
    calls = []
    predict_tiled(rgb, scale, local_mean, out, lambda: calls.append(1))
    return out, len(calls)


@settings(max_examples=25)
@given(st.integers(16, 900), st.integers(16, 900), st.floats(0.2, 4), st.integers(0, 99))
def test_tiles_give_the_whole_image_without_a_seam(
    height: int, width: int, scale: float, seed: int
) -> None:
    if height * width * scale**2 > 4e6:
        scale = float(np.sqrt(4e6 / (height * width)))
    rgb = photograph(height, width, seed)
    tiled, n_tiles = predict(rgb, scale)
    assert n_tiles == lattice((height, width), scale).n_tiles
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "TILE_BLOCKS", 10_000)
        whole, n_tiles = predict(rgb, scale)
    assert n_tiles == 1
    np.testing.assert_allclose(tiled, whole, atol=0.01)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.01, 16))
def test_lattice_covers_the_image_with_few_overlapping_tiles(
    height: int, width: int, scale: float
) -> None:
    grid = lattice((height, width), scale)
    assert grid.block == pytest.approx(BLOCK / scale, abs=0.5)
    for side, spans in ((height, grid.rows), (width, grid.columns)):
        ends = [start + length for start, length in spans]
        assert spans[0][0] == 0
        assert ends[-1] == -(-side // grid.block)
        assert all(length <= TILE_BLOCKS for _, length in spans)
        starts = [start for start, _ in spans]
        assert all(e - s >= OVERLAP_BLOCKS for e, s in zip(ends[:-1], starts[1:], strict=True))
        step = TILE_BLOCKS - OVERLAP_BLOCKS
        assert len(spans) <= 1 + max(0, -(-(ends[-1] - TILE_BLOCKS) // step))
        fades = tiles._fades(spans, grid.block)
        total = np.zeros(ends[-1] * grid.block)
        for (start, length), fade in zip(spans, fades, strict=True):
            total[start * grid.block : (start + length) * grid.block] += fade
        np.testing.assert_allclose(total, 1, atol=1e-6)


def test_one_colour_stays_one_colour() -> None:
    rgb = np.full((700, 650, 3), 51, np.uint8)
    for scale in (0.3, 1.0, 1.7):
        np.testing.assert_allclose(predict(rgb, scale)[0], 0.2, atol=1e-5)


def test_memory_does_not_grow_with_the_image() -> None:
    def peak(side: int) -> int:
        rgb = np.zeros((side, side, 3), np.uint8)
        out = np.zeros((2, side, side), np.float32)
        tracemalloc.start()
        predict_tiled(rgb, 1.0, lambda b: b[..., :2], out, lambda: None)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    small, large = peak(1024), peak(3072)
    assert small > 512 * 512 * 3  # what NumPy and OpenCV take is seen
    assert large < 1.3 * small


def test_whoever_stops_it_stops_it_at_once() -> None:
    calls = []

    def after_tile() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    rgb = np.zeros((2000, 2000, 3), np.uint8)
    assert lattice((2000, 2000), 1.0).n_tiles > 3
    shown = []

    def network(batch: Maps) -> Maps:
        shown.append(batch.shape)
        return batch[..., :2]

    with pytest.raises(KeyboardInterrupt):
        predict_tiled(rgb, 1.0, network, np.zeros((2, 2000, 2000), np.float32), after_tile)
    assert len(calls) == len(shown) == 3
