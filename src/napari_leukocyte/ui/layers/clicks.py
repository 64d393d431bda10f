"""Clicks with the left button on a viewer's canvas, told from drags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Movements of the mouse up to this, px of the screen, are still a click.
CLICK_PX = 4.0
_LEFT = 1


class Press:
    """A press of the left button, from its begin to its end.

    Parameters
    ----------
    event : napari's mouse event
        Of the press; napari changes it as the mouse moves on.

    Attributes
    ----------
    moved : bool
        Whether the mouse has been farther from its place than a click allows.
    """

    def __init__(self, event: Any) -> None:
        self._event = event
        self._begin: NDArray[np.float64] = np.array(event.pos, np.float64)
        self.moved = False

    @staticmethod
    def begins(viewer: Any, event: Any) -> bool:
        """Whether an event in a viewer is such a press, on a flat picture."""
        return bool(event.button == _LEFT and viewer.dims.ndisplay == 2)

    def until_released(self, on_drag: Callable[[], object] | None = None) -> Iterator[None]:
        """Follow the mouse until its button is released: what a callback of napari's yields.

        Parameters
        ----------
        on_drag : callable, optional
            Called at each movement of what is no click any more.
        """
        yield
        while self._event.type == "mouse_move":
            self._look()
            if self.moved and on_drag is not None:
                on_drag()
            yield
        # Of a quick drag vispy tells no movement at all.
        self._look()

    def _look(self) -> None:
        away = (np.array(self._event.pos, np.float64) - self._begin)[:2]
        self.moved = self.moved or bool(np.hypot(*away) > CLICK_PX)
