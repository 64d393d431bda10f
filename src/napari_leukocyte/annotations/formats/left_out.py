"""Objects that no cell can be made of: counted and named, so that one does not refuse thousands.

Every reader reads each object inside of `LeftOut.one`. What is wrong with that object alone is an
`ObjectError`, after which the next is read; what makes the whole file doubtful is any other
`FormatError`, which refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.limits import ROUNDING_PX
from napari_leukocyte.errors import FormatError

#: Places that a sentence names; of the others it says how many they are.
_MOST_NAMED = 8


class ObjectError(FormatError):
    """One object can't be read, and the others can.

    Parameters
    ----------
    where : str
        What the object is called in a sentence.
    fault : str
        The sentence's end, such as "has a box without area".
    kind : str
        The object in short, such as "box without area".
    """

    def __init__(self, where: str, fault: str, kind: str) -> None:
        super().__init__(f"{where} {fault}.")
        self.kind = kind


class LeftOut:
    """Counts what is read, what is left out, and what is cut at the border of its image.

    Parameters
    ----------
    strict : bool
        Whether the first object that can't be read as it is refuses everything.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.total = 0
        self._place = ""
        self._left: list[tuple[str, str]] = []
        self._parts: list[tuple[str, str]] = []
        self._cut: list[str] = []
        self._said: dict[str, None] = {}

    @property
    def number(self) -> int:
        """How many objects are left out."""
        return len(self._left)

    @contextmanager
    def one(self, place: str, *, again: bool = False) -> Iterator[None]:
        """Read one object at a place, such as "line 12"; it is left out if it can't be.

        Parameters
        ----------
        place : str
            Where in the file it stands.
        again : bool
            Whether it was counted already, and is read further.

        Raises
        ------
        ObjectError
            If all is to be read or nothing.
        """
        self.total += not again
        self._place = place
        cut = len(self._cut)
        try:
            yield
        except ObjectError as error:
            if self.strict:
                raise
            del self._cut[cut:]
            self._left.append((error.kind, place))

    @contextmanager
    def part(self) -> Iterator[None]:
        """Read one of an object's parts; it is left out if it can't be read."""
        try:
            yield
        except ObjectError as error:
            if self.strict:
                raise
            self._parts.append((error.kind, self._place))

    def say(self, sentence: str) -> None:
        """Note a sentence that is to be said once."""
        self._said[sentence] = None

    def check_border(
        self, corners: NDArray[np.float64], shape: tuple[int, int], where: str, kind: str
    ) -> None:
        """Note that an object is cut at the border of its image.

        Parameters
        ----------
        corners : ndarray
            (N, 2) float64: x and y, px.
        shape : tuple of int
            Height and width of the image, px.
        where : str
            What the object is called in a sentence.
        kind : str
            What has these corners, such as "box".

        Raises
        ------
        ObjectError
            If it lies wholly outside, or leaves the image while `strict`.
        """
        size = np.array([shape[1], shape[0]], float)
        low, high = corners.min(axis=0), corners.max(axis=0)
        if (low >= -ROUNDING_PX).all() and (high <= size + ROUNDING_PX).all():
            return
        if self.strict or (high <= 0).any() or (low >= size).any():
            has = "has a box" if kind == "box" else "has coordinates"
            raise ObjectError(where, f"{has} outside of its image", f"{kind} outside of the image")
        if not self._cut or self._cut[-1] != self._place:
            self._cut.append(self._place)

    def sentences(self) -> list[str]:
        """Return what is to be said at the end, a sentence each."""
        said = list(self._said)
        if self._left:
            said.append(f"{self.number:,} of {self.total:,} left out: {_named(self._left)}.")
        if self._parts:
            said.append(
                f"{len(self._parts):,} part{'s' * (len(self._parts) > 1)} of objects left "
                f"out: {_named(self._parts)}."
            )
        if self._cut:
            number, places = len(self._cut), shortened(self._cut)
            said.append(
                f"{number:,} of {self.total:,} clipped at the border of the image: {places}."
            )
        return said


def _named(found: list[tuple[str, str]]) -> str:
    return shortened([f"{kind}, {place}" for kind, place in found], "; ")


def shortened(texts: list[str], between: str = ", ") -> str:
    """Return the first texts in a row, and how many more there are."""
    more = len(texts) - _MOST_NAMED
    shown = between.join(texts[:_MOST_NAMED])
    return shown if more <= 0 else f"{shown}{between}and {more:,} more"
