"""A classifier's networks run on cells: cut, turned, put to the vote; the class of every object.

All that ask a classifier about cells go this way: classification, explanations, embeddings and the
measurements of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.classification.crops import cut_crop
from napari_leukocyte.classification.measurements import (
    Region,
    as_label_image,
    iterate_regions,
    measure,
)
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL, probability_column

#: Crops in one run of a network: few enough that a user who cancels does not wait.
BATCH = 16


@dataclass(frozen=True, eq=False)
class Views:
    """A network's outputs for the turned views of cells.

    Attributes
    ----------
    logits : ndarray
        (N, V, C) float32.
    embeddings : ndarray or None
        (N, V, E) float32; None for a network without such an output.
    """

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Seen:
    """A classifier's word on cells, by all of its networks and views.

    Attributes
    ----------
    probability : ndarray
        (N, C) float64; rows add up to 1.
    embedding : ndarray or None
        (N, E) float32: the mean over the views, of all members one after the other; None if a
        network has no such output.
    """

    probability: NDArray[np.float64]
    embedding: NDArray[np.float32] | None


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
    """Return probabilities of (..., C) logits, row by row."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponential = np.exp(shifted)
    return np.asarray(exponential / exponential.sum(axis=-1, keepdims=True))


def cut_batches(
    rgb: NDArray[np.uint8], regions: Sequence[Region], classifier: Manifest
) -> Iterator[tuple[slice, list[NDArray[np.uint8]]]]:
    """Cut cells as each member of a classifier sees them, `BATCH` at a time.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8: the whole image.
    regions : sequence of Region
        The cells.
    classifier : Manifest
        Which.

    Yields
    ------
    slice
        Which of the regions.
    list of ndarray
        For each member, (N, S, S, 3) uint8.
    """
    balanced = balance_white(rgb, background_color(rgb))
    side, density = classifier.side_px, classifier.nucleus_density
    for start in range(0, len(regions), BATCH):
        part = slice(start, min(start + BATCH, len(regions)))
        yield (
            part,
            [
                np.stack(
                    [cut_crop(balanced, r, side, m.diameter_px, density) for r in regions[part]]
                )
                for m in classifier.members
            ],
        )


def run_views(
    member: Member,
    crops: NDArray[np.uint8] | NDArray[np.float32],
    views: int,
    classes: int | None = None,
    on_run: Callable[[int], None] | None = None,
) -> Views:
    """Run a network on turned views of crops.

    Parameters
    ----------
    member : Member
        The network.
    crops : ndarray
        (N, S, S, 3), 0 to 255; few enough for one run.
    views : int
        1 to 8; see `turned`.
    classes : int, optional
        How many logits it must give; whichever by default.
    on_run : callable, optional
        Called with the number of crops after each run; it may raise.

    Returns
    -------
    Views

    Raises
    ------
    ModelError
        If the network can't be run or gives something else.
    """
    batch = crops.astype(np.float32)
    shapes = () if classes is None else ((len(batch), classes),)
    logits, embeddings = [], []
    for view in range(views):
        outputs = runtime.run(member, turned(batch, view), *shapes)
        logits.append(outputs[0])
        if len(outputs) > 1 and outputs[1].ndim == 2:
            embeddings.append(outputs[1])
        if on_run is not None:
            on_run(len(batch))
    together = np.stack(embeddings, axis=1) if len(embeddings) == views else None
    return Views(np.stack(logits, axis=1), together)


def see(
    crops: Sequence[NDArray[np.uint8] | NDArray[np.float32]],
    classifier: Manifest,
    on_run: Callable[[int], None] | None = None,
) -> Seen:
    """Ask a classifier about cells; several members vote by their weights.

    Parameters
    ----------
    crops : sequence of ndarray
        For each member, (N, S, S, 3), 0 to 255; at least one cell.
    classifier : Manifest
        Which.
    on_run : callable, optional
        Called with the number of crops after each run of a network; it may raise.

    Returns
    -------
    Seen

    Raises
    ------
    ModelError
        If a network can't be run or gives something else.
    """
    number, size = len(crops[0]), len(classifier.classes)
    probability = np.zeros((number, size))
    embeddings: list[NDArray[np.float32]] = []
    weight = sum(m.weight for m in classifier.members)
    for member, own in zip(classifier.members, crops, strict=True):
        found = [
            run_views(member, own[start : start + BATCH], classifier.views, size, on_run)
            for start in range(0, number, BATCH)
        ]
        logits = np.concatenate([f.logits for f in found])
        votes = softmax(logits / classifier.temperature).mean(axis=1)
        probability += member.weight / weight * votes
        means = [f.embeddings.mean(axis=1) for f in found if f.embeddings is not None]
        if len(means) == len(found):
            embeddings.append(np.concatenate(means))
    complete = len(embeddings) == len(classifier.members)
    return Seen(probability, np.concatenate(embeddings, axis=1) if complete else None)


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
