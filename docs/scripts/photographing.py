"""What the scripts share that take the pictures of the documentation from the real window."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari._qt.dialogs.qt_notification import NapariQtNotification
from npe2 import PluginManager
from numpy.typing import NDArray
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

from napari_leukocyte.classification.inference import classify
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.workbench.menus import workbench_of
from napari_leukocyte.ui.workbench.widget import Workbench

IMAGES = Path(__file__).parents[1] / "images"
PLUGIN = "napari-leukocyte"
#: Size of the window, px: the smallest one that everything fits into.
SIZE = (1280, 720)
#: A picture that is larger, bytes, gets a palette.
MOST_BYTES = 400_000
#: Folders of the user's that nothing here touches.
_OWN = ("SESSIONS", "CONFIG", "EMBEDDINGS")
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


@contextmanager
def untouched() -> Iterator[Path]:
    """Keep sessions and settings in a folder of their own, which is given, and then removed."""
    with tempfile.TemporaryDirectory() as own:
        for name in _OWN:
            os.environ[f"NAPARI_LEUKOCYTE_{name}"] = str(Path(own) / name.lower())
        yield Path(own)


def open_window() -> tuple[napari.Viewer, Workbench]:
    """Open the viewer with the workbench."""
    viewer = napari.Viewer(title=PLUGIN, show=True)
    viewer.window.resize(*SIZE)
    bench = workbench_of(viewer)
    settle(0.5)
    return viewer, bench


def photograph(viewer: napari.Viewer, path: Path) -> None:
    """Save a picture of the whole window."""
    settle()
    save_picture(take(viewer), path)


def take(viewer: napari.Viewer) -> NDArray[np.uint8]:
    """Return a picture of the whole window, (H, W, 3) uint8, without notifications."""
    window: Any = viewer.window
    for note in window._qt_window.findChildren(NapariQtNotification):
        note.close()
    settle(0.1)
    return np.asarray(window.screenshot(canvas_only=False, flash=False))[..., :3]


def save_picture(pixels: NDArray[np.uint8], path: Path) -> None:
    """Save a picture, with as few bytes as can be without its being seen."""
    picture = Image.fromarray(pixels)
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        # This way of choosing keeps colours that few pixels have, such as those of the classes.
        few = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
    print(path, path.stat().st_size // 1000, "kB")


#: Where docks go.
_AREAS = {
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}


def dock(viewer: napari.Viewer, name: str, area: str) -> Any:
    """Dock one of the plugin's widgets by itself; None if there is none of that name."""
    contributions = PluginManager.instance().get_manifest(PLUGIN).contributions
    if name not in {w.display_name for w in contributions.widgets or ()}:
        return None
    found, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    viewer.window._qt_window.addDockWidget(_AREAS[area], found)
    return widget


def raise_dock(widget: QWidget) -> None:
    """Bring the tab of a docked widget to the front."""
    found: Any = widget
    while not isinstance(found, QDockWidget):
        found = found.parent()
    found.raise_()
    settle(0.3)


def scroll_to(widget: Any, part: Any) -> None:
    """Bring a part of a widget into sight."""
    area = part.parentWidget()
    while area is not None and not hasattr(area, "ensureWidgetVisible"):
        area = area.parentWidget()
    if area is not None:
        area.ensureWidgetVisible(part)


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
