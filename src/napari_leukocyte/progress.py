"""Progress of a long computation, and its cancellation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Called with (steps done, steps in all, what is going on). It may raise
#: :class:`napari_leukocyte.errors.Cancelled` to stop the computation.
Progress: TypeAlias = Callable[[int, int, str], None]


def silent(done: int, total: int, what: str) -> None:
    """Report nothing: the default progress callback."""
