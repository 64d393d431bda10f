"""The window asks before it closes over work whose results were not saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari._qt._qapp_model.qactions import _file
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import closing
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import Networks


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


@pytest.mark.parametrize("action", ["_close_app", "_close_window"])
def test_the_menu_asks_once_and_obeys(
    window: tuple[napari.Viewer, Session],
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    shown, session = window
    closed: list[tuple[bool, bool]] = []

    def close(_: object, quit_app: bool, confirm_need: bool) -> None:
        closed.append((quit_app, confirm_need))

    def choose() -> None:
        # What the actions of napari's menu call; here nothing is closed.
        with monkeypatch.context() as patch:
            patch.setattr(type(shown.window._qt_window), "close", close)
            patch.setattr(QApplication, "activeWindow", lambda: shown.window._qt_window)
            getattr(_file, action)(shown.window)

    asked = answer(monkeypatch, "Cancel")
    choose()
    assert len(asked) == 1
    assert not closed
    answer(monkeypatch, "Close")
    choose()
    session.mark_saved()
    choose()
    # Without anything unsaved it is napari that asks.
    quits = action == "_close_app"
    assert closed == [(quits, False), (quits, True)]


def test_leaving_the_application_is_about_every_viewer(
    window: tuple[napari.Viewer, Session], monkeypatch: pytest.MonkeyPatch, make_napari_viewer: Any
) -> None:
    shown, session = window
    other = make_napari_viewer()
    elsewhere = links.session_of(other.add_image(np.full((50, 60, 3), 200, np.uint8), name="two"))
    labels = np.zeros((50, 60), np.int32)
    labels[5:20, 5:20] = 1
    elsewhere.accept_edit(labels)
    session.mark_saved()
    asked = answer(monkeypatch, "Cancel")
    shown.window._qt_window.close(quit_app=True, confirm_need=True)
    assert len(asked) == 1
    assert "“two”" in asked[0]
    assert shown.window._qt_window.isVisible()


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
