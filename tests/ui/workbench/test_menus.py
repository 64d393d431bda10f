"""The entries in napari's Layers menus act on the selected layer, as a user's click does."""

from __future__ import annotations

from typing import Any

import napari
import numpy as np
import pytest
from napari._app_model import get_app_model
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from napari_leukocyte.ui.workbench.menus import workbench_of
from tests.ui.fields import Networks


def _choose(name: str) -> None:
    get_app_model().commands.execute_command(f"napari-leukocyte.{name}").result()


def test_the_selected_image_is_segmented_classified_and_counted(
    viewer: napari.Viewer, field: NDArray[np.uint8], networks: Networks, qtbot: QtBot
) -> None:
    one = viewer.add_image(np.flip(field, 0).copy(), name="one")
    viewer.add_image(field, name="two")
    viewer.layers.selection.active = one
    _choose("segment_layer")
    bench = workbench_of(viewer)
    assert bench.front == "segment"
    qtbot.waitUntil(
        lambda: bench.session is not None and bench.session.classifier is not None, timeout=60_000
    )
    session: Any = bench.session
    assert session.name == "one"
    qtbot.waitUntil(lambda: bench.settled, timeout=60_000)
    _choose("measure_layer")
    front: str = workbench_of(viewer).front
    assert front == "count"
    assert workbench_of(viewer) is bench


def test_what_can_not_be_segmented_is_told(
    viewer: napari.Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("napari_leukocyte.ui.workbench.menus.show_warning", told.append)
    viewer.add_points([[1, 1]])
    for name in ("segment_layer", "classify_layer", "measure_layer"):
        _choose(name)
    assert len(told) == 3
    assert all(text.endswith(".") for text in told)
