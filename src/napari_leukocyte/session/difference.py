"""The difference of two label images, kept small, that leads from either to the other."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Speed over size: runs of equal values leave little to squeeze.
_LEVEL = 1
_LENGTH = np.dtype("<u4")
#: Little-endian unsigned integers by their width in bytes.
_WORDS: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 4: np.dtype("<u4")}


@dataclass(frozen=True)
class Difference:
    """Exclusive or of two arrays of one shape and type, as runs of equal values within a box.

    Applied to one of the two it gives the other.

    Attributes
    ----------
    box : tuple of int
        Rows and columns outside which nothing differs: y0, x0, y1, x1, px, ends exclusive.
    width : int
        Bytes an element: 4 for labels, 1 for a mask.
    runs : int
        Number of runs, row by row through the box.
    packed : bytes
        Lengths (uint32), then values (unsigned, `width` bytes), little-endian, as a zlib stream.
    """

    box: tuple[int, int, int, int]
    width: int
    runs: int
    packed: bytes

    @classmethod
    def between(cls, before: NDArray[Any], after: NDArray[Any]) -> Difference | None:
        """Compare two arrays.

        Parameters
        ----------
        before, after : ndarray
            (H, W) int32 or bool, both of one type.

        Returns
        -------
        Difference or None
            None if they are equal.
        """
        changed = before != after
        rows = np.flatnonzero(changed.any(axis=1))
        if not rows.size:
            return None
        y0, y1 = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(changed[y0:y1].any(axis=0))
        x0, x1 = int(columns[0]), int(columns[-1]) + 1
        where = np.s_[y0:y1, x0:x1]
        return cls._of(_words(before[where]) ^ _words(after[where]), (y0, x0, y1, x1))

    @classmethod
    def _of(cls, delta: NDArray[Any], box: tuple[int, int, int, int]) -> Difference:
        flat = delta.ravel()
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        lengths = np.diff(starts, append=flat.size).astype(_LENGTH)
        data = lengths.tobytes() + flat[starts].tobytes()
        return cls(box, delta.itemsize, len(starts), zlib.compress(data, _LEVEL))

    def applied_to(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the other of the two arrays.

        Parameters
        ----------
        array : ndarray
            One of them; not changed.

        Raises
        ------
        ValueError
            If the difference does not fit the array, as when it was read from a damaged file.
        """
        y0, x0, y1, x1 = self.box
        inside = 0 <= y0 < y1 <= array.shape[0] and 0 <= x0 < x1 <= array.shape[1]
        if not inside or array.itemsize != self.width:
            raise ValueError("a difference does not fit the image")
        result = array.copy()
        part = _words(result)[y0:y1, x0:x1]
        part ^= self._delta()
        return result

    def combined(self, later: Difference) -> Difference | None:
        """Return the difference that this one and a later one make together; None if none."""
        boxes = np.array([self.box, later.box])
        y0, x0 = (int(n) for n in boxes[:, :2].min(axis=0))
        y1, x1 = (int(n) for n in boxes[:, 2:].max(axis=0))
        delta = np.zeros((y1 - y0, x1 - x0), _WORDS[self.width])
        for part in (self, later):
            top, left, bottom, right = part.box
            delta[top - y0 : bottom - y0, left - x0 : right - x0] ^= part._delta()
        return Difference._of(delta, (y0, x0, y1, x1)) if delta.any() else None

    def _delta(self) -> NDArray[Any]:
        y0, x0, y1, x1 = self.box
        data = zlib.decompress(self.packed)
        lengths = np.frombuffer(data, _LENGTH, self.runs)
        values = np.frombuffer(data, _WORDS[self.width], self.runs, self.runs * _LENGTH.itemsize)
        if int(lengths.sum(dtype=np.int64)) != (y1 - y0) * (x1 - x0):
            raise ValueError("the runs of a difference do not fill its box")
        return np.repeat(values, lengths).reshape(y1 - y0, x1 - x0)


def _words(array: NDArray[Any]) -> NDArray[Any]:
    return array.view(_WORDS[array.itemsize])
