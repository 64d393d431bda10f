"""Work comes back when the same pixels are opened again, and nobody writes over another."""

from __future__ import annotations

import gc
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Image
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from napari_leukocyte.session.store import open_session, sessions_folder
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import Networks, run

RESTORED = "Earlier work on this image was restored: 5 cells, 1 of them reviewed."


@pytest.fixture
def kept(field: NDArray[np.uint8], networks: Networks) -> NDArray[np.int32]:
    """Do some work on the field, as in another window some days ago; return its labels."""
    session = open_session(field, "before")
    session.set_maps(networks.find(field))
    session.set_class([2], "basophil")
    session.close()
    return session.labels


def test_choosing_the_image_brings_layers_and_values_back(
    viewer: napari.Viewer,
    dock: SegmentWidget,
    field: NDArray[np.uint8],
    kept: NDArray[np.int32],
    told: list[str],
    qtbot: QtBot,
) -> None:
    image = viewer.add_image(field.copy(), name="again")
    qtbot.waitUntil(lambda: dock.session is not None, timeout=10_000)
    session = dock.session
    assert session is not None
    assert told == [RESTORED]
    labels = links.labels_layer_of(viewer, session)
    assert labels is not None
    np.testing.assert_array_equal(labels.data, kept)
    view = objects_view_of(viewer, session)
    assert view is not None
    assert len(view.layer.data) == 5
    assert dock.form.diameter.value() == session.maps.diameter  # type: ignore[union-attr]
    # It is told once, and the layers come once.
    count = len(viewer.layers)
    dock._restore()
    assert links.session_of(image) is session
    assert (len(viewer.layers), told) == (count, [RESTORED])
    view.close()


def test_an_image_without_earlier_work_gets_no_folder(
    viewer: napari.Viewer, dock: SegmentWidget, field: NDArray[np.uint8], qtbot: QtBot
) -> None:
    viewer.add_image(field, name="new")
    qtbot.wait(50)
    assert dock.session is None
    assert not sessions_folder().exists()
    run(dock, qtbot)
    assert dock.session is not None
    assert dock.session.is_persisted


def test_the_same_pixels_in_two_layers_are_told_and_go_on_apart(
    viewer: napari.Viewer, field: NDArray[np.uint8], told: list[str]
) -> None:
    first = links.session_of(viewer.add_image(field, name="one"))
    second = links.session_of(viewer.add_image(field, name="two"))
    assert second is not first
    assert (first.is_persisted, second.is_persisted) == (True, False)
    assert len(told) == 1
    assert "open in another window or layer" in told[0]
    assert "not kept" in told[0]


def test_a_layer_that_was_closed_leaves_its_session_to_the_next(
    viewer: napari.Viewer, field: NDArray[np.uint8], told: list[str]
) -> None:
    layer = viewer.add_image(field, name="one")
    session = links.session_of(layer)
    session.edit_labels(lambda a: np.eye(*a.shape, dtype=np.int32), "Draw")
    viewer.layers.remove(layer)
    other = viewer.add_image(field, name="two")
    assert links.session_of(other) is session
    assert (session.is_persisted, session.name) == (True, "two")
    assert session.can_undo
    assert told == []


def test_replaced_data_close_the_session(viewer: napari.Viewer, field: NDArray[np.uint8]) -> None:
    layer = viewer.add_image(field, name="one")
    session = links.session_of(layer)
    session.edit_labels(lambda a: np.eye(*a.shape, dtype=np.int32), "Draw")
    layer.data = np.flip(field, 0).copy()
    assert not session.is_persisted
    assert not links.session_of(layer).labels.any()
    layer.data = field
    assert links.session_of(layer).labels.any()


def test_a_folder_that_can_not_be_used_is_told_and_work_goes_on(
    field: NDArray[np.uint8],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "file"))
    session = links.session_of(Image(field))
    assert not session.is_persisted
    session.set_markers([[1, 2]])
    assert len(told) == 1
    assert "can't be written" in told[0]
    gc.collect()
