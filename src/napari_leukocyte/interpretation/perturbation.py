"""Maps by hiding parts of a cell: occlusion by windows, LIME and SHAP by superpixels.

References
----------
M. D. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014: occlusion.
M. T. Ribeiro, S. Singh, C. Guestrin: "Why Should I Trust You?" Explaining the Predictions of Any
Classifier. KDD 2016: LIME. S. M. Lundberg, S.-I. Lee: A Unified Approach to Interpreting Model
Predictions. NeurIPS 2017: SHAP. R. Achanta and others: SLIC superpixels compared to
state-of-the-art superpixel methods. IEEE TPAMI 34 (2012); with masks by B. Irving: maskSLIC, arXiv
1606.09518.
"""

from __future__ import annotations

import warnings
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import RIM
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.scoring import ExplainSettings, Scorer

#: Side of a window over the distance to the next: with overlap, an edge of a window is no edge
#: of the map.
_OVERLAP = 1.5
#: What lies around the cell is hidden in so many sectors: little there counts.
_SECTORS = 4
#: Share of the superpixels that lie in the cell: what is around it is uniform, and faded.
_IN_CELL = 0.75
#: Weight of nearness against colour, for which skimage's default is made.
_COMPACTNESS = 10.0
#: Samples for each superpixel below which a linear fit says nothing.
_SAMPLES_EACH = 4
#: Width of LIME's kernel on the cosine distance, as its authors use for images.
_KERNEL = 0.25


class MissingPackageError(LeukocyteError):
    """A package that only this method needs is not installed."""


def windows(mask: NDArray[np.uint8], diameter: float, across: int) -> NDArray[np.float32]:
    """Return what is hidden, one after the other.

    Parameters
    ----------
    mask : ndarray
        (S, S) uint8, 255 where the cell is.
    diameter : float
        Of the cell, px.
    across : int
        Windows along a side of the cell's box.

    Returns
    -------
    ndarray
        (N, S, S) float32, 0 to 1, with soft edges: windows on a grid that touch the cell or
        its rim, then sectors of what lies around it.
    """
    side = mask.shape[0]
    width = 2 * max(1, round(RIM * diameter)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    cell = cv2.dilate(mask, kernel) > 127
    if not cell.any():
        cell = np.ones_like(cell)
    ys, xs = np.nonzero(cell)
    (y0, y1), (x0, x1) = (int(ys.min()), int(ys.max()) + 1), (int(xs.min()), int(xs.max()) + 1)
    step = np.array([(y1 - y0) / across, (x1 - x0) / across])
    half = np.maximum(1.0, _OVERLAP * step / 2)
    rows, columns = np.mgrid[:side, :side]
    found = []
    for i in range(across):
        for j in range(across):
            cy, cx = y0 + (i + 0.5) * step[0] - 0.5, x0 + (j + 0.5) * step[1] - 0.5
            inside = (np.abs(rows - cy) <= half[0]) & (np.abs(columns - cx) <= half[1])
            if (inside & cell).any():
                found.append(inside)
    angle = np.arctan2(rows - (y0 + y1 - 1) / 2, columns - (x0 + x1 - 1) / 2)
    sector = np.floor((angle / (2 * np.pi) + 0.5) * _SECTORS).clip(0, _SECTORS - 1)
    found += [(sector == k) & ~cell for k in range(_SECTORS) if ((sector == k) & ~cell).any()]
    soft = [cv2.GaussianBlur(w.astype(np.float32), (0, 0), 1.5) for w in found]
    return np.stack(soft).astype(np.float32)


def occlusion_map(scorer: Scorer, target: int, across: int) -> NDArray[np.float32]:
    """Map by how much the log-odds of a class fall when a place is hidden.

    Parameters
    ----------
    scorer : Scorer
        Asks the classifier about the cell.
    target : int
        The class, as its index.
    across : int
        See `windows`.

    Returns
    -------
    ndarray
        (S, S) float32: the mean over the windows that hide a pixel.
    """
    crops = scorer.crops
    hidden = windows(crops.mask, crops.diameter, across)
    scorer.expect(len(hidden) + 1)
    whole = float(scorer.scores(target)[0])
    falls = (whole - scorer.scores(target, 1 - hidden)).astype(np.float32)
    weight = hidden.sum(axis=0)
    total = np.tensordot(falls, hidden, axes=1)
    return np.asarray(total / np.maximum(weight, 1e-3), np.float32)


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


def plan(settings: ExplainSettings, runs_each: int) -> tuple[int, int]:
    """Return how many superpixels and samples the settings allow.

    Parameters
    ----------
    settings : ExplainSettings
        What the user wants.
    runs_each : int
        Images that networks see for each sample.

    Returns
    -------
    (int, int)
        Superpixels and samples.
    """
    samples = max(8, min(settings.samples, settings.runs // runs_each))
    return max(2, min(settings.superpixels, samples // _SAMPLES_EACH)), samples


def superpixels(crops: CellCrops, number: int) -> NDArray[np.int32]:
    """Part a crop into regions of like colour that do not cross the cell's outline.

    Parameters
    ----------
    crops : CellCrops
        The cell.
    number : int
        About how many.

    Returns
    -------
    ndarray
        (S, S) int32 from 0 on without gaps.
    """
    from skimage.measure import label
    from skimage.segmentation import slic

    cell = crops.mask > 127
    if not cell.any() or cell.all():
        cell = np.zeros_like(cell)
    result = np.zeros(cell.shape, np.int32)
    found = 0
    for inside, share in ((cell, _IN_CELL), (~cell, 1 - _IN_CELL)):
        wanted = max(1, round(share * number))
        if not inside.any():
            continue
        parts = slic(
            crops.crop, n_segments=wanted, compactness=_COMPACTNESS, mask=inside, start_label=1
        )
        parts = np.where(inside, parts, 0)
        # A region of the mask too small for a seed is left without a number.
        lone = label(inside & (parts == 0))
        parts = np.where(lone > 0, lone + parts.max(), parts)
        _, dense = np.unique(parts[inside], return_inverse=True)
        result[inside] = dense + found
        found += int(dense.max()) + 1
    return result


def masks_of(parts: NDArray[np.int32], shown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what is shown of a crop for choices of superpixels.

    Parameters
    ----------
    parts : ndarray
        (S, S) int32: the superpixels.
    shown : ndarray
        (N, K) bool: which are shown.

    Returns
    -------
    ndarray
        (N, S, S) float32, 0 or 1.
    """
    return np.asarray(shown.astype(np.float32)[:, parts])


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
            "{method} needs the package {package}: install it with pip install "
            "'napari-leukocyte[explain]'.",
            method=method,
            package=package,
        ) from error
