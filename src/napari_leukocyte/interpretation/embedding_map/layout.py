"""The layout of a map of the cells: t-SNE, or principal components of few; places that stay.

Cells that come later are placed among those that were laid out together, one by one: the map stays
as its user knows it. The same cell gets the same place again, as after an undo.

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

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.embedding_map.cells import MapCells
from napari_leukocyte.interpretation.embedding_map.neighbours import nearest
from napari_leukocyte.io.validation import Number, Whole, between, must, record
from napari_leukocyte.language import later
from napari_leukocyte.progress import Progress, silent

Places = Mapping[bytes, tuple[float, float]]
#: Cells that principal components are found from: more change them little, and cost much; and the
#: singular value up to which a direction is none.
_MOST, _FLAT = 2000, 1e-9
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


@record(frozen=True)
class MapSettings:
    """The settings of a map of the cells.

    Attributes
    ----------
    perplexity : float
        About how many neighbours of a cell t-SNE keeps near it; fewer where there are few cells.
    fewest : int
        With fewer cells than this the map is their two principal components: t-SNE shows groups,
        and of a handful of cells it makes some out of nothing.
    iterations : int
        Of t-SNE, after a third as many with the groups drawn together.
    seed : int
        The same cells with the same seed give the same map.
    kept_share : float
        If fewer than this share of the cells have a place, 0 to 1, all are laid out anew.
    neighbours : int
        How many neighbours tell how far off a cell is.
    threshold : float
        A cell is an outlier if it is so many robust standard deviations farther off than half of
        the cells.

    Raises
    ------
    ParameterError
        If a value is out of its range.
    """

    perplexity: Annotated[Number, between(1, 500)] = 30.0
    fewest: Annotated[Whole, must(lambda n: n >= 4, "at least 4")] = 15
    iterations: Annotated[Whole, must(lambda n: n >= 1, "at least 1")] = 500
    seed: Whole = 0
    kept_share: Annotated[Number, between(0, 1)] = 0.5
    neighbours: Annotated[Whole, must(lambda n: n >= 1, "at least 1")] = 5
    threshold: Annotated[Number, must(lambda n: n > 0, "above 0")] = 3.5


class Placer(Protocol):
    """Knows where new cells belong."""

    def place(
        self, vectors: NDArray[np.float32], progress: Progress = silent
    ) -> NDArray[np.float64]:
        """Return the (N, 2) places of (N, E) vectors; each is the same whatever others come."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The places of cells on a map, and what places others.

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
        places, placer, method = (
            components.place(cells.vectors),
            components,
            later("principal components"),
        )
    else:
        places, placer = fit_tsne(cells.vectors, settings, progress)
        method = "t-SNE"
    return Layout(_by_key(cells.keys, places), placer, method)


@dataclass(frozen=True, eq=False)
class Components:
    """The two directions in which cells differ most.

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
    """Find the two principal components of (N, E) vectors, of which there may be few or one."""
    from sklearn.decomposition import PCA

    step = -(-len(vectors) // _MOST) or 1
    used = vectors[::step].astype(np.float64)
    width = vectors.shape[1]
    axes = np.zeros((2, width))
    number = min(2, width, len(used))
    if number and len(used) > 1:
        # Copies do not vary at all, and a share of nothing is no number.
        with np.errstate(invalid="ignore"):
            found = PCA(number, svd_solver="full").fit(used)
        varied = found.singular_values_ > _FLAT
        axes[:number][varied] = found.components_[varied]
    return Components(used.mean(axis=0) if len(used) else np.zeros(width), axes)


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
    known = _Neighbours(vectors, min(cells - 1, int(3 * perplexity)))
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


class _Neighbours:
    """The cells laid out, as openTSNE asks for neighbours."""

    def __init__(self, vectors: NDArray[np.float32], number: int) -> None:
        self.vectors = vectors
        self.n_samples, self.k = len(vectors), number
        self._found = nearest(vectors, number)

    def build(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self._found

    def query(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return nearest(vectors, k, self.vectors)


def _by_key(keys: tuple[bytes, ...] | list[bytes], places: NDArray[np.float64]) -> Places:
    return {key: (float(x), float(y)) for key, (x, y) in zip(keys, places, strict=True)}
