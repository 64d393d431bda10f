"""The *Export annotations* dock, as a user works with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.formats import convert
from napari_leukocyte.counting.agreement import draw_blind
from napari_leukocyte.ui import jobs
from napari_leukocyte.ui.export.form import FOLDER, NAMED, TOGETHER
from napari_leukocyte.ui.export.widget import ExportWidget
from napari_leukocyte.ui.layers.links import session_of, show_labels
from tests.analysis.smear.fields import make_folder
from tests.annotations.dataset.worked import files_of, work_on

LONGEST = 60_000
QTEST: Any = QTest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three photographs that were worked on."""
    folder = make_folder(tmp_path / "smear 7")
    for path in sorted(folder.iterdir()):
        work_on(path)
    return folder


@pytest.fixture
def docked(make_napari_viewer: Callable[..., napari.Viewer]) -> ExportWidget:
    """Return the widget, docked."""
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    widget = ExportWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Export annotations")
    return widget


def _press(widget: ExportWidget, qtbot: QtBot, button: str = "export") -> None:
    QTEST.mouseClick(getattr(widget.form, button), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.busy, timeout=LONGEST)


def _choose(box: Any, value: str) -> None:
    box.setCurrentIndex(box.findData(value))


def _open(widget: ExportWidget, path: Path) -> Any:
    layer = widget.viewer.open(path, plugin="napari")[0]
    session_of(layer)
    return layer


