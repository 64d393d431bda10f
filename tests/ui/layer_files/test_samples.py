"""A sample that can't be fetched is one sentence, by napari's own menu."""

from __future__ import annotations

from pathlib import Path

import napari
import pooch
import pytest
from napari._qt._qplugins._qnpe2 import _add_sample
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_leukocyte.samples import contributions
from napari_leukocyte.samples.public import DATA_VARIABLE, PublicImage, PublicSample


@pytest.mark.parametrize(("key", "name"), [("bccd", "BCCD"), ("zheng", "ZHENG")])
def test_without_a_network_the_menu_shows_one_sentence(
    viewer: napari.Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, name: str
) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path)
    nowhere = PublicImage("Field 1", "set/1.jpg", ("http://127.0.0.1:1/1.jpg",), "0" * 64)
    monkeypatch.setattr(contributions, name, PublicSample("Set", "MIT", (nowhere,)))
    notification_manager.records.clear()
    # What the menu's action calls.
    _add_sample(viewer.window._qt_viewer, "napari-leukocyte", key)
    assert not viewer.layers
    (shown,) = notification_manager.records
    assert shown.severity == NotificationSeverity.ERROR
    assert "check the network" in shown.message
    # Also what goes to the terminal, where napari writes tracebacks.
    assert str(shown).count("\n") == 0
