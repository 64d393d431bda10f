"""Entries in napari's *Layers* menus: they act on the selected layer through the workbench."""

from __future__ import annotations

from typing import Any, cast

import napari.viewer
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QDockWidget

from napari_leukocyte.language import tr
from napari_leukocyte.ui.layers.links import existing_session, labels_layer_of, unwrap
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.workbench.widget import Workbench

_PLUGIN, _TITLE = "napari-leukocyte", "Leukocyte workbench"


def segment_layer(viewer: napari.viewer.Viewer) -> None:
    """Find the leukocytes of the selected image."""
    bench = _bench_on_selected(viewer)
    if bench is not None:
        bench.open("segment").run()


def classify_layer(viewer: napari.viewer.Viewer) -> None:
    """Classify the objects of the selected labels, or of the selected image."""
    bench = _bench_on_selected(viewer)
    if bench is not None:
        bench.open("count").classify()


def measure_layer(viewer: napari.viewer.Viewer) -> None:
    """Count the objects of the selected labels, or of the selected image."""
    bench = _bench_on_selected(viewer)
    if bench is not None:
        bench.open("count")


def workbench_of(viewer: Any) -> Workbench:
    """Return the workbench of a viewer, docked if it is not."""
    viewer = unwrap(viewer)
    for dock in viewer.window._qt_window.findChildren(QDockWidget):
        found = dock.findChild(Workbench)
        if found is not None:
            dock.show()
            dock.raise_()
            return cast(Workbench, found)
    _, made = viewer.window.add_plugin_dock_widget(_PLUGIN, _TITLE)
    bench: Workbench = made
    return bench


def _bench_on_selected(viewer: Any) -> Workbench | None:
    """Return the workbench with the selected image chosen; None after telling what to select."""
    viewer = unwrap(viewer)
    active = unwrap(viewer.layers.selection.active)
    image = _image_of(viewer, active)
    # Labels of another program belong to the image that is chosen in the workbench.
    if image is None and not isinstance(active, Labels):
        _refuse()
        return None
    bench = workbench_of(viewer)
    if image is not None:
        bench.image.choose(image)
    if bench.image.layer() is None:
        _refuse()
        return None
    return bench


def _image_of(viewer: Any, layer: Layer | None) -> Image | None:
    """Return a layer that is an image, or the image whose cells a layer shows."""
    if isinstance(layer, Image):
        return layer
    for image in (la for la in viewer.layers if isinstance(la, Image)):
        session = existing_session(image)
        if session is None:
            continue
        view = objects_view_of(viewer, session)
        if layer is labels_layer_of(viewer, session) or (view and layer is view.layer):
            return image
    return None


def _refuse() -> None:
    show_warning(tr("Select the photograph of a smear, or the labels of its cells, first."))
