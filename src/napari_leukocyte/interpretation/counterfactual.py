"""Counterfactuals: the second class's step in the embedding, and the deletion that ends a class.

Both are statements about the classifier, not about the cell: the first moves the embedding, to
which no picture need belong; the second hides parts of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.activation import open_member
from napari_leukocyte.interpretation.attributes import AttributeHead
from napari_leukocyte.interpretation.explanation import Explanation, most_important
from napari_leukocyte.interpretation.scoring import Scorer
from napari_leukocyte.models.manifest import Manifest

#: Shares of the crop that may be hidden.
_SHARES = np.arange(0.05, 0.51, 0.05)
#: Changes of an attribute's probability that are worth a word.
_CHANGE = 0.2
#: Share of the direction between two classes below which attributes say nothing of it.
_EXPRESSED = 0.05
#: How far beyond the border the step goes, so that the second class wins: in logits.
_BEYOND = 0.01


@dataclass(frozen=True)
class AttributeShift:
    """A change of one attribute along the step.

    Attributes
    ----------
    name : str
        The attribute.
    before, after : str
        Its likeliest value.
    value : str
        The value that gains most.
    gain : float
        By how much its probability rises.
    """

    name: str
    before: str
    after: str
    value: str
    gain: float


@dataclass(frozen=True)
class EmbeddingStep:
    """The shortest step of the embedding to the second class that attributes can tell.

    Attributes
    ----------
    second : str
        The class.
    margin : float
        Logits by which it is behind.
    length : float
        Of the step over that of the embedding.
    expressed : float
        Share of the direction between both classes that lies among the attributes', 0 to 1: what
        is left of it, no attribute tells.
    shifts : tuple of AttributeShift
        Attributes that are told otherwise after it, the greatest change first.
    """

    second: str
    margin: float
    length: float
    expressed: float
    shifts: tuple[AttributeShift, ...]


@dataclass(frozen=True, eq=False)
class DeletionCounterfactual:
    """The least part of a map whose hiding makes the class another.

    Attributes
    ----------
    share : float
        Of the crop, 0 to 1.
    becomes : str
        The class that then wins.
    probability : float
        Its probability then.
    region : ndarray
        (S, S) bool in the frame: what is hidden.
    """

    share: float
    becomes: str
    probability: float
    region: NDArray[np.bool_]


def step_to_second(
    manifest: Manifest,
    explanation: Explanation,
    embedding: NDArray[np.float32],
    head: AttributeHead,
) -> EmbeddingStep | None:
    """Find the shortest step of the embedding in terms of attributes to the second class.

    The last layer is linear: the difference of two logits grows along one direction. That
    direction is projected onto the space that the attributes' own directions span, and the
    step along it ends where the second class draws level. It is made with the member that has
    the greatest weight.

    Parameters
    ----------
    manifest : Manifest
        The classifier.
    explanation : Explanation
        Whose class and second class are compared.
    embedding : ndarray
        (E,) float32: of the cell, all members' one after the other.
    head : AttributeHead
        Of the classifier.

    Returns
    -------
    EmbeddingStep or None
        None if attributes say nothing of the difference.

    Raises
    ------
    NoActivationMapError
        If the network's last layer is not linear.
    """
    index = int(np.argmax([m.weight for m in manifest.members]))
    layers = [open_member(m) for m in manifest.members]
    opened, start = layers[index], sum(len(other.weights) for other in layers[:index])
    span = slice(start, start + len(opened.weights))
    own = embedding[span].astype(np.float64)
    first, second = (
        manifest.classes.index(n) for n in (explanation.class_name, explanation.second)
    )
    direction = (opened.weights[:, second] - opened.weights[:, first]).astype(np.float64)
    margin = -float(own @ direction + opened.bias[second] - opened.bias[first])
    spans = np.concatenate([w[span] for w in head.weights.values()], axis=1)
    basis = _basis(spans.astype(np.float64))
    projected = basis @ (basis.T @ direction)
    expressed = _norm(projected) / max(_norm(direction), 1e-12)
    if expressed < _EXPRESSED:
        return None
    length = (max(margin, 0.0) + _BEYOND) / float(projected @ direction)
    moved = own + length * projected
    pair = np.stack([embedding, embedding])
    pair[1, span] = moved
    return EmbeddingStep(
        second=explanation.second,
        margin=margin,
        length=_norm(moved - own) / max(_norm(own), 1e-12),
        expressed=expressed,
        shifts=_shifts(head, pair),
    )


def deletion_counterfactual(
    scorer: Scorer, explanation: Explanation
) -> DeletionCounterfactual | None:
    """Hide so much of what a map puts first that another class wins.

    The share is found by halving: with a little less hidden, the class is what it was.

    Parameters
    ----------
    scorer : Scorer
        Of the cell.
    explanation : Explanation
        Whose map it is.

    Returns
    -------
    DeletionCounterfactual or None
        None if half of the crop is not enough.
    """
    manifest: Manifest = scorer.manifest
    target = manifest.classes.index(explanation.class_name)
    scorer.expect(1 + math.ceil(math.log2(len(_SHARES))))

    def hide(index: int) -> DeletionCounterfactual | None:
        region = most_important(explanation.map, float(_SHARES[index]))
        p = scorer.probabilities(1 - region[np.newaxis].astype(np.float32))[0]
        best = int(p.argmax())
        if best == target:
            return None
        return DeletionCounterfactual(
            float(_SHARES[index]), manifest.classes[best], float(p[best]), region
        )

    last = len(_SHARES) - 1
    found = hide(last)
    unchanged = -1
    while found is not None and last - unchanged > 1:
        middle = (unchanged + last) // 2
        sooner = hide(middle)
        if sooner is None:
            unchanged = middle
        else:
            found, last = sooner, middle
    return found


def _norm(vector: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(vector))


def _basis(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis of what columns span."""
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-12)
    u, s, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(u[:, s > 1e-3 * s[0]])


def _shifts(head: AttributeHead, pair: NDArray[np.float32]) -> tuple[AttributeShift, ...]:
    found = []
    for name, values in head.values.items():
        before, after = head.probabilities(pair, name)
        gains = after - before
        best = int(gains.argmax())
        changed = int(before.argmax()) != int(after.argmax())
        if changed or gains[best] >= _CHANGE:
            found.append(
                AttributeShift(
                    name,
                    values[int(before.argmax())],
                    values[int(after.argmax())],
                    values[best],
                    float(gains[best]),
                )
            )
    return tuple(sorted(found, key=lambda s: -s.gain))
