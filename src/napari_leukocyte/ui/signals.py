"""Qt's signals with their types, and an update before the next frame however many asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt

if TYPE_CHECKING:
    from PyQt6.QtCore import pyqtSignal as Signal
else:
    from qtpy.QtCore import Signal

__all__ = ["BeforePaint", "Signal"]


class BeforePaint(QObject):
    """Calls a function once, when what Qt is at is done and before it paints anything.

    A timer would not do: Qt paints before timers that have run out, so that a window whose views
    follow by timers is painted once for each of them.

    Parameters
    ----------
    act : callable
        What is to be done.
    parent : QObject, optional
        The owner.
    """

    _asked = Signal()

    def __init__(self, act: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._act = act
        self._waiting = False
        # A queued call is an event of usual priority; that to paint is one of low priority.
        queued = Qt.ConnectionType.QueuedConnection
        self._asked.connect(self._run, queued)  # type: ignore[call-arg]

    @property
    def waiting(self) -> bool:
        """Whether it is still to be done."""
        return self._waiting

    def ask(self) -> None:
        """Have it done before the next frame."""
        if not self._waiting:
            self._waiting = True
            self._asked.emit()

    def stop(self) -> None:
        """Have it not done after all."""
        self._waiting = False

    def _run(self) -> None:
        if self._waiting:
            self._waiting = False
            self._act()
