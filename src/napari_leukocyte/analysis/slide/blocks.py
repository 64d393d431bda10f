"""Blocks of a slide, and how far beyond a block one has to look."""

from __future__ import annotations

import math
from collections.abc import Iterator

from napari_leukocyte.io.slides.image import PartBox
from napari_leukocyte.segmentation.parameters import PostprocessParams

#: Side of a block, px, unless another is asked for: its maps and labels take about 700 MB.
BLOCK_PX = 3072
#: Blocks beside each other in a band. Bands follow one another, each row by row: what networks said
#: of the row above is kept for the next one, and that of a whole slide's row would be too much.
BAND = 4
#: Overlap of neighbouring blocks, diameters: most groups of touching cells lie whole in it.
OVERLAP = 2.0
#: Widest hole that is filled, diameters: what is wider is a gap between cells, not part of one.
WIDEST_HOLE = 1.0
#: Widest group of touching cells that is looked at as a whole, diameters and, of large cells, px:
#: wider ones are left out.
WIDEST_GROUP, WIDEST_GROUP_PX, LEAST_WIDEST_GROUP = 16.0, 2048.0, 6.0


def cut_blocks(shape: tuple[int, int], side: int) -> list[PartBox]:
    """Cut an image into blocks that do not overlap, in bands of `BAND` blocks, row by row.

    Parameters
    ----------
    shape : (int, int)
        Height and width, px.
    side : int
        Longest side of a block, px; blocks of one image differ by a pixel at most.
    """
    rows, columns = (list(_parts(length, side)) for length in shape)
    bands = [columns[i : i + BAND] for i in range(0, len(columns), BAND)]
    return [(y0, x0, y1, x1) for band in bands for y0, y1 in rows for x0, x1 in band]


def _parts(length: int, side: int) -> Iterator[tuple[int, int]]:
    count = max(1, -(-length // side))
    for i in range(count):
        yield i * length // count, (i + 1) * length // count


def reach_of(params: PostprocessParams, diameter: float) -> int:
    """Return how far from a pixel another can decide whether it is in the mask, px.

    Opening and closing move a kernel over the mask twice each.
    """
    sizes = (params.opening_size, params.closing_size)
    return sum(2 * math.floor(size * diameter / 2) + 1 for size in sizes)


def widest_hole(diameter: float) -> int:
    """Return the widest hole that is filled, px."""
    return math.floor(WIDEST_HOLE * diameter)


def widest_group(diameter: float) -> float:
    """Return the widest group of touching cells that is looked at, px."""
    most = min(WIDEST_GROUP * diameter, WIDEST_GROUP_PX)
    return max(LEAST_WIDEST_GROUP * diameter, most)


def least_overlap(params: PostprocessParams, diameter: float) -> int:
    """Return the least overlap with which blocks see what the whole image shows, px."""
    return reach_of(params, diameter) + widest_hole(diameter) + 2


def grow(part: PartBox, margin: int, shape: tuple[int, int]) -> PartBox:
    """Grow a part on all sides as far as the image goes."""
    y0, x0, y1, x1 = part
    return (
        max(0, y0 - margin),
        max(0, x0 - margin),
        min(shape[0], y1 + margin),
        min(shape[1], x1 + margin),
    )


def shrink_cut(part: PartBox, margin: int, shape: tuple[int, int]) -> PartBox:
    """Shrink a part on those sides that are no border of the image."""
    y0, x0, y1, x1 = part
    return (
        y0 if y0 == 0 else y0 + margin,
        x0 if x0 == 0 else x0 + margin,
        y1 if y1 == shape[0] else y1 - margin,
        x1 if x1 == shape[1] else x1 - margin,
    )


def within(inner: PartBox, outer: PartBox) -> bool:
    """Say whether a part lies in another."""
    return (
        inner[0] >= outer[0]
        and inner[1] >= outer[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )
