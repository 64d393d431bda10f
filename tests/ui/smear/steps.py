"""Steps of a user with the *Smear* dock, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_leukocyte.ui.smear.widget import SmearWidget

LONGEST = 30_000
#: Its annotations do not know what it takes.
QTEST: Any = QTest
LEFT = Qt.MouseButton.LeftButton


def settle(widget: SmearWidget, qtbot: QtBot) -> None:
    """Wait until nothing is under way, and everything is shown."""
    qtbot.waitUntil(lambda: not widget.busy, timeout=LONGEST)
    qtbot.wait(150)
    qtbot.waitUntil(lambda: not widget.busy, timeout=LONGEST)
    widget.update_now()


def open_folder(widget: SmearWidget, folder: Path, qtbot: QtBot) -> None:
    """Open a folder and wait until its first field is there."""
    widget.open([folder])
    settle(widget, qtbot)


def analyse(widget: SmearWidget, qtbot: QtBot) -> None:
    """Press *Analyse all* and wait."""
    QTEST.mouseClick(widget.form.analyse, LEFT)
    settle(widget, qtbot)


def approve_shown(widget: SmearWidget) -> None:
    """Confirm all classes of the shown field."""
    session = widget.session
    assert session is not None
    session.approve(session.table()["label"])
