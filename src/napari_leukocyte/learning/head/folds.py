"""Hold cells out by photograph, and ask a head that was fitted without them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.learning.head.cells import Cells
from napari_leukocyte.learning.head.head import Head, HeadParams, fit_head
from napari_leukocyte.progress import Progress, silent

#: Parts that photographs are held out in, one after the other.
FOLDS = 5


def fold_of(cells: Cells, folds: int = FOLDS) -> NDArray[np.int64]:
    """Return which part each cell is held out with; a photograph's cells are together.

    Photographs with the rarest classes are dealt out first, each to the part that has the fewest
    cells of that class, so that every part has some of each class if there are enough photographs.

    Parameters
    ----------
    cells : Cells
        Of one photograph or more. With one, cells are dealt out by themselves.
    folds : int
        Most parts there may be.

    Returns
    -------
    ndarray
        (N,) 0 to `folds` - 1.
    """
    groups = cells.groups
    if len(np.unique(groups)) < 2:
        groups = np.arange(len(cells)).astype(str)
    names, inverse = np.unique(groups, return_inverse=True)
    parts = min(folds, len(names))
    classes, codes = np.unique(cells.classes, return_inverse=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (inverse, codes), 1)
    rarity = 1 / np.maximum(1, (counts > 0).sum(axis=0))
    rarest = np.where(counts > 0, rarity, 0).argmax(axis=1)
    # Equally rare ones in an order that has nothing to do with their names.
    order = sorted(range(len(names)), key=lambda i: (-rarity[rarest[i]], _shuffled(str(names[i]))))
    held = np.zeros((parts, len(classes)))
    of_group = np.zeros(len(names), np.int64)
    for i in order:
        part = min(range(parts), key=lambda k: (held[k, rarest[i]], held[k].sum(), k))
        of_group[i] = part
        held[part] += counts[i]
    return np.asarray(of_group[inverse], np.int64)


def held_out_heads(
    own: Cells, base: Cells, params: HeadParams, progress: Progress = silent
) -> Iterator[tuple[NDArray[np.bool_], Head]]:
    """Fit a head for each part, without its cells.

    Parameters
    ----------
    own : Cells
        The reader's.
    base : Cells
        The shipped ones, which always take part.
    params : HeadParams
        How.
    progress : callable
        Called after each.

    Yields
    ------
    held : ndarray
        (N,) bool: the own cells that the head has not seen.
    head : Head
    """
    folds = fold_of(own)
    parts = np.unique(folds)
    for step, part in enumerate(parts):
        progress(step, len(parts), "Fitting without some photographs")
        held = folds == part
        yield held, fit_head(own[~held], base, params)


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
