from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels, Points, Shapes
from npe2 import PluginManager, PluginManifest

from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.ui.layer_files.reading import get_reader
from tests.annotations.formats.cells import annotated, boxes, hard, same

#: What the save dialog offers, by the endings of the names.
ENDINGS = {
    ".json": "coco",
    ".geojson": "geojson",
    ".zip": "imagej-roi",
    ".zarr": "ome-zarr",
    ".yolo": "yolo-seg",
    ".voc": "voc",
    ".labels": "labels-csv",
}
NAMES = {"coco": "a.json", "geojson": "a.geojson", "imagej-roi": "a.zip", "ome-zarr": "a.zarr"}


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a viewer that has this plugin, whether or not it is installed."""
    import napari_leukocyte

    viewer = make_napari_viewer()
    manager = PluginManager.instance()
    if "napari-leukocyte" not in manager:
        path = Path(napari_leukocyte.__file__).with_name("napari.yaml")
        manager.register(PluginManifest.from_file(path))
    return viewer


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "dataset"])
def test_open_and_save_again(viewer: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / NAMES.get(name, "folder")
    write([hard()], path, name)
    labels, objects = viewer.open(path, plugin="napari-leukocyte")
    assert isinstance(labels, Labels)
    assert isinstance(objects, Points)
    np.testing.assert_array_equal(labels.data, hard().labels)
    assert objects.features["label"].tolist() == hard().table["label"].tolist()
    assert objects.features["class"].tolist()[-1] == "unclassified"
    assert labels.features["index"].tolist() == hard().table["label"].tolist()
    for selected in ([labels, objects], [labels]):
        viewer.layers.selection = set(selected)
        for ending, to in ENDINGS.items():
            out = tmp_path / f"out{len(selected)}{ending}"
            assert viewer.layers.save(str(out), selected=True, plugin="napari-leukocyte") == [
                str(out)
            ]
            (back,) = read(out, to)
            same(hard(), back)


def test_boxes_open_as_shapes(viewer: Any, tmp_path: Path) -> None:
    write([boxes()], tmp_path / "a.json", "coco")
    (layer,) = viewer.open(tmp_path / "a.json", plugin=None)
    assert isinstance(layer, Shapes)
    assert layer.features["class"].tolist() == ["neutrophil", "unclassified"]
    np.testing.assert_array_equal(layer.data[1].min(axis=0), [2.5, 3.5])  # edges of pixels


def test_a_folder_of_images_shows_the_first(viewer: Any, tmp_path: Path) -> None:
    write([annotated(np.eye(4), name="a.png"), hard()], tmp_path / "out", "yolo-seg")
    layers = viewer.open(tmp_path / "out", plugin="napari-leukocyte")
    assert [layer.visible for layer in layers] == [True, True, False, False]
    assert [layer.name for layer in layers[2:]] == ["a leukocytes", "a objects"]


def test_an_image_without_objects(viewer: Any, tmp_path: Path) -> None:
    write([annotated(np.zeros((4, 5)))], tmp_path / "a.json", "coco")
    labels, objects = viewer.open(tmp_path / "a.json", plugin=None)
    assert (labels.data.shape, len(objects.data)) == ((4, 5), 0)


def test_what_was_erased_or_drawn_is_saved_so(viewer: Any, tmp_path: Path) -> None:
    write([hard()], tmp_path / "a.json", "coco")
    labels, objects = viewer.open(tmp_path / "a.json", plugin=None)
    labels.data[labels.data == 7] = 0
    labels.data[35:38, 35:38] = 8
    viewer.layers.selection = {labels, objects}
    viewer.layers.save(str(tmp_path / "b.geojson"), selected=True)
    (back,) = read(tmp_path / "b.geojson")
    numbers = [n for n in hard().table["label"] if n != 7]
    assert back.table["label"].tolist() == [*numbers, 8]
    np.testing.assert_array_equal(back.labels, labels.data)


def test_ordinary_labels_can_be_saved(viewer: Any, tmp_path: Path) -> None:
    viewer.add_labels(np.array([[1, 1], [0, 3]]), name="my cells")
    viewer.layers.save(str(tmp_path / "a.zip"), plugin="napari-leukocyte")
    (back,) = read(tmp_path / "a.zip")
    assert (back.name, back.table["label"].tolist()) == ("my cells", [1, 3])
    # Without an ending that is ours, napari's own writer is still the first.
    (written,) = viewer.layers[0].save(str(tmp_path / "plain"))
    assert written.endswith(".tif")


def test_a_damaged_file_is_one_sentence(viewer: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write([hard()], path, "coco")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Exception, match="damaged or cut off"):
        viewer.open(path, plugin=None)
    assert len(viewer.layers) == 0


def test_other_files_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "photographs").mkdir()
    assert get_reader(str(tmp_path / "a.json")) is None
    assert get_reader(str(tmp_path / "photographs")) is None
    assert get_reader([str(tmp_path / "a.json")]) is None


def test_the_manifest_is_sound() -> None:
    import napari_leukocyte

    manifest = PluginManifest.from_file(Path(napari_leukocyte.__file__).with_name("napari.yaml"))
    manifest.validate_imports()
    writers = manifest.contributions.writers or []
    assert {w.filename_extensions[0] for w in writers} == set(ENDINGS)
