"""A network's run over an image of any size at the scale that it was trained at.

The image is covered by a lattice of blocks that correspond to 32 x 32 px of the network's
input. Tiles start on the lattice, so that a pixel is resampled in the same way whichever tile
it falls into, and overlap; across an overlap one tile fades into the next, so that no seam
shows. Beyond the maps themselves only one tile is in memory.

A part of the image gets the tiles of the whole image's lattice that reach into it, in the same
order: its maps are, bit by bit, those of the image in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
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
#: y0, x0, y1, x1 of a part of an image, px; ends exclusive.
PartBox = tuple[int, int, int, int]
#: A network's answers by the start of their tile, in blocks.
Answers = MutableMapping[tuple[int, int], NDArray[np.float32]]


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


def tiles_in(grid: Lattice, part: PartBox) -> list[tuple[int, int]]:
    """Return the indices of the tiles, row and column, that reach into a part, row by row."""
    rows, columns = (
        [
            i
            for i, (start, length) in enumerate(spans)
            if start * grid.block < end and (start + length) * grid.block > begin
        ]
        for spans, begin, end in (
            (grid.rows, part[0], part[2]),
            (grid.columns, part[1], part[3]),
        )
    )
    return [(row, column) for row in rows for column in columns]


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

    def read(part: PartBox) -> NDArray[np.uint8]:
        y0, x0, y1, x1 = part
        return rgb[y0:y1, x0:x1]

    height, width = rgb.shape[:2]
    predict_part(
        read, (height, width), scale, network, (0, 0, height, width), out, after_tile=after_tile
    )


def predict_part(
    read: Callable[[PartBox], NDArray[np.uint8]],
    shape: tuple[int, int],
    scale: float,
    network: Network,
    part: PartBox,
    out: NDArray[np.float32],
    *,
    answers: Answers | None = None,
    wanted: Callable[[PartBox], bool] = lambda tile: True,
    after_tile: Callable[[], None] = lambda: None,
) -> None:
    """Predict a part of an image: exactly what `predict_tiled` gives there.

    Parameters
    ----------
    read : callable
        Gives the pixels of a part within the image, (h, w, 3) uint8.
    shape : (int, int)
        Height and width of the whole image, px.
    scale, network
        As for `predict_tiled`.
    part : tuple of int
        y0, x0, y1, x1, px, within the image.
    out : ndarray
        (C, y1 - y0, x1 - x0) float32, filled with zeros: receives the maps.
    answers : mutable mapping, optional
        Answers of this network on this image that are known already; new ones are put in.
    wanted : callable
        Says of a tile, y0, x0, y1, x1, px, which may reach beyond the image, whether it is; others
        add nothing to the maps.
    after_tile : callable
        Called after every tile; it may raise to stop.
    """
    grid = lattice(shape, scale)
    block = grid.block
    row_fades, column_fades = _fades(grid.rows, block), _fades(grid.columns, block)
    for i, j in tiles_in(grid, part):
        (row, n_rows), (column, n_columns) = grid.rows[i], grid.columns[j]
        y, x = row * block, column * block
        height, width = n_rows * block, n_columns * block
        if not wanted((y, x, y + height, x + width)):
            after_tile()
            continue
        maps = None if answers is None else answers.get((row, column))
        if maps is None:
            inside = read((y, x, min(y + height, shape[0]), min(x + width, shape[1])))
            patch = _mirrored(inside, height, width)
            # Averaging over areas keeps fine texture from turning into noise when shrinking.
            method = cv2.INTER_AREA if block > BLOCK else cv2.INTER_CUBIC
            size = (n_columns * BLOCK, n_rows * BLOCK)
            small = cv2.resize(patch, size, interpolation=method).astype(np.float32)
            maps = network(small[np.newaxis])[0]
            if answers is not None:
                answers[row, column] = maps
        _blend(maps, row_fades[i], column_fades[j], y - part[0], x - part[1], out)
        after_tile()


def _mirrored(inside: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Bring a patch to its size; what lies beyond the image is mirrored in."""
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
    """Add a tile's maps, brought to the image's size and weighted, to the result.

    The tile begins at `y` and `x` of the result, and may reach beyond it on all sides.
    """
    rows = slice(max(0, -y), min(len(fade_y), out.shape[1] - y))
    columns = slice(max(0, -x), min(len(fade_x), out.shape[2] - x))
    weight = fade_y[rows, np.newaxis] * fade_x[columns]
    place = np.s_[y + rows.start : y + rows.stop, x + columns.start : x + columns.stop]
    for channel in range(out.shape[0]):
        full = cv2.resize(
            np.ascontiguousarray(maps[..., channel]),
            (len(fade_x), len(fade_y)),
            interpolation=cv2.INTER_LINEAR,
        )
        out[channel][place] += weight * full[rows, columns]
