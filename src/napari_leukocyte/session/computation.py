"""Compute a label image from a snapshot of a session, so that a thread can do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.matching import match_labels
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import postprocess
from napari_leukocyte.session.edits import Edits, apply_edits


@dataclass(frozen=True, eq=False)
class Votes:
    """What the ensemble says with one choice of weights.

    Attributes
    ----------
    cell, nucleus : ndarray
        (H, W) float32, 0 to 1.
    """

    cell: NDArray[np.float32]
    nucleus: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Computation:
    """Everything that the next label image depends on; arrays are never written to.

    Attributes
    ----------
    maps : MemberMaps
        Of the image.
    weights : tuple of float
        Of the members.
    votes : Votes or None
        Those of these maps and weights, if they are known.
    params : PostprocessParams
        Of the post-processing.
    markers : ndarray or None
        (N, 2): y and x, px.
    labels : ndarray
        (H, W) int32: the label image before.
    edits : Edits
        What was changed in it by hand.
    next_label : int
        First number that no object has had.
    """

    maps: MemberMaps
    weights: tuple[float, ...]
    votes: Votes | None
    params: PostprocessParams
    markers: NDArray[np.float64] | None
    labels: NDArray[np.int32]
    edits: Edits
    next_label: int

    def run(self) -> Computed:
        """Compute; safe on any thread.

        Raises
        ------
        ParameterError
            If the weights do not fit or the parameters need markers that are not there.
        """
        votes = self.votes or Votes(
            self.maps.combine(self.weights), self.maps.combine_nucleus(self.weights)
        )
        raw = postprocess(
            votes.cell,
            self.params,
            diameter=self.maps.diameter,
            nucleus=votes.nucleus,
            markers=self.markers,
        )
        return Computed(self, votes, raw, lay_over(raw, self.labels, self.edits, self.next_label))


@dataclass(frozen=True, eq=False)
class Computed:
    """The result of a computation.

    Attributes
    ----------
    computation : Computation
        From which it came.
    votes : Votes
        The ensemble's.
    raw : ndarray
        (H, W) int32: from the post-processing alone.
    labels : ndarray
        (H, W) int32: with the numbers and the edits of the label image before.
    """

    computation: Computation
    votes: Votes
    raw: NDArray[np.int32]
    labels: NDArray[np.int32]


def lay_over(
    raw: NDArray[np.int32], labels: NDArray[np.int32], edits: Edits, next_label: int
) -> NDArray[np.int32]:
    """Give a new label image the numbers and the edits of the one before.

    Parameters
    ----------
    raw : ndarray
        (H, W) int32: the new one.
    labels : ndarray
        (H, W) int32: the one before.
    edits : Edits
        Of the one before.
    next_label : int
        First number for new objects.

    Returns
    -------
    ndarray
        (H, W) int32.
    """
    return apply_edits(match_labels(raw, labels, next_label), labels, edits)
