"""Folders of results open with their photographs, as they were left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels, Points
from pytestqt.qtbot import QtBot

from napari_leukocyte.analysis import pipeline
from napari_leukocyte.classification import inference
from napari_leukocyte.cli.run import run
from napari_leukocyte.cli.run_files import RunOptions
from napari_leukocyte.cli.window import fill_viewer, read_results
from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layer_files.reading import get_reader
from napari_leukocyte.ui.layer_files.results import get_results_reader
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.review.widget import ReviewWidget
from tests.analysis.smear.fields import find_dark, make_folder, name_in_turn

PLUGIN = "napari-leukocyte"


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what `run` wrote of three fields that were given by a relative path."""
    monkeypatch.setattr(pipeline, "segment_members", find_dark)
    monkeypatch.setattr(inference, "classify", name_in_turn)
    make_folder(tmp_path / "photographs")
    monkeypatch.chdir(tmp_path)
    assert run(RunOptions(("photographs",), tmp_path / "out")) == 0
    monkeypatch.chdir("/")
    return tmp_path / "out"


def opened(viewer: napari.Viewer, folder: Path, qtbot: QtBot) -> list[Session]:
    """Open a folder as File > Open Folder does; return the sessions of its photographs."""
    viewer.open(str(folder), plugin=PLUGIN)
    images = [layer for layer in viewer.layers if isinstance(layer, Image)]
    qtbot.waitUntil(lambda: all(links.existing_session(i) is not None for i in images))
    qtbot.wait(20)
    sessions = [links.existing_session(i) for i in images]
    return [s for s in sessions if s is not None]


def test_results_open_with_photographs_labels_and_classes(
    viewer: napari.Viewer, out: Path, told: list[str], qtbot: QtBot
) -> None:
    sessions = opened(viewer, out, qtbot)
    table = pd.read_csv(out / "objects.csv")
    assert [s.name for s in sessions] == ["field 1.png", "field 2.png", "field 3.png"]
    for number, session in enumerate(sessions, 1):
        image = links.image_layer_of(viewer, session)
        assert image is not None
        photograph = out.parent / "photographs" / session.name
        assert image.source.path == str(photograph)
        np.testing.assert_array_equal(image.data, read_image(photograph))
        rows = table[table["image"] == f"photographs/{session.name}"]
        assert session.table()["label"].tolist() == rows["label"].tolist()
        assert session.table()["class"].tolist() == rows["class"].tolist()
        assert not session.edits
        assert session.unsaved_since is None
        shown = links.labels_layer_of(viewer, session)
        view = objects_view_of(viewer, session)
        assert shown is not None
        assert view is not None
        assert [layer.visible for layer in (image, shown, view.layer)] == [number == 1] * 3
    kinds = [type(layer) for layer in viewer.layers]
    assert [kinds.count(kind) for kind in (Image, Labels, Points)] == [3, 3, 3]
    assert told == []


def test_what_was_reviewed_since_comes_back(
    make_napari_viewer: Callable[..., napari.Viewer], out: Path, told: list[str], qtbot: QtBot
) -> None:
    first = make_napari_viewer()
    session = opened(first, out, qtbot)[0]
    session.reader = "Ada"
    session.set_class([1], "monocyte")
    session.set_flag([2], "smudge")
    session.edit_labels(lambda a: np.where(a == 3, 0, a), "Delete")
    first.layers.clear()
    session.close()
    del session
    second = make_napari_viewer()
    review = ReviewWidget(second)
    second.window.add_dock_widget(review, name="Review")
    session = opened(second, out, qtbot)[0]
    assert session.table()["label"].tolist() == [1, 2]
    assert session.reviews[1].class_name == "monocyte"
    assert session.reviews[1].reader == "Ada"
    assert session.reviews[2].flags == {"smudge"}
    kinds = [type(layer) for layer in second.layers]
    assert kinds.count(Labels) == 3
    assert any("worked on since" in text for text in told)
    # A dock goes on with it.
    qtbot.waitUntil(lambda: review.session is session)
    assert list(review.form.gallery.cells.labels)


def test_photographs_that_moved_or_changed_are_said_in_one_sentence(
    viewer: napari.Viewer, out: Path, told: list[str], qtbot: QtBot
) -> None:
    photographs = out.parent / "photographs"
    (photographs / "field 1.png").rename(out.parent / "elsewhere.png")
    changed = photographs / "field 2.png"
    write_png(changed, read_image(changed) + np.uint8(1))
    sessions = opened(viewer, out, qtbot)
    assert [s.name for s in sessions] == ["field 3.png"]
    (sentence,) = told
    assert sentence.count(". ") == 0
    assert f"field 1.png is not at {photographs / 'field 1.png'} any more" in sentence
    assert "field 2.png has changed since" in sentence
    # Their cells are shown all the same.
    assert sum(isinstance(layer, Labels) for layer in viewer.layers) == 3
    (photographs / "field 3.png").unlink()
    with pytest.raises(ImageError, match=r"field 3\.png is not at"):
        read_results([out])


def test_results_and_photographs_that_moved_together_are_found(
    viewer: napari.Viewer, out: Path, tmp_path: Path, told: list[str], qtbot: QtBot
) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(out.parent / "photographs", moved / "photographs")
    shutil.move(out, moved / "out")
    assert len(opened(viewer, moved / "out", qtbot)) == 3
    assert told == []


def test_the_command_line_opens_results_with_the_docks(
    make_napari_viewer: Callable[..., napari.Viewer], out: Path, qtbot: QtBot
) -> None:
    viewer = make_napari_viewer()
    bench = fill_viewer(viewer, read_results([out]))
    segment, classify = bench.page("segment"), bench.page("count")
    qtbot.waitUntil(lambda: classify.form.leukogram.leukogram is not None)
    assert segment.session is classify.session
    assert segment.session.name == "field 1.png"
    assert len(segment.session.table()) == 3
    # Nothing is classified again.
    qtbot.wait(500)
    assert segment.session.undo_text == "Open results"
    kinds = [type(layer) for layer in viewer.layers]
    assert [kinds.count(kind) for kind in (Image, Labels, Points)] == [3, 3, 3]


def test_all_other_folders_are_left_alone(out: Path, tmp_path: Path) -> None:
    assert get_results_reader(str(out)) is not None
    assert get_reader(str(out)) is None
    assert get_results_reader([str(out), str(out)]) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (empty, out.parent / "photographs", out / "run.json", tmp_path / "missing"):
        assert get_results_reader(str(path)) is None
    (out / "run.json").write_text('{"images": [], "schema": 1}')
    assert get_results_reader(str(out)) is None
    (out / "run.json").write_bytes(b"\xff\xfe no JSON")
    assert get_results_reader(str(out)) is None
