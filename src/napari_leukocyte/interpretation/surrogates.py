"""LIME and SHAP: explain a class by what its superpixels add, each by its own package.

M. T. Ribeiro, S. Singh, C. Guestrin: "Why Should I Trust You?" Explaining the Predictions of Any
Classifier. KDD 2016. S. M. Lundberg, S.-I. Lee: A Unified Approach to Interpreting Model
Predictions. NeurIPS 2017.
"""

from __future__ import annotations

import warnings
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.scoring import Scorer
from napari_leukocyte.interpretation.settings import ExplainSettings
from napari_leukocyte.interpretation.superpixels import masks_of, plan, superpixels

#: Width of LIME's kernel on the cosine distance, as its authors use for images.
_KERNEL = 0.25


class MissingPackageError(LeukocyteError):
    """A package that only this method needs is not installed."""


def lime_map(
    scorer: Scorer, target: int, settings: ExplainSettings
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Map the weights of a linear model of the log-odds near the cell.

    Parameters
    ----------
    scorer : Scorer
        Asks the classifier about the cell.
    target : int
        The class, as its index.
    settings : ExplainSettings
        Superpixels, samples and seed.

    Returns
    -------
    map : ndarray
        (S, S) float32: each superpixel's weight.
    figures : dict
        ``superpixels``, ``samples`` and ``fit_r2``, the linear model's weighted R².

    Raises
    ------
    MissingPackageError
        If the package ``lime`` is not installed.
    """
    lime_base = _import("lime.lime_base", "LIME")
    number, samples = plan(settings, scorer.runs_each)
    parts = superpixels(scorer.crops, number)
    rng = np.random.default_rng(settings.seed)
    shown = rng.random((samples, int(parts.max()) + 1)) < 0.5
    shown[0] = True
    scorer.expect(samples)
    scores = scorer.scores(target, masks_of(parts, shown))
    data = shown.astype(np.float64)
    # The cosine of a choice with all ones is the root of the share that is shown.
    distances = 1 - np.sqrt(data.mean(axis=1))
    base = lime_base.LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / _KERNEL**2)), random_state=0)
    _, weights, r2, _ = base.explain_instance_with_data(
        data, scores[:, np.newaxis], distances, 0, data.shape[1], feature_selection="none"
    )
    by_part = np.zeros(data.shape[1], np.float32)
    for part, weight in weights:
        by_part[part] = weight
    figures = {
        "superpixels": float(data.shape[1]),
        "samples": float(samples),
        "fit_r2": float(np.asarray(r2)),
    }
    return by_part[parts], figures


def shap_map(
    scorer: Scorer, target: int, settings: ExplainSettings
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Map the Shapley values of the superpixels for the log-odds, by Kernel SHAP.

    Parameters
    ----------
    scorer, target, settings
        As for `lime_map`.

    Returns
    -------
    map : ndarray
        (S, S) float32: each superpixel's Shapley value.
    figures : dict
        ``superpixels``, ``samples`` and ``gap``: by how much the values fail to add up to the
        difference between the whole cell and nothing.

    Raises
    ------
    MissingPackageError
        If the package ``shap`` is not installed.
    """
    shap = _import("shap", "SHAP")
    number, samples = plan(settings, scorer.runs_each)
    parts = superpixels(scorer.crops, number)
    count = int(parts.max()) + 1
    scorer.expect(samples + 2)
    ends: dict[bool, float] = {}

    def ask(choices: NDArray[np.float64]) -> NDArray[np.float64]:
        shown = np.asarray(choices) > 0.5
        scores = scorer.scores(target, masks_of(parts, shown))
        for whole in (True, False):
            at = np.flatnonzero((shown == whole).all(axis=1))
            if at.size:
                ends[whole] = float(scores[at[0]])
        return scores

    # The package draws from NumPy's global state, which is put back.
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(settings.seed)  # noqa: NPY002
        explainer = shap.KernelExplainer(ask, np.zeros((1, count)), silent=True)
        values = explainer.shap_values(
            np.ones((1, count)), nsamples=samples, l1_reg=False, silent=True, gc_collect=False
        )
    finally:
        np.random.set_state(state)  # noqa: NPY002
    by_part = np.asarray(values, np.float32).reshape(-1)
    gap = float(by_part.sum()) - (ends.get(True, np.nan) - ends.get(False, np.nan))
    figures = {"superpixels": float(count), "samples": float(samples), "gap": gap}
    return by_part[parts], figures


def _import(name: str, method: str) -> ModuleType:
    import importlib

    try:
        # Shap warns at its import of what its plots, which are not used, do with Matplotlib.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingPackageError(
            f"{method} needs the package {package}: install it with "
            "pip install 'napari-leukocyte[explain]'."
        ) from error
