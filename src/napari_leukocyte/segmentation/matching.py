"""The matching of objects, so that they keep their numbers when a label image is computed again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: An object is the same as before if the intersection over the union is at least this.
SAME_OBJECT_IOU = 0.2
#: With more possible pairs than this, those that occur are sorted instead of tabled.
_MOST_PAIRS = 1 << 22
_LARGEST = int(np.iinfo(np.int32).max)

Ints = NDArray[np.int64]


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
        `old`. Numbers once given are never given to another object, unless int32 has no more.

    Returns
    -------
    ndarray
        (H, W) int32: `new` with other numbers. Pairs are taken greedily by falling overlap
        (intersection over union), each number at most once.
    """
    pairs = _pairs(new, old)
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for iou, new_label, old_label in _by_overlap(*pairs):
        if iou >= SAME_OBJECT_IOU and new_label not in matched and old_label not in taken:
            matched[new_label] = old_label
            taken.add(old_label)
    labels = [n for n in np.unique(pairs[0]).tolist() if n > 0]
    unmatched = [n for n in labels if n not in matched]
    numbers = fresh_numbers(len(unmatched), pairs[1], next_label)
    matched |= dict(zip(unmatched, numbers, strict=True))
    return _replace(new, labels, [matched[n] for n in labels])


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
    return _by_overlap(*_pairs(new, old))


def _pairs(new: NDArray[np.int32], old: NDArray[np.int32]) -> tuple[Ints, Ints, Ints]:
    """Return every pair of numbers that share pixels, background included, and how many."""
    height, width = int(new.max(initial=0)) + 1, int(old.max(initial=0)) + 1
    if height * width <= _MOST_PAIRS:
        # Within int32, so that a pass over a large image stays short.
        counts = np.bincount((new * np.int32(width) + old).ravel())
        keys = np.flatnonzero(counts)
        shared = counts[keys]
    else:
        keys, shared = np.unique(new.astype(np.int64) * width + old, return_counts=True)
    return keys // width, keys % width, shared


def _by_overlap(new: Ints, old: Ints, shared: Ints) -> list[tuple[float, int, int]]:
    iou = shared / (_totals(new, shared) + _totals(old, shared) - shared)
    order = np.lexsort((old, new, -iou))
    order = order[(new[order] > 0) & (old[order] > 0)]
    return list(zip(iou[order].tolist(), new[order].tolist(), old[order].tolist(), strict=True))


def _totals(numbers: Ints, shared: Ints) -> Ints:
    """Return the area of each pair's object."""
    _, index = np.unique(numbers, return_inverse=True)
    totals = np.zeros(index.size, np.int64)
    np.add.at(totals, index, shared)
    return totals[index]


def fresh_numbers(count: int, used: NDArray[Any], next_label: int | None = None) -> list[int]:
    """Return numbers for new objects.

    Parameters
    ----------
    count : int
        How many.
    used : ndarray
        Integers of any shape that must not be among them, such as a label image.
    next_label : int, optional
        None of them is smaller, unless int32 has no more.

    Returns
    -------
    list of int
        Ascending.
    """
    first = max(int(used.max(initial=0)) + 1, next_label or 1)
    if first + count - 1 <= _LARGEST:
        return list(range(first, first + count))
    # A user may paint with the largest number there is: gaps below it are filled then.
    occupied = set(np.unique(used).tolist())
    free = (n for n in range(1, _LARGEST) if n not in occupied)
    return [next(free) for _ in range(count)]


def _replace(labels: NDArray[np.int32], numbers: list[int], others: list[int]) -> NDArray[np.int32]:
    """Give the objects other numbers."""
    present, wanted = np.array([0, *numbers]), np.array([0, *others], np.int32)
    if present[-1] > _MOST_PAIRS:
        return np.take(wanted, np.searchsorted(present, labels))
    table = np.zeros(int(present[-1]) + 1, np.int32)
    table[present] = wanted
    return np.take(table, labels)
