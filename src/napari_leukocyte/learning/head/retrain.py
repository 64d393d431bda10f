"""Fit a head, measure it on cells that were held out, and say whether it may be taken."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features
from napari_leukocyte.learning.head.base import Base
from napari_leukocyte.learning.head.cells import Cells
from napari_leukocyte.learning.head.comparison import Comparison, Said, compare
from napari_leukocyte.learning.head.errors import RetrainingError
from napari_leukocyte.learning.head.folds import held_out_heads
from napari_leukocyte.learning.head.head import Head, HeadParams, calibrated, fit_head
from napari_leukocyte.learning.head.last_layer import read_last_layer
from napari_leukocyte.progress import Progress, silent

#: Loss of balanced accuracy on the shipped cells that is put up with: three in a hundred, about
#: the interval's half width with the few hundred of them that are measured on.
MOST_FORGOTTEN = 0.03
#: Classes with fewer cells than this are measured, but hardly learnt.
FEW_CELLS = 5


@dataclass(frozen=True, eq=False)
class Retrained:
    """A head and what was measured of it.

    Attributes
    ----------
    head : Head
        Fitted on all of the reader's cells and the shipped ones.
    own : Comparison
        On the reader's cells, each by a head that had not seen its photograph.
    shipped : Comparison
        On shipped cells that no head was fitted on.
    refusals : tuple of str
        Why it must not be taken, a sentence each; empty if it may.
    notes : tuple of str
        What a user should know besides.
    seconds : float
        What fitting the head took, without measuring it.
    """

    head: Head
    own: Comparison
    shipped: Comparison
    refusals: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float


def head_of(features: Features) -> Head:
    """Return the head that a classifier has now.

    Raises
    ------
    ModelError, RetrainingError
        If its file is damaged or does not end with a dense layer.
    """
    weights, bias = read_last_layer(features.member)
    manifest = features.manifest
    if weights.shape[1] != len(manifest.classes):
        raise RetrainingError(
            f"{features.member.file} gives {weights.shape[1]} logits for "
            f"{len(manifest.classes)} classes."
        )
    return Head(manifest.classes, weights, bias, manifest.temperature)


def retrain(
    own: Cells,
    base: Base,
    former: Head,
    params: HeadParams | None = None,
    progress: Progress = silent,
) -> Retrained:
    """Fit a head on a reader's cells and compare it with the former one.

    Parameters
    ----------
    own : Cells
        The reader's, with the photograph or smear of each as its group.
    base : Base
        The shipped cells. Of them, those of the former head's classes and of the reader's take
        part.
    former : Head
        The head in use.
    params : HeadParams, optional
        How the head is fitted.
    progress : callable
        Called after each fit.

    Returns
    -------
    Retrained

    Raises
    ------
    RetrainingError
        If there are no cells.
    Cancelled
        If `progress` wants to stop.
    """
    if not len(own):
        raise RetrainingError("No cell has been reviewed: there is nothing to learn from.")
    # Its first import takes longer than a fit.
    import sklearn.decomposition
    import sklearn.linear_model  # noqa: F401

    p = params or HeadParams()
    base = base.only(frozenset(former.classes) | frozenset(own.names()))
    progress(0, 1, "Fitting")
    start = time.perf_counter()
    uncalibrated = fit_head(own, base.fitting, p)
    seconds = time.perf_counter() - start
    head, logits, said = fit_calibrated(own, base.fitting, p, uncalibrated, progress)
    confidence = _confidence(logits / head.temperature, head.classes, said)
    lost = _unlearnable(own, base.fitting)
    mine = compare(
        own.classes, own.groups, _says(former, own), Said(said, confidence), frozenset(lost)
    )
    known = base.measuring
    theirs = compare(known.classes, known.groups, _says(former, known), _says(head, known))
    return Retrained(
        head, mine, theirs, _refusals(mine, theirs), _notes(own, base.fitting, lost), seconds
    )


def fit_calibrated(
    own: Cells,
    base: Cells,
    params: HeadParams,
    head: Head | None = None,
    progress: Progress = silent,
) -> tuple[Head, NDArray[np.float64], NDArray[np.str_]]:
    """Fit a head whose probabilities are calibrated on the reader's photographs, held out.

    Parameters
    ----------
    own, base, params
        As for :func:`napari_leukocyte.learning.head.head.fit_head`.
    head : Head, optional
        Fitted on all of these cells, where it is at hand.
    progress : callable
        Called after each fit.

    Returns
    -------
    head : Head
        With its temperature.
    logits : ndarray
        (N, C): what heads that had not seen a cell's photograph gave it.
    said : ndarray
        (N,): the class that those said.
    """
    fitted = head or fit_head(own, base, params)
    logits, said = _held_out(own, base, fitted, params, progress)
    return calibrated(fitted, logits, own.classes.tolist()), logits, said


def _held_out(
    own: Cells, base: Cells, head: Head, params: HeadParams, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return logits in the order of `head`'s classes, and the class, without having seen a cell."""
    logits = np.full((len(own), len(head.classes)), -math.inf)
    said = np.full(len(own), "", dtype=object)
    for held, other in held_out_heads(own, base, params, progress):
        columns = np.array([head.classes.index(name) for name in other.classes])
        rows = np.flatnonzero(held)
        logits[np.ix_(rows, columns)] = other.logits(own.embeddings[held])
        said[held] = other.says(own.embeddings[held])
    # A class that a head did not know has no chance; infinities would spoil what follows.
    least = np.min(np.where(np.isfinite(logits), logits, math.inf), axis=1, keepdims=True)
    return np.where(np.isfinite(logits), logits, least - 20), said.astype(str)


