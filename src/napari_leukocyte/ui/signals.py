"""Qt's signals, with their types: qtpy gives them under a name that type checkers don't find."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PyQt6.QtCore import pyqtSignal as Signal
else:
    from qtpy.QtCore import Signal

__all__ = ["Signal"]
