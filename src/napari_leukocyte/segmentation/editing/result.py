"""The result of an edit of a label image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Edited:
    """A label image after an edit.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32; a new array.
    changed : tuple of int
        Numbers of the objects that are new or have other pixels than before; ascending.
    removed : tuple of int
        Numbers of the objects that are gone; ascending.
    """

    labels: NDArray[np.int32]
    changed: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, labels: NDArray[np.int32], changed: Iterable[int], removed: Iterable[int] = ()
    ) -> Edited:
        """Put the numbers in order."""
        return cls(labels, tuple(sorted(changed)), tuple(sorted(removed)))

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)
