from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_leukocyte.cli import window
from napari_leukocyte.cli.window import Picture, fill_viewer, open_sample, read_pictures
from napari_leukocyte.errors import ImageError
from napari_leukocyte.vocabulary import DISCLAIMER


@pytest.fixture
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)


@pytest.mark.usefixtures("on_linux")
def test_open_says_what_is_missing(
    cli: Any, draw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.png")

    def sentence(*paths: Path) -> str:
        done = cli("open", *paths)
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
        return str(done.stderr)

    assert "does not exist" in sentence(tmp_path / "missing.png")
    (tmp_path / "text.png").write_text("no image")
    assert "is not an image" in sentence(tmp_path / "text.png")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "qtpy.QtWidgets", None)
        assert 'pip install "napari-leukocyte[all]"' in sentence(path)
    with monkeypatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", "offscreen")
        assert sentence(path).startswith("There is no display")
    monkeypatch.delenv("DISPLAY")
    assert sentence(path).startswith("There is no display")


def test_pictures_are_rgb_and_know_their_file(draw: Any, tmp_path: Path) -> None:
    grey, stack = tmp_path / "grey.tif", tmp_path / "stack.tif"
    tifffile.imwrite(grey, np.zeros((40, 50), np.uint16), photometric="minisblack")
    tifffile.imwrite(stack, np.zeros((5, 40, 50), np.uint8), photometric="minisblack")
    pictures = read_pictures([str(draw("a.jpg")), str(grey), str(stack)])
    assert [p.name for p in pictures] == ["a.jpg", "grey.tif", "stack.tif"]
    assert [p.data.shape for p in pictures] == [(80, 240, 3), (40, 50, 3), (5, 40, 50)]
    assert pictures[1].path == grey
    (tmp_path / "junk.tif").write_bytes(b"II*\x00" + b"junk" * 10)
    with pytest.raises(ImageError, match=r"junk\.tif"):
        read_pictures([str(tmp_path / "junk.tif")])


@pytest.fixture
def opened(make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Any]]:
    """Return the viewer that a command opens, and the workbenches it fills it with."""
    viewer, benches = make_napari_viewer(), []

    def fill(*arguments: Any, **options: Any) -> Any:
        benches.append(fill_viewer(*arguments, **options))

    monkeypatch.setattr("napari.Viewer", lambda **_: viewer)
    monkeypatch.setattr("napari.run", lambda: None)
    monkeypatch.setattr(window, "fill_viewer", fill)
    return viewer, benches


def test_open_docks_the_workbench(cli: Any, draw: Any, opened: tuple[Any, list[Any]]) -> None:
    viewer, benches = opened
    paths = [draw("a.png"), draw("b.png")]
    done = cli("open", *paths)
    assert done.exit_code == 0
    assert done.stdout.count(DISCLAIMER) == 1
    assert [layer.source.path for layer in viewer.layers] == [str(p) for p in paths]
    assert [layer.visible for layer in viewer.layers] == [True, False]
    docked = [name for name in viewer.window.dock_widgets if "napari-leukocyte" in name]
    assert docked == ["Leukocyte workbench (napari-leukocyte)"]
    assert benches[0].image.layer() is viewer.layers[0]
    assert benches[0].front == "segment"


def test_a_folder_is_opened_as_a_smear(
    cli: Any, draw: Any, tmp_path: Path, opened: tuple[Any, list[Any]], qtbot: Any
) -> None:
    viewer, benches = opened
    folder = draw("smear 7/a.png").parent
    draw("smear 7/b.png")
    done = cli("open", folder)
    assert done.exit_code == 0
    [bench] = benches
    assert bench.front == "smear"
    page = bench.page("smear")
    qtbot.waitUntil(lambda: page.smear is not None and not page.busy, timeout=30_000)
    assert [path.name for path in page.smear.paths] == ["a.png", "b.png"]
    # The first field is shown, once, and is what all steps work on.
    assert [layer.name for layer in viewer.layers] == ["a.png"]
    assert bench.image.layer() is viewer.layers[0]
    (folder / "empty").mkdir()
    assert "no image" in cli("open", folder / "empty").stderr
    bench.page("smear").leave()


def test_demo_segments_classifies_and_counts(opened: tuple[Any, list[Any]], qtbot: Any) -> None:
    viewer, benches = opened
    open_sample()
    [bench] = benches
    # It opens where something can be seen to happen.
    assert bench.front == "segment"
    assert bench.page("segment").busy
    qtbot.waitUntil(lambda: bench.front == "count", timeout=120_000)
    count = bench.page("count")
    qtbot.waitUntil(lambda: count.form.leukogram.leukogram is not None, timeout=30_000)
    assert count.form.leukogram.leukogram["count"].sum() == 14
    kinds = {type(layer).__name__ for layer in viewer.layers}
    assert {"Image", "Labels", "Points"} <= kinds
    # All cells are in view.
    corners = viewer.layers[0].corner_pixels
    places = bench.session.table()[["y", "x"]].to_numpy()
    assert (places >= corners[0]).all()
    assert (places <= corners[1]).all()
    # The tour is offered, and knows which cell is wrong.
    bench.tour_button.click()
    qtbot.waitUntil(lambda: bench.tour.number == 1, timeout=10_000)
    assert "was taken for" in bench.panel.text.text()
    bench.end_tour()


def test_a_stack_is_shown_as_it_is(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    fill_viewer(viewer, [Picture("stack", np.zeros((5, 40, 50), np.uint8))])
    assert viewer.layers[0].data.shape == (5, 40, 50)
    assert not viewer.layers[0].rgb
