"""A head refitted, measured on cells that were held out, and judged whether it may be taken."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.learning.head.base import Base
from napari_leukocyte.learning.head.cells import Cells, RetrainingError
from napari_leukocyte.learning.head.comparison import (
    Comparison,
    HeadPredictions,
    compare,
    share,
    signed,
)
from napari_leukocyte.learning.head.head import (
    Head,
    HeadParams,
    calibrated,
    fit_head,
    held_out_heads,
)
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


def retrain(
    own: Cells,
    base: Base,
    former: Head,
    params: HeadParams | None = None,
    progress: Progress = silent,
    *,
    former_views: int | None = None,
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
    former_views : int, optional
        How many views of a cell the classifier in use looks at, see
        :class:`napari_leukocyte.models.manifest.Manifest`; by default all that are known. A new
        one looks at all of them.

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
    head, held_out = fit_calibrated(own, base.fitting, p, uncalibrated, progress)
    lost = _unlearnable(own, base.fitting)
    before = _predict(former, own, former_views)
    mine = compare(own.classes, own.groups, before, held_out, frozenset(lost))
    known = base.measuring
    theirs = compare(known.classes, known.groups, _predict(former, known), _predict(head, known))
    return Retrained(
        head, mine, theirs, _refusals(mine, theirs), _notes(own, base.fitting, lost), seconds
    )


def fit_calibrated(
    own: Cells,
    base: Cells,
    params: HeadParams,
    head: Head | None = None,
    progress: Progress = silent,
) -> tuple[Head, HeadPredictions]:
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
    held_out : HeadPredictions
        What heads that had not seen a cell's photograph say of it.
    """
    fitted = head or fit_head(own, base, params)
    logits = _held_out(own, base, fitted, params, progress)
    # The mean over the views is that of their mean: a head is linear.
    found = calibrated(fitted, logits.mean(axis=1), own.classes.tolist())
    probability = softmax(logits / found.temperature).mean(axis=1)
    return found, _best(probability, found.classes)


def _held_out(
    own: Cells, base: Cells, head: Head, params: HeadParams, progress: Progress
) -> NDArray[np.float64]:
    """Return (N, V, C) logits of each view by heads that had not seen the cell's photograph.

    The classes are in the order of `head`'s.
    """
    views = own.embeddings[:, np.newaxis] if own.views is None else own.views
    logits = np.full((*views.shape[:2], len(head.classes)), -math.inf)
    for held, other in held_out_heads(own, base, params, progress):
        columns = [head.classes.index(name) for name in other.classes]
        found = np.full((np.count_nonzero(held), *logits.shape[1:]), -math.inf)
        found[..., columns] = other.logits(views[held])
        logits[held] = found
    # A class that a head did not know has no chance; infinities would spoil what follows.
    finite = np.where(np.isfinite(logits), logits, math.inf)
    return np.where(np.isfinite(logits), logits, finite.min(axis=-1, keepdims=True) - 20)


def _predict(head: Head, cells: Cells, views: int | None = None) -> HeadPredictions:
    """Return what a classifier with this head says, by as many views as it looks at."""
    if not len(cells):
        return HeadPredictions(np.zeros(0, dtype=str), np.zeros(0))
    # Where views disagree, the mean of their embeddings can be another class than the classifier's.
    seen = cells.embeddings if cells.views is None else cells.views[:, :views]
    return _best(head.probabilities(seen), head.classes)


def _best(probability: NDArray[np.float64], classes: tuple[str, ...]) -> HeadPredictions:
    names = np.array(classes, dtype=str)
    return HeadPredictions(names[probability.argmax(axis=1)], probability.max(axis=1))


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
        said.append(
            tr("No cell could be held out by its photograph, so that nothing is known of it.")
        )
    elif mine.difference.value < 0:
        said.append(
            tr(
                "It is worse on your cells: a balanced accuracy of {after:.3f} on photographs that "
                "were held out, where it was {before:.3f}.",
                after=mine.after.value,
                before=mine.before.value,
            )
        )
    if theirs.difference.value < -MOST_FORGOTTEN:
        said.append(
            tr(
                "It forgets: on shipped cells the balanced accuracy falls from {before:.3f} to "
                "{after:.3f}.",
                before=theirs.before.value,
                after=theirs.after.value,
            )
        )
    return tuple(said)


def _notes(own: Cells, base: Cells, lost: list[str]) -> tuple[str, ...]:
    notes = []
    if len(np.unique(own.groups)) < 2:
        notes.append(
            tr(
                "All cells are of one photograph, so that cells were held out one by one: on "
                "another photograph it will be worse than these figures."
            )
        )
    notes += [
        tr("Nothing is known of {name}: all of its cells are of one photograph.", name=tr(name))
        for name in lost
    ]
    counts = {name: int(np.sum(own.classes == name)) for name in own.names()}
    notes += [
        tr_n(
            "There is only {n} reviewed cell of {name}.",
            "There are only {n} reviewed cells of {name}.",
            n,
            name=tr(name),
        )
        for name, n in counts.items()
        if n < FEW_CELLS and name not in lost
    ]
    new = [n for n in own.names() if not (base.classes == n).any()]
    notes += [
        tr("{name} is in no shipped cell: it is learnt from yours alone.", name=tr(name))
        for name in new
    ]
    return tuple(notes)


def as_lines(result: Retrained) -> list[str]:
    """Return before and after, class by class, then whether the head may be taken."""
    lines = [f"Your cells, each by a head that had not seen its photograph ({_size(result.own)}):"]
    lines += _table(result.own)
    lines.append(f"Shipped cells that no head was fitted on ({_size(result.shipped)}):")
    lines += _table(result.shipped)
    lines += [f"Note: {note}" for note in result.notes]
    lines += [verdict(result)]
    return lines


def verdict(result: Retrained) -> str:
    """Say in a few sentences whether a head may be taken."""
    if result.refusals:
        return tr("Not taken. ") + " ".join(result.refusals)
    gain = result.own.difference
    sure = gain.low > 0
    return tr(
        "It may be taken: the balanced accuracy on your cells changes by {gain}", gain=signed(gain)
    ) + ("." if sure else tr(", which may be chance."))


def _size(comparison: Comparison) -> str:
    return f"{comparison.cells} cells, {comparison.photographs} photographs"


def _table(comparison: Comparison) -> Iterator[str]:
    yield f"  {'class':24}{'cells':>6}   {'recall before':24}recall after"
    for row in comparison.rows:
        after = share(row.after) if row.measured else "not measured"
        yield f"  {row.name:24}{row.cells:6}   {share(row.before):24}{after}"
    yield f"  {'balanced accuracy':30}   {share(comparison.before):24}{share(comparison.after)}"
    errors = comparison.calibration_before, comparison.calibration_after
    yield f"  {'calibration error':30}   {errors[0]:<24.3f}{errors[1]:.3f}"
