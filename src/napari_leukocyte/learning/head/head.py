"""The head: logistic regression on embeddings, fitted on a reader's cells and the shipped ones.

Cells are held out by photograph, and asked of a head that was fitted without them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.learning.head.cells import Cells, RetrainingError, join_cells
from napari_leukocyte.progress import Progress, silent

#: Parts that photographs are held out in, one after the other.
FOLDS = 5


@dataclass(frozen=True)
class HeadParams:
    """Parameters of fitting a head.

    docs/measured/adaptation.md says what the defaults were chosen on.

    Attributes
    ----------
    components : int
        Principal components of the embeddings that are kept; at least 1.
    whitening : float
        1 gives every component unit variance, 0 leaves them as they are; 0 to 1.
    strength : float
        Inverse strength of the regularisation (scikit-learn's ``C``), for weights that add up to
        the number of cells; above 0.
    own_weight : float
        Part of a class's weight that the reader's cells have where the shipped ones have that
        class as well, 0 to 1.
    """

    components: int = 256
    whitening: float = 0.5
    strength: float = 0.1
    own_weight: float = 0.8

    def __post_init__(self) -> None:
        if self.components < 1:
            raise RetrainingError(
                f"A head needs at least 1 principal component, not {self.components}."
            )
        for name in ("whitening", "own_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise RetrainingError(f"{name} must be from 0 to 1, not {getattr(self, name):g}.")
        if not 0 < self.strength < float("inf"):
            raise RetrainingError(f"strength must be above 0, not {self.strength:g}.")


@dataclass(frozen=True, eq=False)
class Head:
    """A dense layer and its softmax.

    Attributes
    ----------
    classes : tuple of str
        In the order of the outputs.
    weights, bias : ndarray
        (E, C) and (C,) float64.
    temperature : float
        Divides the logits.
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    temperature: float = 1.0

    def logits(self, embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (..., C) logits of (..., E) embeddings."""
        values = np.asarray(embeddings, np.float32)
        found = values.reshape(-1, values.shape[-1]) @ self.weights.astype(np.float32) + self.bias
        return np.asarray(found, np.float64).reshape(*values.shape[:-1], len(self.classes))

    def probabilities(self, embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (N, C) probabilities of (N, E) embeddings, or of (N, V, E), averaged over views.

        The latter is what the plugin does with a model of V views.
        """
        logits = self.logits(embeddings) / self.temperature
        found = softmax(logits.reshape(-1, len(self.classes))).reshape(logits.shape)
        return found if found.ndim == 2 else np.asarray(found.mean(axis=1))

    def predict(self, embeddings: NDArray[np.floating]) -> NDArray[np.str_]:
        """Return the class of each cell."""
        best = self.probabilities(embeddings).argmax(axis=1)
        return np.asarray(np.array(self.classes, dtype=str)[best], dtype=str)


@dataclass(frozen=True, eq=False)
class Projection:
    """Standardisation and principal components in one.

    Attributes
    ----------
    mean : ndarray
        (E,) float32, subtracted first.
    axes : ndarray
        (E, K) float32.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    def scores(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, K) scores of (N, E) embeddings."""
        return np.asarray((embeddings - self.mean) @ self.axes)


def fit_head(
    own: Cells,
    base: Cells,
    params: HeadParams | None = None,
    projection: Projection | None = None,
) -> Head:
    """Fit a head.

    Standardisation, principal components and logistic regression are linear one after the other,
    so that all three are one dense layer in the end.

    Parameters
    ----------
    own : Cells
        The reader's; one cell of a class will do.
    base : Cells
        The shipped ones, so that nothing is forgotten; may be empty.
    params : HeadParams, optional
        How.
    projection : Projection, optional
        Of embeddings like these, where many heads are fitted; by default of these.

    Returns
    -------
    Head
        Classes count alike, whatever their number of cells.

    Raises
    ------
    RetrainingError
        If there are not two classes.
    """
    from sklearn.linear_model import LogisticRegression

    p = params or HeadParams()
    both = join_cells([own, base])
    if len(both.names()) < 2:
        raise RetrainingError("A head needs cells of two classes or more.")
    space = projection or fit_projection(both.embeddings, p)
    regression = LogisticRegression(C=p.strength, max_iter=300, tol=1e-3)
    weights = cell_weights(own.classes, base.classes, p.own_weight)
    regression.fit(space.scores(both.embeddings), both.classes, sample_weight=weights)
    coefficients, intercept = regression.coef_, regression.intercept_
    if len(coefficients) == 1:  # of two classes scikit-learn keeps the second only
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    folded = space.axes.astype(np.float64) @ coefficients.T
    return Head(tuple(str(c) for c in regression.classes_), folded, intercept - space.mean @ folded)


def fit_projection(embeddings: NDArray[np.float32], params: HeadParams) -> Projection:
    """Find the principal components of (N, E) embeddings that were standardised."""
    from sklearn.decomposition import PCA

    mean, deviation = embeddings.mean(axis=0), embeddings.std(axis=0)
    # A feature that is nearly always 0 must not be blown up.
    deviation = np.maximum(deviation, 0.01 * max(float(deviation.mean()), 1e-6))
    standard = (embeddings - mean) / deviation
    components = min(params.components, *standard.shape)
    # Two iterations: the components that matter are found by then, in half the time.
    pca = PCA(components, svd_solver="randomized", iterated_power=2, random_state=0).fit(standard)
    spread = np.maximum(pca.explained_variance_, 1e-6)
    # 1 at `whitening` 0 for the components' mean, so that the regularisation means the same.
    scale = spread ** (params.whitening / 2) * spread.mean() ** ((1 - params.whitening) / 2)
    axes = (pca.components_ / scale[:, np.newaxis]).T / deviation[:, np.newaxis]
    return Projection(mean, axes.astype(np.float32))


def cell_weights(
    own: NDArray[np.str_], base: NDArray[np.str_], own_weight: float
) -> NDArray[np.float64]:
    """Return a weight for each cell, own ones first: classes alike, and own against shipped.

    Parameters
    ----------
    own, base : ndarray
        Classes of the cells.
    own_weight : float
        See :class:`HeadParams`.

    Returns
    -------
    ndarray
        (N,), adding up to N.
    """
    classes = np.concatenate([own, base])
    is_own = np.arange(len(classes)) < len(own)
    weights = np.zeros(len(classes))
    for name in np.unique(classes):
        of_class = classes == name
        shared = (own == name).any() and (base == name).any()
        for part, share in ((is_own, own_weight), (~is_own, 1 - own_weight)):
            chosen = of_class & part
            if chosen.any():
                weights[chosen] = (share if shared else 1.0) / np.count_nonzero(chosen)
    return np.asarray(weights * (len(classes) / weights.sum()))


def calibrated(head: Head, logits: NDArray[np.float64], truth: Sequence[str]) -> Head:
    """Return the head with the temperature that suits cells that it has not seen.

    Parameters
    ----------
    head : Head
        Fitted on all cells.
    logits : ndarray
        (N, C), given to each cell by a head that was fitted without it, in the order of this
        head's classes.
    truth : sequence of str
        Their classes.

    References
    ----------
    Guo and others, "On Calibration of Modern Neural Networks", ICML 2017.
    """
    from scipy.optimize import minimize_scalar

    known = np.array([name in head.classes for name in truth], bool)
    if np.count_nonzero(known) < 2:
        return head
    rows = np.flatnonzero(known)
    columns = np.array([head.classes.index(truth[int(i)]) for i in rows])
    names = np.array(truth, dtype=str)[rows]
    counts = {str(n): int(np.sum(names == n)) for n in np.unique(names)}
    weights = np.array([1 / counts[str(n)] for n in names])

    def loss(log_temperature: float) -> float:
        p = softmax(logits[rows] / np.exp(log_temperature))
        return float(-np.sum(weights * np.log(p[np.arange(len(rows)), columns] + 1e-12)))

    found = minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded")
    return replace(head, temperature=float(np.exp(found.x)))


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
        progress(step, len(parts), "Cross-validating")
        held = folds == part
        yield held, fit_head(own[~held], base, params)


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
