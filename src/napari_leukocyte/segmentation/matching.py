"""Keep objects' numbers when a label image is computed again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: An object is the same as before if the intersection over the union is at least this.
SAME_OBJECT_IOU = 0.2


def match_labels(
    new: NDArray[np.int32], old: NDArray[np.int32], next_label: int | None = None
) -> NDArray[np.int32]:
    """Give objects of a new label image the numbers that they had in an old one.

    Parameters
    ----------
    new, old : ndarray
        (H, W) int32 label images.
    next_label : int, optional
        First number for objects without a predecessor; by default one more than the largest of
        `old`. Numbers once given are never given to another object.

    Returns
    -------
    ndarray
        (H, W) int32: `new` with other numbers. Pairs are taken greedily by falling overlap
        (intersection over union), each number at most once.
    """
    n_new, n_old = int(new.max(initial=0)), int(old.max(initial=0))
    if n_new == 0:
        return new.copy()
    following = n_old + 1 if next_label is None else max(next_label, n_old + 1)
    numbers = np.zeros(n_new + 1, np.int32)
    taken: set[int] = set()
    for iou, new_label, old_label in overlaps(new, old):
        if iou >= SAME_OBJECT_IOU and not numbers[new_label] and old_label not in taken:
            numbers[new_label] = old_label
            taken.add(old_label)
    present = np.bincount(new.ravel(), minlength=n_new + 1) > 0
    for label in range(1, n_new + 1):
        if present[label] and not numbers[label]:
            numbers[label] = following
            following += 1
    return np.asarray(numbers[new], np.int32)


def overlaps(new: NDArray[np.int32], old: NDArray[np.int32]) -> list[tuple[float, int, int]]:
    """List overlapping objects of two label images.

    Parameters
    ----------
    new, old : ndarray
        (H, W) int32 label images.

    Returns
    -------
    list of (float, int, int)
        Intersection over union, number in `new`, number in `old`; greatest overlap first.
    """
    both = (new > 0) & (old > 0)
    if not both.any():
        return []
    width = int(old.max()) + 1
    keys, shared = np.unique(
        new[both].astype(np.int64) * width + old[both], return_counts=True
    )
    new_areas, old_areas = np.bincount(new.ravel()), np.bincount(old.ravel())
    a, b = keys // width, keys % width
    iou = shared / (new_areas[a] + old_areas[b] - shared)
    order = np.lexsort((b, a, -iou))
    return [(float(iou[i]), int(a[i]), int(b[i])) for i in order]
