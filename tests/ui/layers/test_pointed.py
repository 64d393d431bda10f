"""The status bar and the tooltips speak of the cell under the pointer, in a real viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.layers.own_pixels import photograph_layer
from napari_leukocyte.ui.layers.pointed import pixel_um
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

#: Inside the first cell and the second, and where none is, px.
FIRST, SECOND, NOWHERE = (45, 45), (140, 140), (90, 5)


@pytest.fixture
def seen(viewer: napari.Viewer) -> tuple[Any, Session, ObjectsView]:
    """Show two cells of 30 px, of which the first is classified, with their outlines."""
    layer = viewer.add_image(np.full((200, 200, 3), 230, np.uint8), name="Field")
    session = links.session_of(layer)
    y, x = np.mgrid[:200, :200]
    labels = np.zeros((200, 200), np.int32)
    for number, centre in enumerate((40, 140), start=1):
        labels[(y - centre) ** 2 + (x - centre) ** 2 <= 15**2] = number
    session.accept_edit(labels)
    said = pd.DataFrame({"label": [1], "class": ["neutrophil"], "confidence": [0.8]})
    said = said.assign(**{f"p_{n}": 0.8 if n == "neutrophil" else 0.05 for n in LEUKOCYTE_NAMES})
    session.set_predictions(said, "m")
    outlines = links.show_labels(viewer, session, layer)
    view = ObjectsView(viewer, session, layer)
    return outlines, session, view


def _texts(viewer: napari.Viewer, layer: Any, point: tuple[int, int]) -> tuple[str, str]:
    """Return what napari has in its status bar and tooltip with the pointer there, px."""
    viewer.layers.selection.active = layer
    viewer.tooltip.visible = True  # as Preferences > Appearance > Show layer tooltips does
    viewer.mouse_over_canvas = True
    viewer.cursor.position = tuple(layer.data_to_world(point))
    status, tooltip = viewer._calc_status_from_cursor()
    return str(status["coordinates"] if isinstance(status, dict) else status), tooltip


def test_both_layers_say_class_confidence_and_size(
    viewer: napari.Viewer, seen: tuple[Any, Session, ObjectsView]
) -> None:
    outlines, session, view = seen
    first = "Cell 1: Neutrophil, 80 % sure; diameter 30 px"
    for layer in (outlines, view.layer):
        for text in _texts(viewer, layer, FIRST):
            assert text.endswith(first)
        for text in _texts(viewer, layer, SECOND):
            assert text.endswith("Cell 2: Not classified; diameter 30 px")
        assert "Cell" not in "".join(_texts(viewer, layer, NOWHERE))
    session.set_class([2], "monocyte")
    view.refresh()
    assert _texts(viewer, outlines, SECOND)[0].endswith("Monocyte, by hand; diameter 30 px")
    # Who hides the classes hides them here, too.
    view.layer.visible = False
    assert "Neutrophil" not in "".join(_texts(viewer, outlines, FIRST))
    view.close()
    assert "Cell" not in "".join(_texts(viewer, outlines, FIRST))


@pytest.mark.parametrize("known", ["units", "file"])
def test_sizes_are_in_um_where_the_pixel_is_known(
    viewer: napari.Viewer, seen: tuple[Any, Session, ObjectsView], known: str
) -> None:
    outlines, _, view = seen
    image = viewer.layers["Field"]
    image.scale = (100, 100)  # without units, that is only where it lies
    assert _texts(viewer, outlines, FIRST)[0].endswith("diameter 30 px")
    if known == "units":
        image.units = ("nm", "nm")
    else:
        image.metadata["napari-leukocyte"] = {"um_per_px": 0.1}
    for layer in (outlines, view.layer):
        assert _texts(viewer, layer, FIRST)[0].endswith("80 % sure; diameter 3.0 µm")


def test_a_photograph_knows_what_its_file_says_of_a_pixel(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    path = tmp_path / "a.tif"
    for resolution, side in ((100_000, 0.1), (118, None)):  # a microscope's, and 300 dots an inch
        tifffile.imwrite(
            path, pixels, resolution=(resolution, resolution), resolutionunit="CENTIMETER"
        )
        read = photograph_layer(path)
        assert read is not None
        layer = napari.layers.Image(read[0], **read[1])
        assert pixel_um(layer) == (None if side is None else pytest.approx(side))
