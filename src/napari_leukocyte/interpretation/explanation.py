"""The explanation of a cell's class: a map by one of four methods, and a test of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.interpretation.activation import activation_map
from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.perturbation import lime_map, occlusion_map, shap_map
from napari_leukocyte.interpretation.scoring import METHODS, ExplainSettings, Method, Scorer
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent

#: Chosen by the faithfulness test among those that take less than half a second.
DEFAULT_METHOD: Method = "activation"
#: Share of the crop that is hidden to try a map.
TRIED = 0.1


@dataclass(frozen=True, eq=False)
class Explanation:
    """The grounds on which a classifier gives a cell a class.

    Attributes
    ----------
    map : ndarray
        (S, S) float32 in the frame of the
        :class:`~napari_leukocyte.interpretation.cropping.CellCrops`: positive where the cell
        speaks for the class, negative where it speaks against it.
    method : str
        How it was made.
    class_name : str
        The class that is explained.
    probabilities : mapping of str to float
        Of every class, by the classifier.
    runtime : float
        How long it took, s; measured anew only when it was made anew.
    runs : int
        Images that networks have seen for it.
    embedding : ndarray or None
        (E,) float32: the cell's, by all members and views; None if a network has none.
    sanity : mapping of str to float
        ``hidden_top``: the class's probability with the tenth of the crop hidden that the map
        says is for it most; ``hidden_random``: with a random tenth hidden; ``inside``: the
        share of the map's absolute sum within the cell's mask; and what the method itself says.
    settings : ExplainSettings
        How.
    """

    map: NDArray[np.float32]
    method: Method
    class_name: str
    probabilities: Mapping[str, float]
    runtime: float
    runs: int
    embedding: NDArray[np.float32] | None = None
    sanity: Mapping[str, float] = field(default_factory=dict)
    settings: ExplainSettings = field(default_factory=ExplainSettings)

    @property
    def probability(self) -> float:
        """Of the class that is explained."""
        return self.probabilities[self.class_name]

    @property
    def second(self) -> str:
        """The likeliest of the other classes."""
        others = {n: p for n, p in self.probabilities.items() if n != self.class_name}
        return max(others, key=lambda n: others[n])


def explain(
    crops: CellCrops,
    classifier: Manifest,
    class_name: str | None = None,
    method: Method = DEFAULT_METHOD,
    settings: ExplainSettings | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Say why a classifier gives a cell a class.

    Parameters
    ----------
    crops : CellCrops
        From :func:`napari_leukocyte.interpretation.cropping.cut_cell`, for this classifier.
    classifier : Manifest
        All of its members and views take part.
    class_name : str, optional
        One of its classes; the likeliest by default.
    method : {"activation", "occlusion", "lime", "shap"}
        How.
    settings : ExplainSettings, optional
        Its parameters.
    progress : callable, optional
        Called after each run of a network; it may raise
        :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    Explanation

    Raises
    ------
    ParameterError
        If there is no such method, or the classifier has no such class.
    LeukocyteError
        One sentence, if a network can't be run, or lacks what the method needs.
    """
    settings = settings or ExplainSettings()
    if method not in METHODS:
        raise ParameterError(f"There is no method {method!r}; known are {', '.join(METHODS)}.")
    if class_name is not None and class_name not in classifier.classes:
        raise ParameterError(f"The classifier {classifier.name} has no class {class_name!r}.")
    start = time.perf_counter()
    scorer = Scorer(crops, classifier, settings.fill, progress or silent)
    scorer.expect(1)
    whole = scorer.whole()
    said = whole.probability[0]
    target = int(said.argmax()) if class_name is None else classifier.classes.index(class_name)
    values, figures = _map(scorer, target, method, settings)
    sanity = figures | _try(scorer, target, values, settings.seed)
    return Explanation(
        map=values,
        method=method,
        class_name=classifier.classes[target],
        probabilities=dict(zip(classifier.classes, said.tolist(), strict=True)),
        runtime=time.perf_counter() - start,
        runs=scorer.runs,
        embedding=None if whole.embedding is None else whole.embedding[0],
        sanity=sanity,
        settings=settings,
    )


def _map(
    scorer: Scorer, target: int, method: Method, settings: ExplainSettings
) -> tuple[NDArray[np.float32], dict[str, float]]:
    if method == "activation":
        return activation_map(scorer, target), {}
    if method == "occlusion":
        return occlusion_map(scorer, target, settings.windows), {}
    if method == "lime":
        return lime_map(scorer, target, settings)
    return shap_map(scorer, target, settings)


def most_important(values: NDArray[np.float32], share: float) -> NDArray[np.bool_]:
    """Return the pixels of a map that speak for the class most.

    Parameters
    ----------
    values : ndarray
        (S, S).
    share : float
        Of all pixels, 0 to 1. Pixels of one value are taken in the order of their places.

    Returns
    -------
    ndarray
        (S, S) bool.
    """
    order = np.argsort(-values.ravel(), kind="stable")
    chosen = np.zeros(values.size, bool)
    chosen[order[: round(share * values.size)]] = True
    return chosen.reshape(values.shape)


def random_map(shape: tuple[int, int], seed: int, coarse: int = 8) -> NDArray[np.float32]:
    """Return a map that knows nothing: smooth noise, as coarse as other maps are.

    Parameters
    ----------
    shape : (int, int)
        Its shape.
    seed : int
        Of the noise.
    coarse : int
        Independent values along a side.
    """
    import cv2

    noise = np.random.default_rng(seed).standard_normal((coarse, coarse)).astype(np.float32)
    height, width = shape
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _try(scorer: Scorer, target: int, values: NDArray[np.float32], seed: int) -> dict[str, float]:
    """Hide what the map says counts, and as much by chance."""
    shape = (values.shape[0], values.shape[1])
    hidden = (most_important(values, TRIED), most_important(random_map(shape, seed), TRIED))
    keep = 1 - np.stack(hidden).astype(np.float32)
    scorer.expect(2)
    found = scorer.probabilities(keep)[:, target]
    absolute = np.abs(values)
    inside = float(absolute[scorer.crops.mask > 127].sum())
    return {
        "hidden_top": float(found[0]),
        "hidden_random": float(found[1]),
        "inside": inside / max(float(absolute.sum()), 1e-12),
    }
