"""Cells with known groups, without a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Embedded
from napari_leukocyte.interpretation.embedding_map.cells import MapCells, put_together

WIDTH, VIEWS = 24, 4


def embeddings(
    number: int, seed: int = 0, groups: int = 3, spread: float = 0.35
) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Return (N, V, E) embeddings of cells in groups, and the group of each."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(groups, WIDTH))
    group = rng.integers(0, groups, number)
    found = centres[group][:, np.newaxis] + spread * rng.normal(size=(number, VIEWS, WIDTH))
    return found.astype(np.float16), group


def cells_of(found: NDArray[np.float16], image: str = "a", first: int = 1) -> MapCells:
    """Return cells of one image."""
    return put_together([(image, Embedded(np.arange(first, first + len(found)), found))])


def part(cells: MapCells, rows: list[int]) -> MapCells:
    """Return some of the cells."""
    keys = tuple(cells.keys[i] for i in rows)
    return MapCells(
        cells.sources[rows], cells.labels[rows], cells.vectors[rows], keys, cells.images
    )
