"""Photographs open in napari with the pixels that they have everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile
from napari._qt.dialogs import qt_reader_dialog
from napari.errors import MultipleReaderError, ReaderPluginError
from npe2 import PluginManager, PluginManifest

import napari_leukocyte
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import READ_SUFFIXES, read_image
from napari_leukocyte.reporting.save import write_labels
from napari_leukocyte.ui.layer_files.photographs import get_reader
from tests.io.images.drawn import CONTAINERS, save, scene

RGB = scene()
PLUGIN = "napari-leukocyte"


@pytest.fixture
def window(viewer: napari.Viewer) -> napari.Viewer:
    """Return a window of a napari that has this plugin, whether or not it is installed."""
    manager = PluginManager.instance()
    if PLUGIN not in manager:
        path = Path(napari_leukocyte.__file__).with_name("napari.yaml")
        manager.register(PluginManifest.from_file(path))
    return viewer


def test_every_suffix_of_photographs_is_offered() -> None:
    path = Path(napari_leukocyte.__file__).with_name("napari.yaml")
    readers = PluginManifest.from_file(path).contributions.readers or []
    patterns = {
        p for r in readers if r.command.endswith("photographs") for p in r.filename_patterns
    }
    assert patterns == {f"*{suffix}" for suffix in READ_SUFFIXES}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_layer_has_the_pixels_of_its_file(
    window: napari.Viewer, tmp_path: Path, name: str
) -> None:
    container = CONTAINERS[name]
    for mode in container.modes:
        for depth in container.depths:
            path = tmp_path / f"IMG {mode} {depth}{container.suffix.upper()}"
            orientation = 6 if container.turns else 1
            path.write_bytes(save(name, RGB, mode, depth, orientation))
            (layer,) = window.open(path, plugin=PLUGIN)
            np.testing.assert_array_equal(
                normalise_image(layer.data).rgb, normalise_image(read_image(path)).rgb
            )
            assert (layer.rgb, layer.name) == (read_image(path).ndim == 3, path.stem)
            assert layer.source.reader_plugin == PLUGIN
    assert window.layers[0].extent.data[1].tolist() == [39, 55]


def test_the_user_is_asked_by_which_reader(
    window: napari.Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "DSC_0042.JPG"
    path.write_bytes(save("jpeg", RGB, "rgb", 8, 3))
    with pytest.raises(MultipleReaderError):
        window.open(path, plugin=None)
    asked: list[dict[str, str]] = []

    def choose(dialog: Any) -> tuple[str, bool]:
        asked.append(dialog._readers if hasattr(dialog, "_readers") else {})
        return "Leukocyte", False

    monkeypatch.setattr(qt_reader_dialog.QtReaderDialog, "get_user_choices", choose)
    # What File > Open and a drop on the window call.
    window.window._qt_viewer._qt_open([str(path)], stack=False)
    assert len(asked) == 1
    (layer,) = window.layers
    np.testing.assert_array_equal(layer.data, read_image(path))


def test_other_files_are_left_to_napari(
    window: napari.Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, labels = tmp_path / "stack.tif", tmp_path / "labels.tif"
    planes = np.stack([RGB[..., 0]] * 3)
    tifffile.imwrite(stack, planes, imagej=True, photometric="minisblack", metadata={"axes": "ZYX"})
    write_labels(labels, np.arange(40 * 56, dtype=np.int32).reshape(40, 56) % 3)
    five, text = tmp_path / "five.tif", tmp_path / "text.png"
    tifffile.imwrite(five, np.stack([RGB[..., 0]] * 5), photometric="minisblack")
    text.write_text("no photograph")
    slide = tmp_path / "slide.tif"
    with tifffile.TiffWriter(slide) as file:
        file.write(np.zeros((64, 64, 3), np.uint8), photometric="rgb", tile=(16, 16), subifds=1)
        file.write(np.zeros((32, 32, 3), np.uint8), photometric="rgb", tile=(16, 16), subfiletype=1)
    for path in (stack, five, labels, slide):
        assert get_reader(str(path)) is None
    assert get_reader([str(stack), str(five)]) is None
    # Remembered for all of this suffix, it refuses, and napari asks for another.
    plugins = napari.settings.get_settings().plugins
    monkeypatch.setattr(plugins, "extension2reader", {"*.tif": PLUGIN})
    with pytest.raises(ReaderPluginError):
        window.open(five, plugin=None)
    # The other reader of the plugin has this one.
    (found, *_) = window.open(labels, plugin=PLUGIN)
    assert isinstance(found, napari.layers.Labels)
    with pytest.raises(Exception, match="not an image that can be read"):
        window.open(text, plugin=PLUGIN)
