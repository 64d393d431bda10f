"""The class of every object of a label image, by a classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.classification.inference import BATCH, cut_batches, see
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.classification.regions import as_label_image, iterate_regions
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL, probability_column


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
        probability of that class), the probability of every class (see
        :func:`~napari_leukocyte.schema.probability_column`), then the columns of
        :func:`napari_leukocyte.classification.measurements.measure`.

    Raises
    ------
    ImageError, ModelError
        With one sentence on what is wrong.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> table = nl.classify(smear.image, smear.labels)
    >>> [smear.classes[n] for n in table["label"]] == table["class"].tolist()
    True
    >>> bool((table["confidence"] > 0.5).all())
    True
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
            LABEL: measured[LABEL],
            "class": classes,
            "confidence": probability.max(axis=1),
            **{
                probability_column(name): probability[:, i]
                for i, name in enumerate(manifest.classes)
            },
        }
    )
    return pd.concat([table, measured.drop(columns=LABEL)], axis=1)


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
    regions = list(iterate_regions(labels))
    result = np.zeros((len(regions), len(manifest.classes)))
    steps = -(-len(regions) // BATCH)
    progress(0, steps, "Classifying")
    for done, (part, crops) in enumerate(cut_batches(rgb, regions, manifest), start=1):
        result[part] = see(crops, manifest).probability
        progress(done, steps, "Classifying")
    return result
