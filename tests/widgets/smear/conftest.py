"""A folder of drawn fields, and networks that answer at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import napari
import pytest
from pytestqt.qtbot import QtBot

from napari_leukocyte.classification import classify as classification
from napari_leukocyte.segmentation import ensemble
from napari_leukocyte.widgets.smear.widget import SmearWidget
from tests.smear.fields import find_dark, make_folder, name_in_turn

#: Longest that anything may take, ms.
LONGEST = 30_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three fields and a damaged one."""
    folder = make_folder(tmp_path / "smear 7")
    (folder / "field 4.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put something quick in the networks' place."""
    monkeypatch.setattr(ensemble, "segment_members", find_dark)
    monkeypatch.setattr(classification, "classify", name_in_turn)


@pytest.fixture
def smear(
    make_napari_viewer: Callable[..., napari.Viewer], quick: None, qtbot: QtBot
) -> Iterator[SmearWidget]:
    """Return the widget, docked in a window that is shown."""
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    widget = SmearWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Smear")
    yield widget
    widget.analysing.cancel()
    qtbot.waitUntil(lambda: not widget.busy, timeout=LONGEST)
