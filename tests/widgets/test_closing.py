"""The window asks before it closes over work whose results were not saved."""

from __future__ import annotations

from pathlib import Path

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_leukocyte.session.session import Session
from napari_leukocyte.widgets import closing
from napari_leukocyte.widgets.layers import links
from napari_leukocyte.widgets.segment.widget import SegmentWidget
from tests.widgets.fields import Networks


class UserCloses(QCloseEvent):
    """The event that the window system sends when a user closes a window."""

    def spontaneous(self) -> bool:
        return True


@pytest.fixture
def window(
    make_napari_viewer: object, field: NDArray[np.uint8], networks: Networks, qtbot: QtBot
) -> tuple[napari.Viewer, Session]:
    """Return a shown viewer with the plugin docked, and the session of its image."""
    viewer: napari.Viewer = make_napari_viewer(show=True)  # type: ignore[operator]
    session = links.session_of(viewer.add_image(field, name="field"))
    session.set_maps(networks.find(field))
    viewer.window.add_dock_widget(SegmentWidget(viewer), name="Segment")
    qtbot.waitUntil(lambda: guard(viewer) is not None, timeout=5000)
    return viewer, session


def guard(viewer: napari.Viewer) -> closing.CloseGuard | None:
    """Return what guards a viewer's window."""
    found = closing.guard_of(viewer.window._qt_window)
    assert found is None or isinstance(found, closing.CloseGuard)
    return found


def answer(monkeypatch: pytest.MonkeyPatch, button: str) -> list[str]:
    """Have a user press a button of the question; return the questions asked."""
    asked: list[str] = []

    def exec_(box: QMessageBox) -> int:
        asked.append(box.text())
        pressed = next(b for b in box.buttons() if b.text().replace("&", "") == button)
        monkeypatch.setattr(QMessageBox, "clickedButton", lambda self: pressed)
        return 0

    monkeypatch.setattr(QMessageBox, "exec", exec_)
    return asked


def closes(viewer: napari.Viewer, event: QCloseEvent) -> bool:
    """Say whether the guard lets a close through; the window itself is left open."""
    guarding = guard(viewer)
    assert guarding is not None
    return not guarding.eventFilter(viewer.window._qt_window, event)


def test_unsaved_work_is_asked_about(
    window: tuple[napari.Viewer, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, session = window
    asked = answer(monkeypatch, "Cancel")
    assert session.unsaved_since is not None
    assert not closes(shown, UserCloses())
    assert "“field”" in asked[0]
    assert "comes back" in asked[0]
    answer(monkeypatch, "Close")
    assert closes(shown, UserCloses())


def test_saved_work_closes_without_a_question(
    window: tuple[napari.Viewer, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, session = window
    asked = answer(monkeypatch, "Cancel")
    session.mark_saved()
    assert closes(shown, UserCloses())
    assert not asked


def test_saving_from_the_question_keeps_the_window_and_saves(
    window: tuple[napari.Viewer, Session],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    shown, session = window
    answer(monkeypatch, "Save results…")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    assert not closes(shown, UserCloses())
    qtbot.waitUntil(lambda: session.unsaved_since is None, timeout=20_000)
    assert (tmp_path / "labels.tif").is_file()


def test_what_a_script_closes_closes(
    window: tuple[napari.Viewer, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, _ = window
    asked = answer(monkeypatch, "Cancel")
    assert closes(shown, QCloseEvent())
    assert not asked


def test_work_that_is_not_kept_is_said_to_be_lost() -> None:
    session = Session(np.full((40, 40, 3), 230, np.uint8), "in memory")
    text = closing.describe_unsaved([session])
    assert "“in memory”" in text
    assert "lost" in text
