"""t-SNE of the cells, with a place for those that come later.

References
----------
van der Maaten, Hinton, "Visualizing data using t-SNE", Journal of Machine Learning Research 9
(2008). Kobak, Berens, "The art of using t-SNE for single-cell transcriptomics", Nature
Communications 10 (2019), https://doi.org/10.1038/s41467-019-13056-x: the start from principal
components and the learning rate. Poličar, Stražar, Zupan, "openTSNE: a modular Python library for
t-SNE dimensionality reduction and embedding", Journal of Statistical Software 109 (2024),
https://doi.org/10.18637/jss.v109.i03: new points among those laid out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.embedding_map.components import fit_components
from napari_leukocyte.interpretation.embedding_map.neighbours import nearest
from napari_leukocyte.interpretation.embedding_map.settings import MapSettings
from napari_leukocyte.progress import Progress, silent

#: Attraction in the first phase, and cells per unit of it: among few cells the usual 12 would draw
#: all of them into one point, which they never leave.
_EXAGGERATION, _CELLS_PER_UNIT = 12.0, 8.0
#: Among few cells a tenth of them, but five, are neighbours: with more, the cells of a rare class
#: have too many that are not, and fall into one point.
_FEW, _CELLS_PER_NEIGHBOUR = 5.0, 10.0
#: Least learning rate: that of N / exaggeration stands still for few cells.
_LEAST_RATE = 50.0
#: Spread of the start: small, so that distances of the components do not last.
_START = 1e-4
#: From so many cells on, interpolation is quicker than a tree.
_MANY = 2000
#: Iterations between two looks at whether to stop.
_STEP = 10
#: Of a new cell: iterations, attraction, learning rate and longest step. It starts in the middle
#: of its neighbours, and need not go far.
_NEW = {"n_iter": 100, "exaggeration": 1.5, "learning_rate": 0.1, "max_grad_norm": 0.25}
_WHAT = "Laying out cells"


class _Known:
    """The cells laid out, as openTSNE asks for neighbours."""

    def __init__(self, vectors: NDArray[np.float32], number: int, progress: Progress) -> None:
        self.vectors = vectors
        self.n_samples, self.k = len(vectors), number
        self._found = nearest(vectors, number, progress=progress)

    def build(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self._found

    def query(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return nearest(vectors, k, self.vectors)


@dataclass(frozen=True, eq=False)
class TsnePlacer:
    """Places new cells among those laid out.

    Attributes
    ----------
    embedding : openTSNE.TSNEEmbedding
        Those.
    """

    embedding: Any

    def place(
        self, vectors: NDArray[np.float32], progress: Progress = silent
    ) -> NDArray[np.float64]:
        """Return the (N, 2) places of (N, E) vectors."""
        partial = self.embedding.prepare_partial(vectors, initialization="median", k=5)
        partial.optimize(
            inplace=True,
            momentum=0.8,
            negative_gradient_method="bh",
            callbacks=_follow(progress, 0, _NEW["n_iter"]),
            callbacks_every_iters=_STEP,
            **_NEW,
        )
        return np.array(partial, np.float64)


def fit_tsne(
    vectors: NDArray[np.float32], settings: MapSettings, progress: Progress = silent
) -> tuple[NDArray[np.float64], TsnePlacer]:
    """Lay cells out.

    Parameters
    ----------
    vectors : ndarray
        (N, E) float32 of length 1, of at least four cells.
    settings : MapSettings
        Perplexity, iterations, seed.
    progress : callable
        Called every ten iterations; may raise `Cancelled`.

    Returns
    -------
    places : ndarray
        (N, 2) float64.
    placer : TsnePlacer
        For those that come later.
    """
    from threadpoolctl import threadpool_limits

    # Thousands of small steps: on a busy machine threads wait longer than they compute, and the
    # sums of several come in any order, so that the smallest difference would grow.
    with threadpool_limits(1):
        return _fit(vectors, settings, progress)


def _fit(
    vectors: NDArray[np.float32], settings: MapSettings, progress: Progress
) -> tuple[NDArray[np.float64], TsnePlacer]:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    cells = len(vectors)
    perplexity = min(settings.perplexity, max(_FEW, cells / _CELLS_PER_NEIGHBOUR), (cells - 1) / 3)
    known = _Known(vectors, min(cells - 1, int(3 * perplexity)), progress)
    affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=known, n_jobs=1)
    embedding = TSNEEmbedding(
        _start(vectors, settings.seed),
        affinities,
        negative_gradient_method="fft" if cells >= _MANY else "bh",
        n_jobs=1,
        random_state=settings.seed,
    )
    drawn = min(_EXAGGERATION, max(2.0, cells / _CELLS_PER_UNIT))
    early, whole = settings.iterations // 3 or 1, settings.iterations
    for first, number, strength, momentum in (
        (0, early, drawn, 0.5),
        (early, whole, 1.0, 0.8),
    ):
        embedding.optimize(
            n_iter=number,
            inplace=True,
            exaggeration=strength,
            momentum=momentum,
            learning_rate=max(_LEAST_RATE, cells / strength),
            callbacks=_follow(progress, first, early + whole),
            callbacks_every_iters=_STEP,
        )
    return np.array(embedding, np.float64), TsnePlacer(embedding)


def _start(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Return the principal components, small; copies of a cell lie a little apart."""
    places = fit_components(vectors).place(vectors)
    places *= _START / max(float(places.std()), 1e-12)
    chance = np.random.default_rng(seed).normal(size=places.shape)
    return np.asarray(places + 0.01 * _START * chance)


def _follow(progress: Progress, first: int, total: Any) -> Any:
    def callback(iteration: int, error: float, places: Any) -> bool:
        progress(min(first + iteration, total), total, _WHAT)
        return False

    return callback
