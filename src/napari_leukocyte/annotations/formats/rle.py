"""COCO's run lengths: column by column, background first, as numbers or as its compressed text.

The layout is that of the COCO API (Lin et al. 2014, https://arxiv.org/abs/1405.0312;
https://github.com/cocodataset/cocoapi, `maskApi.c`), which pycocotools reads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.limits import whole
from napari_leukocyte.errors import FormatError

# Each character carries five bits above "0"; a sixth says that more follow.
_OFFSET, _BITS, _MORE = 48, 5, 0x20
#: Characters of one number at most: 2**35 pixels are more than any image has.
_MOST_CHARACTERS = 8


def counts_of(
    mask: NDArray[np.bool_], y0: int, x0: int, shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Return the run lengths of an object.

    Parameters
    ----------
    mask : ndarray
        (h, w) bool.
    y0, x0 : int
        Where its first pixel lies in the image, px.
    shape : tuple of int
        Height and width of the image, px.

    Returns
    -------
    ndarray
        (N,) int64: pixels of background and object by turns; the first may be 0.
    """
    columns = mask.T
    padded = np.zeros((columns.shape[0], columns.shape[1] + 2), np.int8)
    padded[:, 1:-1] = columns
    steps = np.diff(padded, axis=1)
    column, row = np.nonzero(steps)
    # Starts and ends by turns, counted down the columns of the whole image.
    edges = (column + x0) * shape[0] + row + y0
    # Runs that go on in the next column are one.
    joined = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
    edges = np.delete(edges, np.concatenate([joined, joined + 1]))
    counts = np.diff(edges, prepend=0, append=shape[0] * shape[1])
    return counts[:-1] if counts[-1] == 0 else counts


def to_text(counts: NDArray[np.int64]) -> str:
    """Return run lengths as COCO's compressed text."""
    values = counts.copy()
    # From the fourth on, a number is the difference from the last but one.
    values[3:] -= counts[1:-2]
    characters: list[str] = []
    for value in values.tolist():
        more = True
        while more:
            bits = value & 0x1F
            value >>= _BITS
            more = value != (-1 if bits & 0x10 else 0)
            characters.append(chr((bits | _MORE if more else bits) + _OFFSET))
    return "".join(characters)


def from_text(text: str, where: str) -> list[int]:
    """Return the run lengths of COCO's compressed text.

    Raises
    ------
    FormatError
        If it is damaged.
    """
    broken = FormatError(f"{where} has run lengths that are damaged.")
    counts: list[int] = []
    value = shift = 0
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise broken from error
    for byte in data:
        bits = byte - _OFFSET
        if not 0 <= bits < 64 or shift >= _BITS * _MOST_CHARACTERS:
            raise broken
        value |= (bits & 0x1F) << shift
        shift += _BITS
        if bits & _MORE:
            continue
        if bits & 0x10:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
        value = shift = 0
    if shift:
        raise broken
    return counts


def mask_of(
    counts: Sequence[object], shape: tuple[int, int], where: str
) -> tuple[NDArray[np.bool_], int, int]:
    """Return the mask that run lengths mean.

    Parameters
    ----------
    counts : sequence
        Pixels of background and object by turns.
    shape : tuple of int
        Height and width of the image, px.
    where : str
        What the object is called in a sentence.

    Returns
    -------
    mask : ndarray
        (h, w) bool; of no size if it has no pixel.
    y0, x0 : int
        Where its first pixel lies, px.

    Raises
    ------
    FormatError
        If they are no such numbers or do not fill the image.
    """
    lengths = [whole(c) for c in counts]
    numbers = [n for n in lengths if n is not None and 0 <= n <= shape[0] * shape[1]]
    # The last run of background may be left out.
    if len(numbers) < len(lengths) or sum(numbers) > shape[0] * shape[1]:
        raise FormatError(f"{where} has run lengths that do not fit its image.")
    ends = np.cumsum(np.array(numbers, np.int64))
    start, end = ends[0:-1:2], ends[1::2]
    start, end = start[end > start], end[end > start]
    if not len(start):
        return np.zeros((0, 0), bool), 0, 0
    height = shape[0]
    x0, x1 = int(start[0]) // height, (int(end[-1]) - 1) // height + 1
    flat = np.zeros((x1 - x0) * height + 1, np.int8)
    np.add.at(flat, start - x0 * height, 1)
    np.add.at(flat, end - x0 * height, -1)
    columns = np.cumsum(flat[:-1], dtype=np.int8).astype(bool).reshape(x1 - x0, height)
    rows = np.flatnonzero(columns.any(axis=0))
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    return np.ascontiguousarray(columns[:, y0:y1].T), y0, x0
