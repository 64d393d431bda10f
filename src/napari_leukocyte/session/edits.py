"""What a user changed by hand in a label image, and how it survives a new computation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: A computed object goes if at least this part of it lies under what the user drew or erased.
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


def record_edit(edits: Edits, before: NDArray[np.int32], after: NDArray[np.int32]) -> Edits:
    """Add the difference of two label images to the edits.

    Parameters
    ----------
    edits : Edits
        What was edited earlier.
    before, after : ndarray
        (H, W) int32: the label image before and after the user's change.

    Returns
    -------
    Edits
    """
    changed = before != after
    if not changed.any():
        return edits
    touched = set(np.unique(before[changed]).tolist()) | set(np.unique(after[changed]).tolist())
    touched.discard(0)
    present = {n for n in touched if (after == n).any()}
    gone = np.isin(before, sorted(touched - present)) & (after == 0)
    return Edits(
        frozenset((edits.labels | present) - (touched - present)),
        (edits.erased | gone) & (after == 0),
    )


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
        (H, W) int32: edited objects exactly as in `current`; computed objects that they or an
        erased place cover by half or more are gone, others lose the covered part.
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
    gone[0] = False
    result = np.where(gone[computed] | drawn, np.int32(0), computed)
    result[drawn] = current[drawn]
    return result
