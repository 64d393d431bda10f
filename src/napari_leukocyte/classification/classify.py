"""Classify the objects of a label image."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.classification.crops import cut_crop
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.classification.regions import as_label_image, iterate_regions
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent

#: Crops in one run of the network.
BATCH = 16


def classify(
    image: ArrayLike,
    labels: ArrayLike,
    model: str = "default",
    *,
    nucleus: ArrayLike | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Classify and measure every object.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    labels : array_like
        (H, W) integers of the image's size.
    model : str
        ``"default"``, the name of a classifier, or the path of its folder.
    nucleus : array_like, optional
        (H, W), 0 to 1: the probability of a nucleus, for the nucleus-to-cell ratio.
    progress : callable, optional
        Called after each batch; it may raise :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    pandas.DataFrame
        One row an object, in the order of the labels: ``label``, ``class``, ``confidence`` (the
        probability of that class), the probability of every class (see :func:`column`), then the
        columns of
        :func:`napari_leukocyte.classification.measurements.measure`.

    Raises
    ------
    ImageError, ModelError
        With one sentence on what is wrong.
    """
    rgb = normalise_image(image).rgb
    array = as_label_image(labels, (rgb.shape[0], rgb.shape[1]))
    manifest = find_model("classification", model)
    measured = measure(array, nucleus)
    probability = predict(rgb, array, manifest, progress or silent)
    best = probability.argmax(axis=1)
    classes = pd.Series([manifest.classes[i] for i in best], dtype=str)
    table = pd.DataFrame(
        {
            "label": measured["label"],
            "class": classes,
            "confidence": probability.max(axis=1),
            **{column(name): probability[:, i] for i, name in enumerate(manifest.classes)},
        }
    )
    return pd.concat([table, measured.drop(columns="label")], axis=1)


def column(name: str) -> str:
    """Return the table's column with the probability of a class."""
    return f"p_{name.replace(' ', '_')}"


def predict(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    manifest: Manifest,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Return the probability of every class for every object.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    manifest : Manifest
        A classifier; several members vote by their weights.
    progress : callable
        Called after each batch.

    Returns
    -------
    ndarray
        (N, C) float64 for the N objects in the order of their numbers; rows add up to 1.
    """
    balanced = balance_white(rgb, background_color(rgb))
    regions = list(iterate_regions(labels))
    result = np.zeros((len(regions), len(manifest.classes)))
    share = 1 / (manifest.views * sum(m.weight for m in manifest.members))
    steps = -(-len(regions) // BATCH) * len(manifest.members)
    done = 0
    progress(0, steps, "Classifying")
    for member in manifest.members:
        for start in range(0, len(regions), BATCH):
            crops = [
                cut_crop(
                    balanced,
                    region,
                    manifest.side_px,
                    member.diameter_px,
                    manifest.nucleus_density,
                )
                for region in regions[start : start + BATCH]
            ]
            batch = np.stack(crops).astype(np.float32)
            shape = (len(batch), len(manifest.classes))
            for view in range(manifest.views):
                logits = runtime.run(member, turned(batch, view), shape)[0]
                result[start : start + BATCH] += (
                    share * member.weight * softmax(logits / manifest.temperature)
                )
            done += 1
            progress(done, steps, "Classifying")
    return result


def turned(batch: NDArray[np.float32], view: int) -> NDArray[np.float32]:
    """Return a batch of crops turned or mirrored: cells have no upright.

    Parameters
    ----------
    batch : ndarray
        (N, S, S, C).
    view : int
        0 to 7: quarter turns, from 4 on of the mirror image.

    Returns
    -------
    ndarray
        (N, S, S, C), contiguous.
    """
    mirrored = batch[:, :, ::-1] if view >= 4 else batch
    return np.ascontiguousarray(np.rot90(mirrored, view % 4, (1, 2)))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities of (N, C) logits, row by row."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponential = np.exp(shifted)
    return np.asarray(exponential / exponential.sum(axis=1, keepdims=True))
