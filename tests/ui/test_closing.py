"""The window asks once before it closes over work that would be lost, and not if nothing is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari._qt._qapp_model.qactions import _file
from napari._qt.dialogs.confirm_close_dialog import ConfirmCloseDialog
from napari._qt.qt_main_window import _QtMainWindow
from napari.settings import get_settings
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import closing
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.fields import Networks


class UserCloses(QCloseEvent):
    """The event that the window system sends when a user closes a window."""

    def spontaneous(self) -> bool:
        return True


@pytest.fixture
def shown(make_napari_viewer: Any, qtbot: QtBot) -> napari.Viewer:
    """Return a viewer with the plugin docked; napari's settings ask before everything closes."""
    viewer: napari.Viewer = make_napari_viewer(show=True)
    viewer.window.add_dock_widget(SegmentWidget(viewer), name="Segment")
    qtbot.waitUntil(lambda: guard(viewer) is not None, timeout=5000)
    assert get_settings().application.confirm_close_window
    return viewer


def kept(viewer: napari.Viewer, field: NDArray[np.uint8], networks: Networks) -> Session:
    """Segment a photograph; the work is on the disk, its results are not saved."""
    image = viewer.add_image(field, name="field")
    session = links.session_of(image)
    session.set_maps(networks.find(field))
    links.show_labels(viewer, session, image)
    ObjectsView(viewer, session, image)
    assert session.is_persisted
    assert session.unsaved_since is not None
    return session


def lost(viewer: napari.Viewer, name: str = "in memory") -> Session:
    """Draw a cell on a photograph whose work is not kept."""
    pixels = np.full((50, 60, 3), 200, np.uint8)
    session = Session(pixels, name)
    links.adopt_session(viewer.add_image(pixels, name=name), session)
    labels = np.zeros((50, 60), np.int32)
    labels[5:20, 5:20] = 1
    session.accept_edit(labels)
    return session


def guard(viewer: napari.Viewer) -> closing.CloseGuard | None:
    """Return what guards a viewer's window."""
    found = closing.guard_of(viewer.window._qt_window)
    assert found is None or isinstance(found, closing.CloseGuard)
    return found


class Questions:
    """The question at the close of a window, and which close reaches napari.

    Attributes
    ----------
    ours, napari_s : list of str
        Texts of the plugin's questions, and titles of napari's.
    closed : int
        How often the window would have closed.
    """

    def __init__(self, button: str) -> None:
        self.button = button
        self.ours: list[str] = []
        self.napari_s: list[str] = []
        self.closed = 0

    def listen(self, patch: pytest.MonkeyPatch) -> None:
        """Answer every question with the button."""

        def ask(box: QMessageBox) -> int:
            self.ours.append(box.text())
            pressed = next(b for b in box.buttons() if b.text().replace("&", "") == self.button)
            patch.setattr(QMessageBox, "clickedButton", lambda _: pressed)
            return 0

        def confirm(dialog: ConfirmCloseDialog) -> int:
            self.napari_s.append(dialog.windowTitle())
            return int(QDialog.DialogCode.Accepted)

        def close_event(window: _QtMainWindow, event: QCloseEvent) -> None:
            # As napari's own, but that the window stays.
            if event.spontaneous() and window._qt_viewer.viewer.layers:
                ConfirmCloseDialog(window).exec_()
            self.closed += 1
            window._quit_app = False
            event.ignore()

        patch.setattr(QMessageBox, "exec", ask)
        patch.setattr(ConfirmCloseDialog, "exec_", confirm, raising=False)
        patch.setattr(_QtMainWindow, "closeEvent", close_event)

    @property
    def asked(self) -> int:
        return len(self.ours) + len(self.napari_s)


def close(viewer: napari.Viewer, way: str, questions: Questions) -> None:
    """Close the window as a user does: by its frame, or by napari's menu or keys."""
    window, guarding = viewer.window._qt_window, guard(viewer)
    assert guarding is not None
    with pytest.MonkeyPatch.context() as patch:
        questions.listen(patch)
        patch.setattr(QApplication, "activeWindow", lambda: window)
        if way != "frame":
            getattr(_file, way)(viewer.window)
        elif not guarding.eventFilter(window, event := UserCloses()):
            window.closeEvent(event)


WAYS = pytest.mark.parametrize("way", ["frame", "_close_app", "_close_window"])


@WAYS
def test_nothing_is_asked_where_nothing_is_lost(
    shown: napari.Viewer,
    field: NDArray[np.uint8],
    networks: Networks,
    way: str,
) -> None:
    session = kept(shown, field, networks)
    questions = Questions("Cancel")
    close(shown, way, questions)
    assert questions.asked == 0
    assert questions.closed == 1
    session.mark_saved()
    close(shown, way, questions)
    assert questions.asked == 0
    assert questions.closed == 2


@WAYS
def test_what_is_lost_is_asked_about_once(shown: napari.Viewer, way: str) -> None:
    lost(shown)
    questions = Questions("Cancel")
    close(shown, way, questions)
    assert questions.closed == 0
    assert questions.napari_s == []
    assert len(questions.ours) == 1
    assert "“in memory”" in questions.ours[0]
    assert "lost" in questions.ours[0]
    questions = Questions("Close")
    close(shown, way, questions)
    assert questions.closed == 1
    assert questions.asked == 1


@WAYS
def test_layers_of_the_user_s_own_are_napari_s_to_ask_about(
    shown: napari.Viewer,
    field: NDArray[np.uint8],
    networks: Networks,
    way: str,
) -> None:
    kept(shown, field, networks)
    shown.add_shapes(np.array([[0, 0], [9, 9]]), shape_type="line")
    questions = Questions("Close")
    close(shown, way, questions)
    assert questions.ours == []
    assert len(questions.napari_s) == 1
    assert questions.closed == 1


def test_saving_from_the_question_keeps_the_window_and_saves(
    shown: napari.Viewer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qtbot: QtBot
) -> None:
    session = lost(shown)
    questions = Questions("Save results…")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    close(shown, "frame", questions)
    assert questions.closed == 0
    qtbot.waitUntil(lambda: session.unsaved_since is None, timeout=20_000)
    assert (tmp_path / "labels.tif").is_file()
    close(shown, "frame", questions)
    assert questions.asked == 1
    assert questions.closed == 1


def test_leaving_the_application_is_about_every_viewer(
    shown: napari.Viewer,
    field: NDArray[np.uint8],
    networks: Networks,
    make_napari_viewer: Any,
) -> None:
    kept(shown, field, networks)
    lost(make_napari_viewer(), "two")
    questions = Questions("Cancel")
    close(shown, "_close_app", questions)
    assert questions.asked == 1
    assert "“two”" in questions.ours[0]
    assert questions.closed == 0
    close(shown, "_close_window", questions)
    assert questions.asked == 1
    assert questions.closed == 1


def test_what_a_script_closes_closes(shown: napari.Viewer) -> None:
    lost(shown)
    questions = Questions("Cancel")
    guarding = guard(shown)
    assert guarding is not None
    with pytest.MonkeyPatch.context() as patch:
        questions.listen(patch)
        assert not guarding.eventFilter(shown.window._qt_window, QCloseEvent())
    assert questions.asked == 0


def test_many_sessions_are_named_in_one_sentence() -> None:
    sessions = [Session(np.full((40, 40, 3), n, np.uint8), f"field {n}") for n in range(5)]
    text = closing.describe_unkept(sessions)
    assert "“field 0”, “field 1”, “field 2” and 2 more" in text
    assert text.count(". ") == 0
