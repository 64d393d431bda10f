"""What the scripts share that take the pictures of the documentation from the real window."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication

from napari_leukocyte.classification.classify import classify
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView

IMAGES = Path(__file__).parents[1] / "images"
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


def show_classified(
    viewer: napari.Viewer, pixels: NDArray[np.uint8], labels: NDArray[np.int32], name: str
) -> None:
    """Show a field whose cells are known, classified by the default model."""
    manifest = find_model("classification")
    image = viewer.add_image(pixels, name=name)
    session = links.session_of(image)
    session.accept_edit(labels)
    table = classify(session.rgb, session.labels, nucleus=session.nucleus)
    session.set_predictions(table, manifest.name, describe_model(manifest))
    links.show_labels(viewer, session, image)
    ObjectsView(viewer, session, image)
