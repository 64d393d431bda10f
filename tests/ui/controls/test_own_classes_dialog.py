from __future__ import annotations

from typing import Any, cast

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QColorDialog, QDialog, QLineEdit, QTableWidgetItem

from napari_leukocyte.counting.own_classes import (
    FILE_NAME,
    load_own_classes,
    own_class,
    save_own_classes,
)
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.ui.controls.own_classes_dialog import OwnClassesDialog
from napari_leukocyte.ui.own_classes import notice

# Its stubs take these functions for methods.
QTEST: Any = QTest
BLAST = own_class("blast", "#123456", "k")
PLASMA = own_class("plasma cell", "#654321", counted=False)
NAME, KEY, COUNTS = 0, 2, 3


def item(dialog: OwnClassesDialog, row: int, column: int) -> QTableWidgetItem:
    return cast(QTableWidgetItem, dialog.table.item(row, column))


def add_row(dialog: OwnClassesDialog, name: str, key: str, *, counts: bool = True) -> None:
    """Add a class as a user does."""
    dialog.add.click()
    row = dialog.table.rowCount() - 1
    item(dialog, row, NAME).setText(name)
    item(dialog, row, KEY).setText(key)
    state = Qt.CheckState.Checked if counts else Qt.CheckState.Unchecked
    item(dialog, row, COUNTS).setCheckState(state)


def opened(qtbot: QtBot) -> OwnClassesDialog:
    dialog = OwnClassesDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_classes_are_added_and_taken_away(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = opened(qtbot)
    assert not dialog.remove.isEnabled()
    add_row(dialog, "Blast", "K")
    add_row(dialog, "plasma cell", "", counts=False)
    assert dialog.color_button(0).color != dialog.color_button(1).color
    for row, given in enumerate((BLAST, PLASMA)):
        chosen = QColor(given.color)
        monkeypatch.setattr(QColorDialog, "getColor", lambda *_, c=chosen: c)
        dialog.color_button(row).click()
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())  # cancelled
    dialog.color_button(0).click()
    with qtbot.waitSignal(notice.changed) as told:
        dialog.accept()
    assert told.args == [(), (BLAST, PLASMA)]
    assert load_own_classes() == (BLAST, PLASMA)
    dialog = opened(qtbot)
    assert dialog.classes() == (BLAST, PLASMA)
    dialog.table.selectRow(0)
    dialog.remove.click()
    dialog.accept()
    assert load_own_classes() == (PLASMA,)


def test_what_is_typed_is_saved(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    dialog.add.click()
    editor = dialog.table.findChildren(QLineEdit)[-1]
    QTEST.keyClicks(editor, "blast")
    QTEST.keyClick(editor, Qt.Key.Key_Return)
    qtbot.wait(20)
    assert dialog.isVisible()  # the key ends the name alone
    assert item(dialog, 0, NAME).text() == "blast"
    dialog.add.click()
    editor = dialog.table.findChildren(QLineEdit)[-1]
    QTEST.keyClicks(editor, "ghost")
    dialog.save.click()  # while the name is still being written
    assert [c.name for c in load_own_classes()] == ["blast", "ghost"]


@pytest.mark.parametrize(
    ("name", "key", "problem"),
    [
        ("", "", "needs a name"),
        ("Neutrophil", "", "already"),
        ("ghost", "n", "that of the class 'neutrophil'"),
        ("ghost", "k", "that of the class 'blast'"),
        ("=1+1", "", "begins with a letter"),
    ],
)
def test_refusals_are_one_sentence_and_keep_it_open(
    qtbot: QtBot, name: str, key: str, problem: str
) -> None:
    save_own_classes([BLAST])
    dialog = opened(qtbot)
    add_row(dialog, name, key)
    dialog.accept()
    assert problem in dialog.problem.text()
    assert dialog.isVisible()
    assert dialog.result() == QDialog.DialogCode.Rejected
    assert dialog.table.currentRow() == 1
    assert load_own_classes() == (BLAST,)


def test_a_damaged_file_is_told_of_and_can_be_replaced(qtbot: QtBot) -> None:
    config_folder().mkdir(parents=True, exist_ok=True)
    (config_folder() / FILE_NAME).write_text("no JSON", encoding="utf-8")
    dialog = opened(qtbot)
    assert "Saving replaces the file" in dialog.problem.text()
    add_row(dialog, "blast", "k")
    dialog.accept()
    assert [c.name for c in load_own_classes()] == ["blast"]
