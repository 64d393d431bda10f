"""The computation of a label image from a snapshot of a session, so that a thread can do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.matching import match_labels
from napari_leukocyte.segmentation.objects import Objects, find_objects
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.edits import Edits, apply_edits
from napari_leukocyte.session.maps import at_half_precision, same_maps


@dataclass(frozen=True, eq=False)
class Votes:
    """The ensemble's vote with one choice of weights and one rule.

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
    former : MemberMaps or None
        The session's before.
    weights : tuple of float
        Of the members.
    votes : Votes or None
        Those of these maps, weights and rule, if they are known.
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
    keep : callable or None
        Given new maps once, so that they are kept.
    """

    maps: MemberMaps
    former: MemberMaps | None
    weights: tuple[float, ...]
    votes: Votes | None
    params: PostprocessParams
    markers: NDArray[np.float64] | None
    labels: NDArray[np.int32]
    edits: Edits
    next_label: int
    keep: Callable[[MemberMaps], object] | None = None

    def run(self) -> Computed:
        """Compute; safe on any thread.

        Raises
        ------
        ParameterError
            If the weights do not fit or the parameters need markers that are not there.
        OutputError
            If new maps can't be kept.
        """
        maps = self._maps()
        votes = self.votes or Votes(
            maps.combine(self.weights, self.params.vote), maps.combine_nucleus(self.weights)
        )
        found = find_objects(
            maps, self.params, self.weights, self.markers, vote=votes.cell, nucleus=votes.nucleus
        )
        labels = merge_edits(found.labels, self.labels, self.edits, self.next_label)
        if self.keep is not None and maps is not self.former:
            self.keep(maps)
        return Computed(self, maps, votes, found, labels)

    def _maps(self) -> MemberMaps:
        """Return the maps as they are kept: what is computed must come out again from those."""
        if self.maps is self.former:
            return self.maps
        maps = at_half_precision(self.maps)
        # A second run of the same model finds the same.
        known = self.former
        return known if known is not None and same_maps(maps, known) else maps


@dataclass(frozen=True, eq=False)
class Computed:
    """The result of a computation.

    Attributes
    ----------
    computation : Computation
        From which it came.
    maps : MemberMaps
        That it was computed from: at half precision.
    votes : Votes
        The ensemble's.
    found : Objects
        From the maps alone.
    labels : ndarray
        (H, W) int32: with the numbers and the edits of the label image before.
    """

    computation: Computation
    maps: MemberMaps
    votes: Votes
    found: Objects
    labels: NDArray[np.int32]


def merge_edits(
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
