"""Cells of one block, found as in the slide in one piece.

A pixel of the mask depends on its surroundings as far as the kernels of opening and closing reach,
and as far as the widest hole that is filled; a cell on the group of touching cells that it is
parted from. So a block looks beyond itself, and where a group leaves what it sees, at the group's
own surroundings. It keeps the cells whose anchor, the pixel nearest to the centroid, lies in it:
each cell is kept by exactly one block, whatever the blocks are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.blocks import (
    grow,
    reach_of,
    shrink_cut,
    widest_group,
    widest_hole,
    within,
)
from napari_leukocyte.analysis.slide.cells import SlideCell
from napari_leukocyte.analysis.slide.maps import SlideMaps
from napari_leukocyte.classification.measurements import Region, measure_region
from napari_leukocyte.io.slides.image import PartBox
from napari_leukocyte.schema import MEASURED, NUCLEUS_THRESHOLD
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.evidence import score_objects, shipped_score_model
from napari_leukocyte.segmentation.morphology import close_mask, open_mask
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import SPECK
from napari_leukocyte.segmentation.watershed import part_regions


@dataclass(frozen=True, eq=False)
class FoundCells:
    """The cells of a block.

    Attributes
    ----------
    cells : list of SlideCell
        Those whose anchor lies in the block.
    too_wide : bool
        Whether a group of touching cells was too wide to be looked at, and left out.
    """

    cells: list[SlideCell]
    too_wide: bool


def find_cells(slide: SlideMaps, block: PartBox) -> FoundCells:
    """Find the cells of a block.

    Parameters
    ----------
    slide : SlideMaps
        The slide.
    block : tuple of int
        y0, x0, y1, x1, px.

    Returns
    -------
    FoundCells
        Cells and all else that is no speck, objects and candidates alike.

    Raises
    ------
    ImageError, ModelError
        With one sentence on what is wrong.
    """
    plan = slide.plan
    shape, size, params = plan.shape, plan.diameter, plan.params
    reach, hole = reach_of(params, size), widest_hole(size)
    found: dict[tuple[int, int], SlideCell] = {}
    too_wide = False
    views: list[tuple[PartBox, PartBox]] = [(grow(block, plan.overlap_px, shape), block)]
    while views:
        view, wanted = views.pop()
        # What is exact in the view: the mask, and within it the regions with their holes filled.
        exact = shrink_cut(view, reach, shape)
        trusted = shrink_cut(exact, hole + 1, shape)
        maps = slide.predict(view)
        mask = _mask(maps.combine(None, params.vote), params, size)
        inside = _local(exact, view)
        mask = mask[inside]
        if params.fill_holes:
            mask = fill_small_holes(mask, hole)
        labels, boxes, areas = _label(mask, exact)
        complete: list[int] = []
        for number in _numbers_in(labels, exact, wanted):
            box = boxes[number]
            side = max(box[2] - box[0], box[3] - box[1])
            if side > widest_group(size):
                too_wide = True
            elif within(box, trusted):
                complete.append(number)
            else:
                # Its own surroundings, wider each time: a group's width is bounded.
                margin = plan.overlap_px + max(side // 2, round(size))
                views.append((grow(box, margin, shape), _seen(labels, number, exact, wanted)))
        nucleus = maps.combine_nucleus()
        cut = MemberMaps(
            cell=maps.cell[(slice(None), *inside)],
            nucleus=maps.nucleus[(slice(None), *inside)],
            names=maps.names,
            weights=maps.weights,
            diameter=size,
            model=maps.model,
            sha256=maps.sha256,
        )
        for cell in _part(labels, complete, areas, cut, nucleus[inside], exact, slide):
            y, x = cell.anchor
            if block[0] <= y < block[2] and block[1] <= x < block[3]:
                found[cell.anchor] = cell
    return FoundCells([found[a] for a in sorted(found)], too_wide)


def _mask(
    vote: NDArray[np.float32], params: PostprocessParams, diameter: float
) -> NDArray[np.uint8]:
    mask = (vote >= np.float32(params.threshold)).astype(np.uint8)
    mask = open_mask(mask, params.opening_shape, params.opening_size * diameter)
    return close_mask(mask, params.closing_shape, params.closing_size * diameter)


def fill_small_holes(mask: NDArray[np.uint8], widest: int) -> NDArray[np.uint8]:
    """Fill background that is surrounded and at most so wide.

    Parameters
    ----------
    mask : ndarray
        (h, w) uint8, 0 or 1: of a part of an image.
    widest : int
        Longest side of a hole's bounding box, px.

    Returns
    -------
    ndarray
        (h, w) uint8. Exact where the part's cut sides are farther than `widest`.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    left, top, width, height = (stats[:, i] for i in range(4))
    filled = (width <= widest) & (height <= widest)
    # What reaches the image's border is no hole; what reaches a cut side is not known to be one.
    filled &= (left > 0) & (top > 0)
    filled &= (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    filled[0] = False  # the mask itself
    return np.asarray(mask | filled[labels], np.uint8)


def _label(
    mask: NDArray[np.uint8], part: PartBox
) -> tuple[NDArray[np.int32], dict[int, PartBox], NDArray[np.int64]]:
    """Return connected regions, numbered, their boxes in the slide, and their areas."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    y0, x0 = part[:2]
    boxes = {
        n: (y0 + top, x0 + left, y0 + top + height, x0 + left + width)
        for n, (left, top, width, height) in enumerate(stats[:, :4].tolist())
        if n > 0
    }
    return np.asarray(labels, np.int32), boxes, stats[:, cv2.CC_STAT_AREA].astype(np.int64)


def _local(part: PartBox, view: PartBox) -> tuple[slice, slice]:
    """Return a part of the slide as slices of an array that shows a view of it."""
    return (
        slice(max(0, part[0] - view[0]), max(0, part[2] - view[0])),
        slice(max(0, part[1] - view[1]), max(0, part[3] - view[1])),
    )


def _numbers_in(labels: NDArray[np.int32], view: PartBox, wanted: PartBox) -> list[int]:
    there = np.zeros(int(labels.max(initial=0)) + 1, bool)
    there[labels[_local(wanted, view)]] = True
    there[0] = False
    return [int(n) for n in np.flatnonzero(there)]


def _seen(labels: NDArray[np.int32], number: int, view: PartBox, wanted: PartBox) -> PartBox:
    """Return one pixel of a region that is wanted: enough to find it again."""
    rows, columns = _local(wanted, view)
    y, x = (int(v[0]) for v in np.nonzero(labels[rows, columns] == number))
    y, x = y + rows.start + view[0], x + columns.start + view[1]
    return (y, x, y + 1, x + 1)


def _part(
    labels: NDArray[np.int32],
    numbers: Sequence[int],
    all_areas: NDArray[np.int64],
    maps: MemberMaps,
    nucleus: NDArray[np.float32],
    part: PartBox,
    slide: SlideMaps,
) -> list[SlideCell]:
    """Part complete regions into cells, score and measure them."""
    plan = slide.plan
    params, size = plan.params, plan.diameter
    by_area = params.least_score == 0
    chosen = np.zeros(len(all_areas), np.int32)
    chosen[numbers] = np.arange(1, len(numbers) + 1)
    regions = np.take(chosen, labels)
    areas = np.append(np.int64(0), all_areas[numbers])
    if not by_area:
        areas[areas < SPECK * np.pi / 4 * size**2] = 0
    if not areas.any():
        return []
    groups = regions.copy()
    parted = part_regions(regions, areas.copy(), params, size, nucleus)
    # By a table: masks and sums of whole blocks would be the largest things in memory.
    kept = np.arange(len(parted), dtype=np.int32)
    kept[parted <= 0] = 0
    regions = np.take(kept, regions)
    voting = maps.voting()
    scores = score_objects(
        regions,
        # Not copied if all have a vote.
        maps.cell if voting.all() else maps.cell[voting],
        maps.nucleus if voting.all() else maps.nucleus[voting],
        size,
        shipped_score_model(nuclei=slide.has_nuclei),
    )
    return list(_cells(regions, groups, areas, scores, nucleus, part, slide))


def _cells(
    regions: NDArray[np.int32],
    groups: NDArray[np.int32],
    group_areas: NDArray[np.int64],
    scores: dict[int, float],
    nucleus: NDArray[np.float32],
    part: PartBox,
    slide: SlideMaps,
) -> Iterable[SlideCell]:
    from scipy import ndimage

    height, width = slide.plan.shape
    group_boxes = ndimage.find_objects(groups)
    for number, local in enumerate(ndimage.find_objects(regions), start=1):
        if local is None:
            continue
        mask = regions[local] == number
        rows, columns = local
        y0, x0 = part[0] + rows.start, part[1] + columns.start
        box = (y0, x0, y0 + mask.shape[0], x0 + mask.shape[1])
        ys, xs = np.nonzero(mask)
        nearest = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
        group = int(groups[local][ys[0], xs[0]])
        group_rows, group_columns = group_boxes[group - 1]
        first = np.flatnonzero(groups[group_rows, group_columns][0] == group)[0]
        at = (group_rows.start - rows.start, group_columns.start + first - columns.start)
        is_first = at[0] == 0 and 0 <= at[1] < mask.shape[1] and bool(mask[at[0], at[1]])
        score = scores[number]
        measured: dict[str, float] = {}
        if score >= slide.plan.params.least_score:
            nuclei = nucleus[local] >= NUCLEUS_THRESHOLD if slide.has_nuclei else None
            region = Region(number, 0, 0, mask.shape[0], mask.shape[1], mask)
            values = measure_region(region, nuclei)
            measured = dict(zip(MEASURED[1:], values[1:], strict=True))
            measured |= {"y": measured["y"] + y0, "x": measured["x"] + x0}
        yield SlideCell(
            box,
            mask,
            (int(ys[nearest]) + y0, int(xs[nearest]) + x0),
            int(group_areas[group]),
            is_first,
            box[0] == 0 or box[1] == 0 or box[2] == height or box[3] == width,
            score,
            measured,
        )
