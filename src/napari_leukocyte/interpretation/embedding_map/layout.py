"""Where the cells lie on the map; those that have a place keep it.

Cells that come later are placed among those that were laid out together, one by one: the map stays
as its user knows it. The same cell gets the same place again, as after an undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.embedding_map.cells import MapCells
from napari_leukocyte.interpretation.embedding_map.components import Components, fit_components
from napari_leukocyte.interpretation.embedding_map.settings import MapSettings
from napari_leukocyte.progress import Progress, silent

Places = Mapping[bytes, tuple[float, float]]


class Placer(Protocol):
    """Knows where new cells belong."""

    def place(
        self, vectors: NDArray[np.float32], progress: Progress = silent
    ) -> NDArray[np.float64]:
        """Return the (N, 2) places of (N, E) vectors; each is the same whatever others come."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where cells lie.

    Attributes
    ----------
    places : mapping of bytes to (float, float)
        x and y of every cell that ever had a place, by its key.
    placer : Placer
        Places others.
    method : {"t-SNE", "principal components"}
        How those were laid out that came first.
    """

    places: Places
    placer: Placer
    method: str

    def positions(self, cells: MapCells) -> NDArray[np.float64]:
        """Return the (N, 2) places of cells that all have one."""
        return np.array([self.places[key] for key in cells.keys], np.float64).reshape(-1, 2)

    def missing(self, cells: MapCells) -> list[int]:
        """Return the rows of the cells that have no place."""
        return [i for i, key in enumerate(cells.keys) if key not in self.places]


def lay_out(
    cells: MapCells,
    former: Layout | None = None,
    settings: MapSettings | None = None,
    progress: Progress = silent,
) -> Layout:
    """Give every cell a place.

    Parameters
    ----------
    cells : MapCells
        The cells.
    former : Layout, optional
        Places that stay. If too few of the cells have one, all are laid out anew.
    settings : MapSettings, optional
        How.
    progress : callable
        Called every some iterations; may raise `Cancelled`.

    Returns
    -------
    Layout
        With a place for every cell.
    """
    settings = settings or MapSettings()
    if former is not None:
        new = former.missing(cells)
        if not new:
            return former
        if len(cells) - len(new) >= settings.kept_share * len(cells):
            found = former.placer.place(cells.vectors[new], progress)
            added = _by_key([cells.keys[i] for i in new], found)
            return replace(former, places={**former.places, **added})
    placer: Placer
    if len(cells) < settings.fewest:
        components: Components = fit_components(cells.vectors)
        places, placer, method = components.place(cells.vectors), components, "principal components"
    else:
        from napari_leukocyte.interpretation.embedding_map.tsne import fit_tsne

        places, placer = fit_tsne(cells.vectors, settings, progress)
        method = "t-SNE"
    return Layout(_by_key(cells.keys, places), placer, method)


def _by_key(keys: tuple[bytes, ...] | list[bytes], places: NDArray[np.float64]) -> Places:
    return {key: (float(x), float(y)) for key, (x, y) in zip(keys, places, strict=True)}