def _says(head: Head, cells: Cells) -> Said:
    if not len(cells):
        return Said(np.zeros(0, dtype=str), np.zeros(0))
    probability = head.probabilities(cells.embeddings)
    names = np.array(head.classes, dtype=str)
    return Said(names[probability.argmax(axis=1)], probability.max(axis=1))


def _confidence(
    logits: NDArray[np.float64], classes: tuple[str, ...], said: NDArray[np.str_]
) -> NDArray[np.float64]:
    from napari_leukocyte.classification.inference import softmax

    columns = np.array([classes.index(name) for name in said.tolist()])
    return np.asarray(softmax(logits)[np.arange(len(said)), columns])


def _unlearnable(own: Cells, base: Cells) -> list[str]:
    """Return classes that no head can know of without the only photograph that shows them."""
    single = len(np.unique(own.groups)) < 2  # then cells are held out by themselves
    lost = []
    for name in own.names():
        of_class = own.classes == name
        units = np.count_nonzero(of_class) if single else len(np.unique(own.groups[of_class]))
        if units < 2 and not (base.classes == name).any():
            lost.append(name)
    return lost


def _refusals(mine: Comparison, theirs: Comparison) -> tuple[str, ...]:
    said = []
    if math.isnan(mine.difference.value):
        said.append("No cell could be held out by its photograph, so that nothing is known of it.")
    elif mine.difference.value < 0:
        said.append(
            f"It is worse on your cells: a balanced accuracy of {mine.after.value:.3f} on "
            f"photographs that were held out, where it was {mine.before.value:.3f}."
        )
    if theirs.difference.value < -MOST_FORGOTTEN:
        said.append(
            f"It forgets: on shipped cells the balanced accuracy falls from "
            f"{theirs.before.value:.3f} to {theirs.after.value:.3f}."
        )
    return tuple(said)


def _notes(own: Cells, base: Cells, lost: list[str]) -> tuple[str, ...]:
    notes = []
    if len(np.unique(own.groups)) < 2:
        notes.append(
            "All cells are of one photograph, so that cells were held out one by one: on another "
            "photograph it will be worse than these figures."
        )
    notes += [
        f"Nothing is known of {name}: all of its cells are of one photograph." for name in lost
    ]
    counts = {name: int(np.sum(own.classes == name)) for name in own.names()}
    notes += [
        f"There {'is' if n == 1 else 'are'} only {n} reviewed cell{'' if n == 1 else 's'} of "
        f"{name}."
        for name, n in counts.items()
        if n < FEW_CELLS and name not in lost
    ]
    new = [n for n in own.names() if not (base.classes == n).any()]
    notes += [f"{name} is in no shipped cell: it is learnt from yours alone." for name in new]
    return tuple(notes)
