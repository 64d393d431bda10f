"""Photographs that napari's own reader opens are read again before anything is computed."""

from __future__ import annotations

from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from PIL import Image
from pytestqt.qtbot import QtBot

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.session.store import open_session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.own_pixels import use_own_pixels
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.io.images.drawn import STORED, save
from tests.ui.fields import CENTRES, Networks, draw_field, run

AGAIN = "was read again"
#: Every way in which napari's own reader is known to see other pixels.
OTHERS = {
    "turned.jpg": ("jpeg", "rgb", 8, 3),
    "on its side.jpg": ("jpeg", "rgb", 8, 6),
    "inks.jpg": ("cmyk jpeg", "cmyk", 8, 1),
    "inks.tif": ("tiff", "cmyk", 8, 1),
    "sixteen bits.png": ("png", "rgb", 16, 8),
    "turned grey.tif": ("lzw tiff", "grey", 16, 3),
    "white is zero.tif": ("tiff", "white", 8, 1),
}


@pytest.mark.parametrize("name", OTHERS)
def test_its_layer_gets_the_pixels_of_run(
    viewer: napari.Viewer, dock: SegmentWidget, tmp_path: Path, told: list[str], name: str
) -> None:
    field = draw_field(CENTRES[:4])
    path = tmp_path / name
    path.write_bytes(save(OTHERS[name][0], field, *OTHERS[name][1:]))
    (layer,) = viewer.open(path, plugin="napari")
    session = links.session_of(layer)
    wanted = normalise_image(read_image(path)).rgb
    np.testing.assert_array_equal(session.rgb, wanted)
    np.testing.assert_array_equal(normalise_image(layer.data).rgb, wanted)
    assert [AGAIN in sentence for sentence in told] == [True]
    viewer.reset_view()
    assert viewer.screenshot(canvas_only=True, flash=False).any()


def test_in_the_window_it_is_so_before_the_run(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    networks: Networks,
    tmp_path: Path,
    told: list[str],
    qtbot: QtBot,
) -> None:
    field = draw_field(CENTRES[:3])
    path = tmp_path / "a.jpg"
    path.write_bytes(save("jpeg", field, "rgb", 8, 5))
    (layer,) = viewer.open(path, plugin="napari")
    qtbot.waitUntil(lambda: layer.data.shape == field.shape, timeout=5000)
    run(dock, qtbot)
    assert dock.session is not None
    for y, x in CENTRES[:3]:
        assert dock.session.labels[y, x] > 0
    assert len(told) == 1
    # And so for every layer.
    viewer.open(path, plugin="napari")
    qtbot.waitUntil(lambda: len(told) > 1, timeout=5000)


def test_layers_that_are_right_or_changed_by_hand_are_left_alone(
    viewer: napari.Viewer, tmp_path: Path, told: list[str]
) -> None:
    field = draw_field()
    plain, turned = tmp_path / "plain.png", tmp_path / "turned.jpg"
    Image.fromarray(field).save(plain)
    turned.write_bytes(save("jpeg", field, "rgb", 8, 3))
    (layer,) = viewer.open(plain, plugin="napari")
    data = layer.data
    use_own_pixels(layer)
    assert layer.data is data
    (layer,) = viewer.open(turned, plugin="napari")
    layer.data = layer.data[:100, :120]
    use_own_pixels(layer)
    assert layer.data.shape[:2] == (100, 120)
    bare = viewer.add_image(STORED[3](field).copy())
    use_own_pixels(bare)
    assert told == []


def test_a_copy_of_the_layer_is_read_again_as_well(
    viewer: napari.Viewer, tmp_path: Path, told: list[str]
) -> None:
    field = draw_field()
    path = tmp_path / "a.png"
    path.write_bytes(save("png", field, "rgb", 8, 3))
    (layer,) = viewer.open(path, plugin="napari")
    viewer.layers.selection = {layer}
    from napari.layers._layer_actions import _duplicate_layer

    _duplicate_layer(viewer.layers)
    copy = viewer.layers[1]
    use_own_pixels(copy)
    np.testing.assert_array_equal(copy.data, field)


def test_what_the_plugin_refuses_is_refused_in_one_sentence(
    viewer: napari.Viewer, tmp_path: Path
) -> None:
    field = draw_field()
    path = tmp_path / "focus.tif"
    planes = np.ascontiguousarray(np.moveaxis(field, 2, 0))
    tifffile.imwrite(path, planes, imagej=True, photometric="minisblack", metadata={"axes": "ZYX"})
    (layer,) = viewer.open(path, plugin="napari")
    for _ in range(2):
        with pytest.raises(ImageError, match="3 grey focus planes"):
            links.session_of(layer)
    # One plane of it is a grey photograph.
    plane = viewer.add_image(layer.data[1], name="plane")
    assert links.session_of(plane).rgb.shape == field.shape
    palette = tmp_path / "palette.tif"
    Image.fromarray(field).quantize(8).save(palette)
    (layer,) = viewer.open(palette, plugin="napari")
    with pytest.raises(ImageError, match="open it again with the reader “Leukocyte”"):
        links.session_of(layer)


def test_earlier_work_on_other_pixels_is_named(
    viewer: napari.Viewer, networks: Networks, tmp_path: Path, told: list[str]
) -> None:
    field = draw_field()
    stored = STORED[3](field).copy()
    session = open_session(stored, "before")
    session.set_maps(networks.find(stored))
    session.close()
    path = tmp_path / "a.png"
    path.write_bytes(save("png", field, "rgb", 8, 3))
    (layer,) = viewer.open(path, plugin="napari")
    use_own_pixels(layer)
    assert "Earlier work" in told[0]
