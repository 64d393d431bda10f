"""A slide in the window: from the zone that is found and edited to a smear of its fields."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Shapes
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QPushButton

from benchmarks import make_slide
from napari_leukocyte.analysis.slide.taking import fields_taken
from napari_leukocyte.io.slides.field import load_slide_field
from napari_leukocyte.ui.layer_files.slides import read_slide
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.slides.zone_layer import polygons_of, slide_layers, zone_layer_of
from napari_leukocyte.ui.smear.widget import SmearWidget
from tests.analysis.smear.conftest import networks as quick  # noqa: F401 - a fixture
from tests.ui.smear.conftest import smear as smear
from tests.ui.smear.steps import LEFT, QTEST, analyse, approve_shown, settle

#: The finder looks at whole megapixels, ms.
PATIENCE = 120_000


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a slide of four megapixels with some sixty leukocytes."""
    path = tmp_path_factory.mktemp("slide") / "slide 7.tif"
    make_slide.write_slide(path, (2048, 2048), make_slide.fields())
    return path


def open_slide_layer(widget: SmearWidget, path: Path) -> None:
    ((levels, options, _),) = read_slide(str(path))
    widget.viewer.add_image(levels, **options)


def press(widget: SmearWidget, button: QPushButton, qtbot: QtBot) -> None:
    assert button.isEnabled()
    QTEST.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: not widget.slides.busy, timeout=PATIENCE)
    settle(widget, qtbot)


def zone_of(widget: SmearWidget) -> Shapes:
    (layer,) = slide_layers(widget.viewer)
    zone = zone_layer_of(widget.viewer, layer)
    assert zone is not None
    return zone


def test_fields_of_a_slide_are_reviewed_as_photographs_are(
    smear: SmearWidget, slide: Path, qtbot: QtBot, told: list[str]
) -> None:
    panel = smear.slides
    assert not panel.isVisible()
    open_slide_layer(smear, slide)
    assert panel.isVisible()
    assert not panel.take.isEnabled()
    press(smear, panel.find, qtbot)
    assert "The monolayer has" in panel.status.text()
    zone = zone_of(smear)
    assert zone.mode == "direct"

    # The user counts in the left half only.
    zone.data = [np.array([[0, 0], [0, 1024], [2048, 1024], [2048, 0]])]
    panel.leukocytes.setValue(20)
    press(smear, panel.take, qtbot)
    assert not told
    assert "taken in battlement order" in panel.status.text()
    assert smear.smear is not None
    assert smear.smear.title == "slide 7"
    fields = [load_slide_field(path) for path in smear.smear.paths]
    assert len(fields) == len(fields_taken(slide)) >= 2
    assert all(field.x + field.width <= 1100 for field in fields)

    # The first field lies in its place on the slide, and fills the view.
    session = smear.session
    assert session is not None
    layer = links.image_layer_of(smear.viewer, session)
    assert layer is not None
    assert tuple(layer.translate) == (fields[0].y, fields[0].x)
    assert np.allclose(
        smear.viewer.scene.camera.center[-2:], layer.extent.world.mean(axis=0), atol=1
    )
    pixels = np.asarray(slide_layers(smear.viewer)[0].data[0])
    y0, x0, y1, x1 = fields[0].part
    assert np.array_equal(session.rgb, pixels[y0:y1, x0:x1])

    analyse(smear, qtbot)
    assert len(session.table()) > 0
    labels = links.labels_layer_of(smear.viewer, session)
    assert labels is not None
    assert tuple(labels.translate) == (fields[0].y, fields[0].x)
    approve_shown(smear)
    smear.step(1)
    settle(smear, qtbot)
    assert smear.shown_row == 1
    assert smear.smear.state(0).reviewed == smear.smear.state(0).objects > 0

    # Another day.
    smear.leave()
    press(smear, panel.resume, qtbot)
    assert smear.smear.state(0).reviewed > 0
    smear.viewer.layers.remove(slide_layers(smear.viewer)[0])
    assert not panel.isVisible()


def test_a_search_can_be_cancelled(
    smear: SmearWidget, slide: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_slide_layer(smear, slide)
    panel = smear.slides

    def look(image: object, diameter: float, progress: Callable[..., object]) -> object:
        while True:
            progress(0, 1, "Looking for the monolayer")
            time.sleep(0.01)

    monkeypatch.setattr("napari_leukocyte.ui.slides.panel.find_zone", look)
    QTEST.mouseClick(panel.find, LEFT)
    qtbot.waitUntil(lambda: panel.progress.busy and not panel.find.isEnabled())
    QTEST.mouseClick(panel.progress.cancel, LEFT)
    settle(smear, qtbot)
    assert panel.find.isEnabled()
    assert zone_layer_of(smear.viewer, slide_layers(smear.viewer)[0]) is None


def test_a_zone_is_what_its_shapes_enclose(viewer: napari.Viewer, slide: Path) -> None:
    ((levels, options, _),) = read_slide(str(slide))
    layer = viewer.add_image(levels, **options, scale=(0.5, 0.5), translate=(100, 50))
    shapes = viewer.add_shapes(
        [
            np.array([[0, 0], [0, 8], [4, 8], [4, 0]]),
            np.array([[0, 0], [4, 8]]),
        ],
        shape_type=["ellipse", "line"],
        translate=(100, 50),
    )
    (found,) = polygons_of(shapes, layer)
    assert found.min(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert found.max(axis=0) == pytest.approx([8, 16], abs=1e-6)
