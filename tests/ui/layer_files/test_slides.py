"""Slides open in napari as pyramids that are read where one looks."""

from __future__ import annotations

from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
import zarr
from npe2 import PluginManager, PluginManifest

import napari_leukocyte
from benchmarks import make_slide
from napari_leukocyte.io.slides import opening
from napari_leukocyte.ui.layer_files import photographs, slides

PLUGIN = "napari-leukocyte"
SIZE = (5000, 1300)


@pytest.fixture
def window(viewer: napari.Viewer) -> napari.Viewer:
    """Return a window of a napari that has this plugin, whether or not it is installed."""
    manager = PluginManager.instance()
    if PLUGIN not in manager:
        path = Path(napari_leukocyte.__file__).with_name("napari.yaml")
        manager.register(PluginManifest.from_file(path))
    return viewer


@pytest.mark.parametrize(("name", "levels"), [("a.svs", None), ("b.tif", 2)])
def test_a_slide_opens_as_a_pyramid(
    window: napari.Viewer, tmp_path: Path, name: str, levels: int | None
) -> None:
    parts = make_slide.fields({"neutrophil": 1})
    make_slide.write_slide(tmp_path / name, SIZE, parts, levels=levels)
    assert photographs.get_reader(str(tmp_path / name)) is None
    (layer,) = window.open(tmp_path / name, plugin=PLUGIN)
    assert (layer.multiscale, layer.rgb, layer.name) == (True, True, name[0])
    assert layer.data[0].shape == (*SIZE, 3)
    assert max(layer.data[-1].shape) <= slides.COARSEST_PX
    about = layer.metadata["napari-leukocyte"]
    assert about["um_per_px"] == pytest.approx(make_slide.UM_PER_PX)
    whole = make_slide.mosaic(SIZE, parts)
    seen = np.asarray(layer.data[0][700:900, 1000:1300])
    assert np.abs(seen.astype(int) - whole[700:900, 1000:1300]).mean() < 3


def test_levels_that_a_file_lacks_are_made_up(tmp_path: Path) -> None:
    parts = make_slide.fields({})
    make_slide.write_slide(tmp_path / "a.svs", SIZE, parts, levels=1)
    ((levels, _, _),) = slides.read_slide(str(tmp_path / "a.svs"))
    assert [level.shape for level in levels] == [(5000, 1300, 3), (2500, 650, 3)]
    np.testing.assert_array_equal(levels[1][100:150, 3:9], levels[0][200:300:2, 6:18:2])


def test_what_is_no_slide_is_left_to_others(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64, 3), np.uint8))
    store = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    store.attrs["multiscales"] = [{}]
    (tmp_path / "a.zarr" / "labels").mkdir()
    paths = [tmp_path / "a.tif", tmp_path / "a.zarr", tmp_path, tmp_path / "none.svs"]
    assert [slides.get_reader(str(path)) for path in paths] == [None] * 4
    assert slides.get_reader([str(tmp_path / "a.svs")]) is None


def test_every_ending_is_offered() -> None:
    path = Path(napari_leukocyte.__file__).with_name("napari.yaml")
    readers = PluginManifest.from_file(path).contributions.readers or []
    (mine,) = (r for r in readers if r.command.endswith("read_slides"))
    endings = opening._TIFF_SLIDES | opening._OPENSLIDE | opening._TIFFS | {".dcm", ".zarr"}
    assert set(mine.filename_patterns) == {f"*{ending}" for ending in endings}
