"""Everything that a session knows at one moment, as one value that is never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.edits import Edits
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.reviews import Review, SignOff

#: Largest number up to which counting beats sorting.
_DENSE = 1 << 22


@dataclass(eq=False)
class LabelCache:
    """A cache of properties of a label image; filled when first asked for.

    Attributes
    ----------
    measured : pandas.DataFrame or None
        Its objects' measurements.
    numbers : frozenset of int or None
        Its objects.
    """

    measured: pd.DataFrame | None = None
    numbers: frozenset[int] | None = None


@dataclass(frozen=True, eq=False)
class State:
    """One moment of a session. Arrays and tables are shared between moments, never written to.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32.
    erased : ndarray
        (H, W) bool: where objects were removed by hand.
    edited : frozenset of int
        Objects that were drawn or changed by hand.
    maps : MemberMaps or None
        Of the last run.
    weights : tuple of float or None
        Of the members.
    params : PostprocessParams
        Of the post-processing.
    markers : ndarray or None
        (N, 2): y and x, px.
    predictions : Predictions or None
        The classifier's.
    reviews : mapping of int to Review
        The readers'.
    signed_off : SignOff or None
        By whom and when, if it is.
    known : LabelCache
        What follows from the labels and the nuclei; no part of the state.
    """

    labels: NDArray[np.int32]
    erased: NDArray[np.bool_]
    edited: frozenset[int] = frozenset()
    maps: MemberMaps | None = None
    weights: tuple[float, ...] | None = None
    params: PostprocessParams = field(default_factory=PostprocessParams)
    markers: NDArray[np.float64] | None = None
    predictions: Predictions | None = None
    reviews: Mapping[int, Review] = field(default_factory=dict)
    signed_off: SignOff | None = None
    known: LabelCache = field(default_factory=LabelCache)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> State:
        """Return the state of an image with which nothing was done."""
        return cls(np.zeros(shape, np.int32), np.zeros(shape, bool))

    @property
    def edits(self) -> Edits:
        """What was changed by hand."""
        return Edits(self.edited, self.erased)

    def numbers(self) -> frozenset[int]:
        """Return the numbers of the objects."""
        known = self.known
        if known.numbers is None:
            if known.measured is not None:
                known.numbers = frozenset(known.measured[LABEL].tolist())
            else:
                known.numbers = frozenset(numbers_in(self.labels)) - {0}
        return known.numbers

    def predicted(self, label: int) -> str | None:
        """Return the class that the model gives an object."""
        return None if self.predictions is None else self.predictions.classes.get(label)

    def class_of(self, label: int) -> str | None:
        """Return the class that counts: the reader's, else the model's."""
        review = self.reviews.get(label)
        said = None if review is None else review.class_name
        return said or self.predicted(label)


def numbers_in(labels: NDArray[np.int32]) -> list[int]:
    """List the numbers in a label image, 0 included if it is there."""
    if labels.size and int(labels.max()) < _DENSE:
        return [int(n) for n in np.flatnonzero(np.bincount(labels.ravel()))]
    return [int(n) for n in np.unique(labels)]
