"""Label suspects: cells whose class does not fit their embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.label_errors import (
    CELLS,
    CELLS_OF_CLASS,
    enough,
    find_label_errors,
)
from napari_leukocyte.interpretation.embedding_map.cells import MapCells
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL

#: Principal components that the classes are told apart by: more hold little of what differs
#: between cells, and take long with thousands of them.
_COMPONENTS = 50
#: Said where nothing can be said.
TOO_FEW = f"Needs {CELLS} cells, and {CELLS_OF_CLASS} of each of two classes."


@dataclass(frozen=True)
class LabelSuspect:
    """A cell whose class is doubtful.

    Attributes
    ----------
    row : int
        Of the cell.
    given, suggested : str
        The class that it has, and the one that is more likely.
    belief : float
        Probability of the given class, 0 to 1.
    """

    row: int
    given: str
    suggested: str
    belief: float


def find_label_suspects(
    cells: MapCells, classes: Sequence[str | None], progress: Progress = silent
) -> list[LabelSuspect] | None:
    """List the cells whose class is doubtful by their embedding.

    Parameters
    ----------
    cells : MapCells
        N cells.
    classes : sequence of str or None
        The class of each; those without one take no part.
    progress : callable
        Called between the models; may raise `Cancelled`.

    Returns
    -------
    list of LabelSuspect or None
        The least believed first; None if there are too few cells to say.
    """
    table = pd.DataFrame(
        {
            "image": cells.sources.astype(str),
            LABEL: cells.labels,
            "class": pd.array(list(classes), dtype=object),
            "row": np.arange(len(cells)),
            # Each by itself: of a smear's cells no two belong closer together.
            "group": np.arange(len(cells)),
        }
    )
    table = enough(table[table["class"].notna()].reset_index(drop=True))
    if len(table) < CELLS or table["class"].nunique() < 2:
        return None
    rows = table["row"].to_numpy(np.int64)
    row_of = dict(zip(zip(table["image"], table[LABEL], strict=True), rows.tolist(), strict=True))
    return [
        LabelSuspect(row_of[s.image, s.label], s.given, s.suggested, s.belief)
        for s in find_label_errors(table, _components(cells.vectors[rows]), progress)
    ]


def _components(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (N, D) principal components, of mean variance 1."""
    from sklearn.decomposition import PCA

    number = min(_COMPONENTS, *vectors.shape)
    # The smaller of the two Gram matrices decides what is quicker; both are exact.
    solver = "covariance_eigh" if vectors.shape[1] <= 2 * len(vectors) else "full"
    found = PCA(number, svd_solver=solver).fit_transform(vectors.astype(np.float64))
    return np.asarray(found / max(float(np.sqrt((found**2).mean())), 1e-12))
