"""Run a network over an image of any size at the scale that it was trained at.

The image is covered by a lattice of blocks that correspond to 32 x 32 px of the network's
input. Tiles start on the lattice, so that a pixel is resampled in the same way whichever tile
it falls into, and overlap; across an overlap one tile fades into the next, so that no seam
shows. Beyond the maps themselves only one tile is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: The network halves its input five times.
BLOCK = 32
#: Side of a tile and overlap of neighbours, in blocks. 512 px are 5 to 8 leukocytes across; 128 px,
#: more than one leukocyte, let each be seen whole in at least one tile.
TILE_BLOCKS, OVERLAP_BLOCKS = 16, 4

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Lattice:
    """The lattice over an image.

    Attributes
    ----------
    block : int
        Side of a block in the image, px.
    rows, columns : tuple of (int, int)
        Start and length of every tile along each axis, in blocks.
    """

    block: int
    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)


def lattice(shape: tuple[int, int], scale: float) -> Lattice:
    """Lay the lattice over an image.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, px.
    scale : float
        Wanted size of the network's input over the image's; the one used is the nearest that
        gives a block a whole number of pixels.

    Returns
    -------
    Lattice
    """
    block = max(2, round(BLOCK / scale))
    rows, columns = (tuple(_spans(-(-side // block))) for side in shape)
    return Lattice(block, rows, columns)


def _spans(blocks: int) -> Iterator[tuple[int, int]]:
    """Cover a number of blocks with overlapping tiles."""
    if blocks <= TILE_BLOCKS:
        yield 0, blocks
        return
    step = TILE_BLOCKS - OVERLAP_BLOCKS
    for start in range(0, blocks - TILE_BLOCKS, step):
        yield start, TILE_BLOCKS
    yield blocks - TILE_BLOCKS, TILE_BLOCKS


def _fades(spans: tuple[tuple[int, int], ...], block: int) -> list[NDArray[np.float32]]:
    """Return each tile's weights along one axis, px; over all tiles they add up to one."""
    length = (spans[-1][0] + spans[-1][1]) * block
    total = np.zeros(length, np.float32)
    fades: list[NDArray[np.float32]] = []
    for start, blocks in spans:
        position = (np.arange(blocks * block, dtype=np.float32) + 0.5) / block
        to_edge = np.minimum(position, blocks - position)
        # The outer half block of a tile lacks context most: it counts hardly at all.
        fade = np.clip(to_edge - 0.5, 0.01, OVERLAP_BLOCKS - 1).astype(np.float32)
        fades.append(fade)
        total[start * block : (start + blocks) * block] += fade
    return [f / total[s * block : (s + n) * block] for f, (s, n) in zip(fades, spans, strict=True)]


def predict_tiled(
    rgb: NDArray[np.uint8],
    scale: float,
    network: Network,
    out: NDArray[np.float32],
    after_tile: Callable[[], None],
) -> None:
    """Predict an image tile by tile.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    scale : float
        Size of the network's input over the image's.
    network : callable
        (1, h, w, 3) float32, 0 to 255, h and w multiples of 32 -> (1, h, w, C) float32.
    out : ndarray
        (C, H, W) float32, filled with zeros: receives the maps.
    after_tile : callable
        Called after every tile; it may raise to stop.
    """
    grid = lattice((rgb.shape[0], rgb.shape[1]), scale)
    block = grid.block
    row_fades, column_fades = _fades(grid.rows, block), _fades(grid.columns, block)
    for (row, n_rows), fade_y in zip(grid.rows, row_fades, strict=True):
        for (column, n_columns), fade_x in zip(grid.columns, column_fades, strict=True):
            patch = _patch(rgb, row * block, column * block, n_rows * block, n_columns * block)
            # Averaging over areas keeps fine texture from turning into noise when shrinking.
            method = cv2.INTER_AREA if block > BLOCK else cv2.INTER_CUBIC
            size = (n_columns * BLOCK, n_rows * BLOCK)
            small = cv2.resize(patch, size, interpolation=method).astype(np.float32)
            maps = network(small[np.newaxis])[0]
            _blend(maps, fade_y, fade_x, row * block, column * block, out)
            after_tile()


def _patch(rgb: NDArray[np.uint8], y: int, x: int, height: int, width: int) -> NDArray[np.uint8]:
    """Cut a patch; what lies beyond the image is mirrored in."""
    inside = rgb[y : y + height, x : x + width]
    below, right = height - inside.shape[0], width - inside.shape[1]
    if not (below or right):
        return inside
    mirrored = cv2.copyMakeBorder(inside, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    return np.asarray(mirrored, np.uint8)


def _blend(
    maps: NDArray[np.float32],
    fade_y: NDArray[np.float32],
    fade_x: NDArray[np.float32],
    y: int,
    x: int,
    out: NDArray[np.float32],
) -> None:
    """Add a tile's maps, brought to the image's size and weighted, to the result."""
    height, width = min(len(fade_y), out.shape[1] - y), min(len(fade_x), out.shape[2] - x)
    weight = fade_y[:height, np.newaxis] * fade_x[:width]
    for channel in range(out.shape[0]):
        full = cv2.resize(
            np.ascontiguousarray(maps[..., channel]),
            (len(fade_x), len(fade_y)),
            interpolation=cv2.INTER_LINEAR,
        )
        out[channel, y : y + height, x : x + width] += weight * full[:height, :width]
