"""Edits by hand in a label image, and their survival of a new computation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: A computed object goes if at least this part of it lies under what the user drew or erased, and
#: a new one also if it covers at least this part of something erased.
COVERED = 0.5


@dataclass(frozen=True, eq=False)
class Edits:
    """Everything changed by hand so far.

    Attributes
    ----------
    labels : frozenset of int
        Numbers of the objects that were drawn or changed.
    erased : ndarray
        (H, W) bool: where objects were removed.
    """

    labels: frozenset[int]
    erased: NDArray[np.bool_]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Edits:
        """Return the state before any edit of an image of the given shape."""
        return cls(frozenset(), np.zeros(shape, bool))

    def __bool__(self) -> bool:
        return bool(self.labels) or bool(self.erased.any())


def record_edit(
    edits: Edits,
    before: NDArray[np.int32],
    after: NDArray[np.int32],
    box: tuple[int, int, int, int] | None = None,
) -> Edits:
    """Add the difference of two label images to the edits.

    Parameters
    ----------
    edits : Edits
        What was edited earlier.
    before, after : ndarray
        (H, W) int32: the label image before and after the user's change.
    box : tuple of int, optional
        y0, x0, y1, x1, px, ends exclusive: wholly holds the objects that changed, so that no more
        is looked at.

    Returns
    -------
    Edits
    """
    y0, x0, y1, x1 = box or (0, 0, *before.shape)
    within = np.s_[y0:y1, x0:x1]
    old, new = before[within], after[within]
    changed = old != new
    if not changed.any():
        return edits
    touched = set(np.unique(old[changed]).tolist()) | set(np.unique(new[changed]).tolist())
    touched.discard(0)
    present = touched & set(np.unique(new).tolist())
    gone = np.isin(old, sorted(touched - present)) & (new == 0)
    former = edits.erased[within]
    erased = (former | gone) & (new == 0)
    if np.array_equal(erased, former):
        # Most strokes erase nothing: states then share one array.
        everywhere = edits.erased
    else:
        everywhere = edits.erased.copy()
        everywhere[within] = erased
    return Edits(frozenset((edits.labels | present) - (touched - present)), everywhere)


def apply_edits(
    computed: NDArray[np.int32], current: NDArray[np.int32], edits: Edits
) -> NDArray[np.int32]:
    """Lay what was edited by hand over a newly computed label image.

    Parameters
    ----------
    computed : ndarray
        (H, W) int32, its numbers already matched with those of `current`.
    current : ndarray
        (H, W) int32 that holds the edited objects.
    edits : Edits
        Which they are.

    Returns
    -------
    ndarray
        (H, W) int32: edited objects exactly as in `current`. A computed object is gone if half
        of it or more is covered by edited objects or erased places, or if it is new and itself
        covers half or more of an erased place, or if it is an edited object's former self. Other
        computed objects lose what edited objects cover.
    """
    if not edits:
        return computed
    drawn = np.isin(current, sorted(edits.labels))
    areas = np.bincount(computed.ravel())
    covered = np.bincount(computed[drawn | edits.erased], minlength=areas.size)
    gone = covered >= COVERED * np.maximum(areas, 1)
    # A computed object with an edited one's number is its former self.
    numbers = [n for n in edits.labels if n < gone.size]
    gone[numbers] = True
    if edits.erased.any():
        gone |= _returned(computed, current, edits.erased, areas.size)
    gone[0] = False
    result = np.where(gone[computed] | drawn, np.int32(0), computed)
    result[drawn] = current[drawn]
    return result


def _returned(
    computed: NDArray[np.int32],
    current: NDArray[np.int32],
    erased: NDArray[np.bool_],
    size: int,
) -> NDArray[np.bool_]:
    """Which computed objects are new and cover half or more of an erased place."""
    count, places = cv2.connectedComponents(erased.astype(np.uint8), connectivity=8)
    keys = computed[erased].astype(np.int64) * count + places[erased]
    pairs, covered = np.unique(keys, return_counts=True)
    objects, place = pairs // count, pairs % count
    areas = np.bincount(places.ravel(), minlength=count)
    result = np.zeros(size, bool)
    result[objects[covered >= COVERED * areas[place]]] = True
    # An object that was there beside the erased place, and has grown into it, stays.
    known = np.bincount(current.ravel(), minlength=size)[:size] > 0
    return np.asarray(result & ~known)
