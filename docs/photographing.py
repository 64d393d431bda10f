"""What the scripts share that take the pictures of the documentation from the real window."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

IMAGES = Path(__file__).parent / "images"
#: Longest that one step may take, s.
LONGEST = 600.0


def wait(condition: Callable[[], bool]) -> None:
    """Let the window live until a condition holds.

    Raises
    ------
    TimeoutError
        If it never does.
    """
    end = time.monotonic() + LONGEST
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("The window did not get there in time.")
        QApplication.processEvents()
        time.sleep(0.01)


def settle(seconds: float = 1.5) -> None:
    """Let the window draw what has changed."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def photograph(viewer: napari.Viewer, path: Path) -> None:
    """Save a picture of the whole window."""
    settle()
    viewer.window.screenshot(path=str(path), canvas_only=False, flash=False)
    print(path)
