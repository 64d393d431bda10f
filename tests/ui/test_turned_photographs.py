"""Photographs of a camera held in each of eight ways, from File > Open to a dataset and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari._qt.dialogs import qt_reader_dialog
from npe2 import PluginManager, PluginManifest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

import napari_leukocyte
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.formats.convert import read
from napari_leukocyte.cli.main import app
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.session.store import has_session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.saving import write_results
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.io.images.drawn import save
from tests.ui.fields import Networks, draw_field, run

#: Off the middle, so that no turn or flip brings one cell onto another.
CELLS = ((40, 40), (60, 170), (130, 80))


def command(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def on_the_cells(labels: NDArray[Any], photograph: Path) -> bool:
    """Whether masks lie where a photograph, as it is seen, is dark."""
    rgb = normalise_image(read_image(photograph)).rgb
    dark = rgb[..., 1] < 140
    return labels.shape == dark.shape and bool(np.mean((labels > 0) == dark) > 0.99)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_mask_stays_on_the_cell(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    networks: Networks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
    orientation: int,
) -> None:
    manager = PluginManager.instance()
    if "napari-leukocyte" not in manager:
        path = Path(napari_leukocyte.__file__).with_name("napari.yaml")
        manager.register(PluginManifest.from_file(path))
    photograph = tmp_path / "DSC_0042.JPG"
    photograph.write_bytes(save("jpeg", draw_field(CELLS), "rgb", 8, orientation))
    # Asked by napari, the user takes now this reader, now that.
    reader = "Leukocyte" if orientation % 2 else "napari builtins"
    monkeypatch.setattr(
        qt_reader_dialog.QtReaderDialog, "get_user_choices", lambda _: (reader, False)
    )
    viewer.window._qt_viewer._qt_open([str(photograph)], stack=False)
    (image,) = viewer.layers
    qtbot.waitUntil(lambda: image.data.shape == (180, 240, 3), timeout=5000)
    run(dock, qtbot)
    session = links.session_of(image)
    assert len(np.unique(session.labels)) == 4
    for y, x in CELLS:
        assert session.labels[y, x] > 0
    session.set_class([int(session.labels[CELLS[0]])], "monocyte")
    results = tmp_path / "results"
    write_results(session.snapshot(), results, file=photograph)
    key = json.loads((results / "run.json").read_text())["images"][0]["pixels_sha256"]
    links.forget_session(image)
    assert has_session(normalise_image(read_image(photograph)).rgb)

    for source, name in ((photograph, "of the session"), (results, "of the results")):
        folder = tmp_path / name
        command("dataset", "export", source, "--to", folder, "--title", "T", "--licence", "MIT")
        command("dataset", "check", folder)
        dataset = open_dataset(folder)
        (one,) = dataset.images
        assert one.sha256 == key
        assert one.image is not None
        assert on_the_cells(dataset.read_labels(one), one.image)
        # Whoever trains on it may know no EXIF.
        assert read_stored(one.image).shape == (180, 240, 3)
    (back,) = read(results)
    assert back.source == photograph
    assert back.labels is not None
    assert on_the_cells(back.labels, photograph)
    coco = tmp_path / "coco.json"
    command("convert", results, coco, "--to", "coco", "--images", tmp_path)
    assert json.loads(coco.read_text())["images"][0]["pixels_sha256"] == key

    # Opened again, the work lies over the photograph in the window.
    viewer.layers.clear()
    viewer.window._qt_viewer._qt_open([str(photograph)], stack=False)
    qtbot.waitUntil(lambda: dock.session is not None, timeout=10_000)
    assert dock.session is not None
    shown = links.labels_layer_of(viewer, dock.session)
    assert shown is not None
    assert on_the_cells(shown.data, photograph)
    assert dock.session.assigned


def read_stored(path: Path) -> NDArray[Any]:
    """Read a photograph as a program does that knows no EXIF."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image)
