"""The map of the cells of images: gathered, laid out, with its outliers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features
from napari_leukocyte.interpretation.embedding_map.cells import MapCells, MapImage, gather
from napari_leukocyte.interpretation.embedding_map.layout import Layout, MapSettings, lay_out
from napari_leukocyte.interpretation.embedding_map.neighbours import (
    Outlier,
    find_outliers,
    nearest,
)
from napari_leukocyte.progress import Progress, silent

#: Layouts that are kept, each with the embeddings of its cells: 25 MB of 5,000.
_MOST = 4
_Key = tuple[str, int, MapSettings, tuple[str, ...]]
_LAYOUTS: OrderedDict[_Key, Layout] = OrderedDict()


@dataclass(frozen=True, eq=False)
class CellMap:
    """A map of cells.

    Attributes
    ----------
    cells : MapCells
        N cells.
    layout : Layout
        Where they lie, and where others would.
    positions : ndarray
        (N, 2) float64: x and y of each.
    outliers : tuple of Outlier
        Those far from their neighbours, the farthest first.
    """

    cells: MapCells
    layout: Layout
    positions: NDArray[np.float64]
    outliers: tuple[Outlier, ...]


def make_map(
    sources: Sequence[MapImage],
    features: Features,
    former: Layout | None = None,
    *,
    anew: bool = False,
    settings: MapSettings | None = None,
    progress: Progress = silent,
) -> CellMap:
    """Make the map of the cells of images.

    Parameters
    ----------
    sources : sequence of MapImage
        The images.
    features : Features
        Of the classifier that looks at the cells.
    former : Layout, optional
        Of about the same cells: those that have a place in it keep that. Without it, or where it
        knows fewer of them, the last layout of the same images is taken up again.
    anew : bool
        Whether all cells are laid out together, whatever was before.
    settings : MapSettings, optional
        How.
    progress : callable
        Called while cells are looked at and laid out; may raise `Cancelled`.

    Returns
    -------
    CellMap
    """
    settings = settings or MapSettings()
    cells = gather(sources, features, progress)
    key = (features.sha256, features.views, settings, tuple(sorted(cells.images)))
    known = [] if anew else [lay for lay in (former, _LAYOUTS.get(key)) if lay is not None]
    # Of equals the first: what is shown stays.
    best = max(known, key=lambda lay: len(cells) - len(lay.missing(cells)), default=None)
    layout = lay_out(cells, best, settings, progress)
    _LAYOUTS[key] = layout
    _LAYOUTS.move_to_end(key)
    while len(_LAYOUTS) > _MOST:
        _LAYOUTS.popitem(last=False)
    _, distances = nearest(cells.vectors, settings.neighbours)
    outliers = find_outliers(distances, settings.neighbours, settings.threshold)
    return CellMap(cells, layout, layout.positions(cells), tuple(outliers))


def forget() -> None:
    """Forget the layouts that are kept."""
    _LAYOUTS.clear()
