"""Cells of the sets as the plugin's explanations see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.interpretation.cropping import CellCrops, cut_cell
from napari_leukocyte.models.manifest import Manifest
from training.cells import main_region, segmented_labels, truth_labels
from training.data.photographs import DatasetName, Photograph, load
from training.data.splits import select

#: Smaller regions are no cells.
_LEAST_AREA = 50


def region_of(photograph: Photograph, rgb: NDArray[np.uint8]) -> Region | None:
    """Return the cell that a photograph's class speaks of: by the true mask, else the plugin's."""
    if photograph.mask is not None:
        region = main_region(truth_labels(photograph), central=False)
    else:
        region = main_region(segmented_labels(photograph, rgb), central=True)
    return region if region is not None and region.area >= _LEAST_AREA else None


def crops_of(
    photographs: Iterable[Photograph], manifest: Manifest
) -> Iterator[tuple[Photograph, CellCrops]]:
    """Cut the cell of every photograph that has one, exactly as classification does."""
    for photograph in photographs:
        rgb = photograph.read()
        region = region_of(photograph, rgb)
        if region is not None:
            yield photograph, cut_cell(rgb, region, manifest)


def held_out_cells(
    sets: Sequence[DatasetName], data_root: Path, each: int, manifest: Manifest, seed: int = 0
) -> list[Photograph]:
    """Choose photographs of the sets' test sides, the classes in turn.

    Parameters
    ----------
    sets : sequence of str
        Which sets.
    data_root : Path
        Folder of the data sets.
    each : int
        At most so many of a set.
    manifest : Manifest
        A classifier: only photographs of one of its classes are chosen.
    seed : int
        Of the choice within a class.

    Returns
    -------
    list of Photograph
    """
    rng = np.random.default_rng(seed)
    chosen: list[Photograph] = []
    for name in sets:
        side = [p for p in select(load(name, data_root), name, "test") if p.label]
        by_class = {c: [p for p in side if p.label == c] for c in manifest.classes}
        queues = [[ps[i] for i in rng.permutation(len(ps))] for ps in by_class.values() if ps]
        found: list[Photograph] = []
        while queues and len(found) < each:
            found += [queue.pop() for queue in queues]
            queues = [q for q in queues if q]
        chosen += found[:each]
    return chosen
