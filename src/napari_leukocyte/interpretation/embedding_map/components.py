"""The two directions in which cells differ most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.progress import Progress, silent

#: Cells that the directions are found from: more change them little, and cost much.
_MOST = 2000


@dataclass(frozen=True, eq=False)
class Components:
    """Two principal components.

    Attributes
    ----------
    mean : ndarray
        (E,) float64.
    axes : ndarray
        (2, E) float64; zeros where cells do not differ in so many directions.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    def place(
        self, vectors: NDArray[np.float32], progress: Progress = silent
    ) -> NDArray[np.float64]:
        """Return the (N, 2) places of (N, E) vectors."""
        return np.asarray((vectors - self.mean) @ self.axes.T, np.float64)


def fit_components(vectors: NDArray[np.float32]) -> Components:
    """Find the two principal components of (N, E) vectors, of which there may be few or one.

    The sign of each is such that its largest part is positive, whatever library computes it.
    """
    step = -(-len(vectors) // _MOST) or 1
    used = vectors[::step].astype(np.float64)
    width = vectors.shape[1]
    mean = used.mean(axis=0) if len(used) else np.zeros(width)
    axes = np.zeros((2, width))
    if len(used) > 1:
        _, lengths, found = np.linalg.svd(used - mean, full_matrices=False)
        for i in range(min(2, len(found))):
            if lengths[i] > 1e-9:
                axes[i] = found[i] * np.sign(found[i][np.argmax(np.abs(found[i]))])
    return Components(mean, axes)