def test_the_open_image_is_exported_and_checked(
    docked: ExportWidget, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    form = docked.form
    layer = _open(docked, folder / "field 2.png")
    session = session_of(layer)
    session.reader = "Bo"
    first = session.table()["label"].tolist()[0]
    session.set_class([first], "basophil")
    to = tmp_path / "dataset"
    # As every dock does that has made a session. All is reviewed: there is nothing to leave out.
    show_labels(docked.viewer, session, layer)
    assert not form.only_reviewed.isChecked()
    labels = session.table()["label"].tolist()
    number = len(labels)
    session.clear_class(labels[1:])
    qtbot.waitUntil(form.only_reviewed.isChecked)
    assert form.left_out.text().startswith(f"Leaves out {number - 1} of {number} cells")
    QTEST.mouseClick(form.only_reviewed, Qt.MouseButton.LeftButton)
    assert form.left_out.text().startswith(f"{number - 1} of {number} cells")
    # What the user has chosen stays, whatever is reviewed next.
    session.set_class(labels[1:2], "basophil")
    qtbot.waitUntil(lambda: form.left_out.text().startswith(f"{number - 2} of {number} cells"))
    assert not form.only_reviewed.isChecked()
    form.to.setText(str(to))
    form.licence.setCurrentText("CC-BY-4.0")
    _choose(form.group, NAMED)
    form.group_name.setText("smear 7 of person 12")
    _press(docked, qtbot)
    assert docked.message == "Version 1: 1 added."
    report = form.report.toPlainText()
    assert "  added: field_2" in report
    assert "Version 1: sound (" in report
    dataset = open_dataset(to)
    image = dataset.images[0]
    assert (image.group, dataset.licence) == ("smear 7 of person 12", "CC-BY-4.0")
    assert np.array_equal(dataset.read_labels(image), session.labels)
    row = dataset.objects().set_index("label").loc[first]
    assert (row["class"], row["who"]) == ("basophil", "Bo")
    assert image.image is not None
    assert image.image.read_bytes() == (folder / "field 2.png").read_bytes()
    # Again, and nothing has changed; the form knows what is there.
    _press(docked, qtbot)
    assert docked.message == "Nothing changed: version 1 stays the newest."


def test_what_is_read_blindly_is_exported_later(
    docked: ExportWidget, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    form = docked.form
    session = session_of(_open(docked, folder / "field 2.png"))
    number = len(session.table())
    session.begin_blind(draw_blind(session.table()["label"], 1.0, 0))
    form.to.setText(str(tmp_path / "dataset"))
    refused = "can't be saved, exported or reported during its blind read"
    waits = f"“{session.name}” {refused}: {number} cells"
    _press(docked, qtbot)
    assert str(notification_manager.records[-1].message).startswith(waits)
    assert not (tmp_path / "dataset").exists()
    # Of a folder, the other photographs are.
    _choose(form.what, FOLDER)
    form.folder.setText(str(folder))
    _press(docked, qtbot)
    assert docked.message == "Version 1: 2 added."
    assert "“field 2.png” can't be saved, exported or reported during" in form.report.toPlainText()
    session.end_blind()
    _press(docked, qtbot)
    assert docked.message == "Version 2: 1 added, 2 unchanged."


def test_a_folder_is_exported_with_its_name_as_the_group(
    docked: ExportWidget, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    form = docked.form
    _choose(form.what, FOLDER)
    form.folder.setText(str(folder))
    _choose(form.group, TOGETHER)
    form.to.setText(str(tmp_path / "dataset"))
    _press(docked, qtbot)
    dataset = open_dataset(tmp_path / "dataset")
    assert [i.group for i in dataset.images] == ["smear 7"] * 3
    assert len({i.side for i in dataset.images}) == 1
    assert docked.message == "Version 1: 3 added."
    _press(docked, qtbot, "check")
    assert docked.message.startswith("Version 1: sound")


def test_the_folder_of_the_open_image_is_suggested(docked: ExportWidget, folder: Path) -> None:
    _open(docked, folder / "field 1.png")
    assert docked.form.folder.text() == str(folder)


def test_other_formats_say_what_they_lose(
    docked: ExportWidget,
    folder: Path,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    form = docked.form
    _open(docked, folder / "field 1.png")
    _choose(form.format, "voc")
    assert form.losses.text()
    assert not form.details.isVisible()
    to = tmp_path / "voc"
    form.to.setText(str(to))
    _press(docked, qtbot)
    assert "1 photograph with 2 cells written." in docked.message
    assert "has no place for" in form.report.toPlainText()
    assert len(convert.read(to)[0].table) == 2
    # What is there is only replaced if the user says so.
    before = files_of(to)
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    _press(docked, qtbot)
    assert files_of(to) == before
    _press(docked, qtbot)
    assert not answers
    assert "written" in docked.message


def test_an_export_can_be_cancelled(
    docked: ExportWidget,
    folder: Path,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    form = docked.form
    _choose(form.what, FOLDER)
    form.folder.setText(str(folder))
    to = tmp_path / "dataset"
    form.to.setText(str(to))
    QTEST.mouseClick(form.export, Qt.MouseButton.LeftButton)
    assert not form.export.isEnabled()
    assert docked.progress.cancel.isEnabled()
    QTEST.mouseClick(docked.progress.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not docked.busy, timeout=LONGEST)
    assert docked.message.startswith("Cancelled")
    assert not list(to.glob("versions/*"))
    assert form.export.isEnabled()


def test_what_is_missing_is_asked_for(
    docked: ExportWidget, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(jobs, "tell", lambda error: told.append(str(error)))
    docked.export()
    layer = docked.viewer.add_image(np.zeros((20, 30, 3), np.uint8), name="new", rgb=True)
    docked.export()
    session_of(layer)
    docked.export()
    _choose(docked.form.group, NAMED)
    docked.export()
    _choose(docked.form.what, FOLDER)
    docked.form.folder.setText("")
    docked.export()
    assert told == [
        "Open an image first.",
        "Nothing was done with “new” yet: segment it first.",
        "Choose a folder to export to first.",
        "Give the group a name, or choose another way to group.",
        "Choose the folder of photographs first.",
    ]


def test_a_dataset_is_brought_back(
    docked: ExportWidget,
    folder: Path,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    form, to = docked.form, tmp_path / "dataset"
    _choose(form.what, FOLDER)
    form.folder.setText(str(folder))
    form.to.setText(str(to))
    _press(docked, qtbot)
    before = read_field(folder / "field 1.png").table()
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(to))
    _press(docked, qtbot, "reopen")
    assert docked.message == "The work on 3 of 3 photographs is back."
    after = read_field(folder / "field 1.png").table()
    assert after["class"].tolist() == before["class"].tolist()
    assert "left alone" not in form.report.toPlainText()


def test_a_failure_is_told_in_one_sentence(
    docked: ExportWidget, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    form = docked.form
    _choose(form.what, FOLDER)
    form.folder.setText(str(folder))
    form.to.setText(str(folder))
    _press(docked, qtbot)
    assert "is not empty and holds no dataset" in docked.message
