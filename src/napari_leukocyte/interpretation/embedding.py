"""The classifier's embedding of a cell: what its last layer sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import turned
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.scoring import BATCH
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest


class NoEmbeddingError(LeukocyteError):
    """A classifier's network gives probabilities and nothing else."""


def embed(cells: Sequence[CellCrops], classifier: Manifest) -> NDArray[np.float32]:
    """Return the embedding of cells.

    Parameters
    ----------
    cells : sequence of CellCrops
        Cut for this classifier.
    classifier : Manifest
        Its members must have a second output, the embedding.

    Returns
    -------
    ndarray
        (N, D) float32: the mean over the views, of all members one after the other.

    Raises
    ------
    NoEmbeddingError
        If a network has no such output.
    ModelError
        If a network can't be run.
    """
    parts = []
    for index, member in enumerate(classifier.members):
        rows = []
        for start in range(0, len(cells), BATCH):
            crops = [c.members[index] for c in cells[start : start + BATCH]]
            batch = np.stack(crops).astype(np.float32)
            views = []
            for view in range(classifier.views):
                outputs = runtime.run(member, turned(batch, view))
                if len(outputs) < 2 or outputs[1].ndim != 2:
                    raise NoEmbeddingError(
                        f"The classifier {classifier.name} gives no embedding, which words and "
                        "similar cells are found by."
                    )
                views.append(outputs[1])
            rows.append(np.mean(views, axis=0))
        parts.append(np.concatenate(rows))
    return np.concatenate(parts, axis=1).astype(np.float32)
