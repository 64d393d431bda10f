from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_leukocyte.counting.agreement import draw_blind
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.segmentation import ensemble
from napari_leukocyte.session.store import SessionInUse, open_session
from napari_leukocyte.ui.classify.runner import REST_MS
from napari_leukocyte.ui.classify.widget import ClassifyWidget
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.smear.field_list import LINE_ROLE
from napari_leukocyte.ui.smear.widget import SmearWidget
from tests.analysis.smear.fields import find_dark
from tests.ui.smear.steps import (
    LEFT,
    LONGEST,
    QTEST,
    analyse,
    approve_shown,
    open_folder,
    settle,
)


class Gate:
    """Lets as many runs through as it is told to; the others wait until they are cancelled."""

    def __init__(self) -> None:
        self.calls = self.allowed = 0

    def __call__(
        self, image: Any, model: str = "default", diameter: Any = "auto", progress: Any = None
    ) -> Any:
        self.calls += 1
        number = self.calls
        while number > self.allowed:
            time.sleep(0.005)
            progress(0, 1, "Segmenting")
        return find_dark(image, model, diameter, progress)


def lines(widget: SmearWidget) -> list[str]:
    model = widget.form.model
    return [model.index(row).data(LINE_ROLE) for row in range(model.rowCount())]


def names(widget: SmearWidget) -> list[str]:
    return [layer.name for layer in widget.viewer.layers]


def press(widget: SmearWidget, key: Qt.Key, qtbot: QtBot, modifier: Any = None) -> None:
    """Press a key while the canvas has the focus."""
    canvas = widget.viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    QTEST.keyClick(canvas, key, modifier or Qt.KeyboardModifier.NoModifier)
    settle(widget, qtbot)


def test_a_smear_goes_from_open_to_signed_off_report(
    smear: SmearWidget,
    folder: Path,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
    make_napari_viewer: Callable[..., napari.Viewer],
) -> None:
    form = smear.form
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    asked: list[str] = []
    answers = [no]

    def ask(parent: Any, title: str, question: str, *_: Any) -> Any:
        asked.append(question)
        return answers[-1]

    monkeypatch.setattr(QMessageBox, "question", ask)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    QTEST.mouseClick(form.open_folder, LEFT)
    settle(smear, qtbot)
    assert lines(smear) == ["new", "new", "new", "can't be read"]
    assert names(smear) == ["field 1.png"]

    analyse(smear, qtbot)
    assert [line.partition(",")[0] for line in lines(smear)[:3]] == ["segmented"] * 3
    assert "field 4.png" in form.status.text()
    # The shown field has its layers, and its work came from the background.
    assert names(smear) == [
        "field 1.png",
        "field 1.png leukocytes",
        "field 1.png objects",
    ]
    assert smear.session is not None
    assert len(smear.session.table()) == 3
    assert form.tabs.tabText(0) == "All fields (n = 10)"
    assert form.tabs.tabText(1) == "This field (n = 3)"

    QTEST.keyClicks(form.reader, "Ada Field")
    approve_shown(smear)
    settle(smear, qtbot)
    assert lines(smear)[0] == "3 of 3 reviewed"
    QTEST.mouseClick(form.sign_field, LEFT)
    settle(smear, qtbot)
    assert lines(smear)[0] == "signed off by Ada Field"
    QTEST.mouseClick(form.sign_smear, LEFT)
    settle(smear, qtbot)
    assert form.signed.text().startswith(
        "⚠ 2 of 3 fields have to be finished before the sign-off: field 2.png (5 cells not"
    )
    assert smear.smear is not None
    assert smear.smear.signed_off is None

    for row in (1, 2):
        QTEST.mouseClick(form.next_open, LEFT)
        settle(smear, qtbot)
        assert smear.shown_row == row
        approve_shown(smear)
        settle(smear, qtbot)
    # Below the target it is asked, with the numbers; with No nothing is signed.
    QTEST.mouseClick(form.sign_smear, LEFT)
    settle(smear, qtbot)
    assert smear.smear.signed_off is None
    assert len(asked) == 1
    assert "10 cells are counted; the target is 100" in asked.pop()
    answers.append(yes)
    # The last field to be signed off completes the count; the smear does not ask again.
    QTEST.mouseClick(form.sign_field, LEFT)
    settle(smear, qtbot)
    assert lines(smear)[2] == "signed off by Ada Field"
    assert not asked
    QTEST.mouseClick(form.previous, LEFT)
    settle(smear, qtbot)
    QTEST.mouseClick(form.sign_field, LEFT)
    settle(smear, qtbot)
    assert len(asked) == 1
    QTEST.mouseClick(form.sign_smear, LEFT)
    settle(smear, qtbot)
    assert len(asked) == 1
    assert "signed off by <b>Ada Field</b>" in form.signed.text()
    assert "field 4.png" in form.signed.text()

    report = tmp_path / "report.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(report), ""))
    form.report_smear.trigger()
    settle(smear, qtbot)
    text = report.read_text(encoding="utf-8")
    assert "Ada Field" in text
    assert "3 fields" in text
    assert report.as_uri() in form.status.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    QTEST.mouseClick(form.save, LEFT)
    settle(smear, qtbot)
    assert (tmp_path / "out" / "leukogram.csv").is_file()
    assert (tmp_path / "out" / "field 3" / "labels.tif").is_file()

    # Another window, as after a restart: the field that is shown here is closed first.
    smear.leave()
    viewer = make_napari_viewer(strict_qt="raise")
    again = SmearWidget(viewer)
    viewer.window.add_dock_widget(again)
    open_folder(again, folder, qtbot)
    assert lines(again)[:3] == ["signed off by Ada Field"] * 3
    assert "Ada Field" in again.form.signed.text()
    assert again.form.reader.text() == "Ada Field"
    assert again.session is not None
    assert again.session.review_progress == (3, 3)
    # Anything that changes takes the sign-off of the field and of the smear back.
    again.session.set_class([int(again.session.table()["label"][0])], "unidentified")
    qtbot.waitUntil(lambda: again.smear is not None and again.smear.signed_off is None)
    settle(again, qtbot)
    assert "field 1.png was changed" in told[-1]
    assert lines(again)[0] == "3 of 3 reviewed"
    again.leave()


def test_one_key_turns_the_page(smear: SmearWidget, folder: Path, qtbot: QtBot) -> None:
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    first = smear.session
    assert first is not None
    press(smear, Qt.Key.Key_PageDown, qtbot)
    assert smear.shown_row == 1
    # Nothing of the former field is left, and others can open it now.
    assert names(smear)[0] == "field 2.png"
    assert not [n for n in names(smear) if n.startswith("field 1")]
    assert not first.is_persisted
    open_session(first.rgb, "elsewhere").close()
    press(smear, Qt.Key.Key_PageDown, qtbot)
    assert smear.shown_row == 2
    # The last one is damaged, and passed over.
    press(smear, Qt.Key.Key_PageDown, qtbot)
    assert smear.shown_row == 2
    press(smear, Qt.Key.Key_PageUp, qtbot)
    assert smear.shown_row == 1
    approve_shown(smear)
    press(smear, Qt.Key.Key_PageDown, qtbot, Qt.KeyboardModifier.ShiftModifier)
    assert smear.shown_row == 2
    approve_shown(smear)
    press(smear, Qt.Key.Key_PageDown, qtbot, Qt.KeyboardModifier.ShiftModifier)
    assert smear.shown_row == 0
    # In the widget the same keys do the same.
    smear.viewer.window._qt_window.activateWindow()
    qtbot.waitUntil(smear.isActiveWindow)
    smear.form.fields.setFocus()
    QTEST.keyClick(smear.form.fields, Qt.Key.Key_PageDown)
    settle(smear, qtbot)
    assert smear.shown_row == 1
    # Pressed quickly, the last one counts.
    canvas = smear.viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    QTEST.keyClick(canvas, Qt.Key.Key_PageUp)
    QTEST.keyClick(canvas, Qt.Key.Key_PageDown)
    QTEST.keyClick(canvas, Qt.Key.Key_PageDown)
    settle(smear, qtbot)
    assert smear.shown_row == 2
    assert len([layer for layer in smear.viewer.layers if isinstance(layer, Image)]) == 1


def test_click_on_a_field_shows_it_and_strokes_are_there_on_return(
    smear: SmearWidget, folder: Path, qtbot: QtBot
) -> None:
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    viewer, session = smear.viewer, smear.session
    assert session is not None
    labels = links.labels_layer_of(viewer, session)
    assert labels is not None
    labels.paint((150, 60), session.next_label)
    before = session.labels.copy()

    def click(row: int) -> None:
        view = smear.form.fields
        place = view.visualRect(smear.form.model.index(row)).center()
        viewport = view.viewport()
        assert viewport is not None
        QTEST.mouseClick(viewport, LEFT, Qt.KeyboardModifier.NoModifier, place)
        settle(smear, qtbot)

    click(2)
    assert smear.shown_row == 2
    assert lines(smear)[0] == "segmented, 4 cells"
    click(0)
    assert smear.session is not None
    assert smear.session is not session
    np.testing.assert_array_equal(smear.session.labels, before)
    (labels,) = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    np.testing.assert_array_equal(labels.data, before)
    assert objects_view_of(viewer, smear.session) is not None
    click(3)
    assert smear.shown_row == 0


def test_cells_that_are_drawn_get_a_class(smear: SmearWidget, folder: Path, qtbot: QtBot) -> None:
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    viewer, session = smear.viewer, smear.session
    assert session is not None
    number = session.next_label

    def classified() -> bool:
        table = session.table()
        return bool(table["class"][table["label"] == number].notna().all()) and not smear.busy

    labels = links.labels_layer_of(viewer, session)
    assert labels is not None
    labels.paint((150, 60), number)
    assert not classified()
    qtbot.waitUntil(classified, timeout=LONGEST)
    session.undo()
    assert number not in set(session.table()["label"])
    # Who has the widget for it open decides there.
    classify = ClassifyWidget(viewer)
    viewer.window.add_dock_widget(classify, name="Classify")
    classify.form.automatic.setChecked(False)
    number = session.next_label
    labels.paint((150, 60), number)
    qtbot.wait(3 * REST_MS)
    assert not classified()


def test_analysis_goes_on_while_a_field_is_reviewed_and_can_be_stopped(
    smear: SmearWidget, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(ensemble, "segment_members", gate)
    open_folder(smear, folder, qtbot)
    QTEST.mouseClick(smear.form.analyse, LEFT)
    qtbot.waitUntil(lambda: gate.calls == 1)
    qtbot.waitUntil(lambda: lines(smear)[0] == "being analysed …")
    # The reader draws in the very field that is being analysed, and turns pages.
    session = smear.session
    assert session is not None
    drawn = np.zeros(session.labels.shape, np.int32)
    drawn[150:175, 5:30] = 1
    session.accept_edit(drawn)
    smear.step(1)
    qtbot.waitUntil(lambda: smear.shown_row == 1)
    smear.step(-1)
    qtbot.waitUntil(lambda: smear.shown_row == 0)
    session = smear.session
    assert session is not None
    gate.allowed = 1
    qtbot.waitUntil(lambda: session.classifier is not None, timeout=20_000)
    assert len(session.table()) == 4
    assert session.table()["class"].notna().all()
    qtbot.waitUntil(lambda: gate.calls == 2, timeout=20_000)
    assert smear.form.analyse.text() == "Cancel the analysis"
    qtbot.waitUntil(lambda: "analysed 1 of 3" in smear.form.summary.text())
    QTEST.mouseClick(smear.form.analyse, LEFT)
    settle(smear, qtbot)
    assert "Cancelled" in smear.form.status.text()
    assert lines(smear)[0] == "segmented, 4 cells"
    assert lines(smear)[2] == "new"


def test_removed_layer_lets_go_of_the_field(smear: SmearWidget, folder: Path, qtbot: QtBot) -> None:
    open_folder(smear, folder, qtbot)
    assert smear.session is not None
    rgb = smear.session.rgb
    with pytest.raises(SessionInUse):
        open_session(rgb, "elsewhere")
    smear.viewer.layers.clear()
    settle(smear, qtbot)
    assert smear.session is None
    open_session(rgb, "elsewhere").close()
    # And the list brings it back.
    smear.go(0)
    settle(smear, qtbot)
    assert names(smear) == ["field 1.png"]


def test_settings_of_the_count_belong_to_the_smear(
    smear: SmearWidget, folder: Path, qtbot: QtBot
) -> None:
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    target = smear.form.smear_leukogram.form.target
    target.setCurrentIndex(target.findData("400"))
    assert smear.form.field_leukogram.settings.target == 400
    assert smear.smear is not None
    assert smear.smear.settings is not None
    assert smear.smear.settings.target == 400


def test_what_is_read_blindly_is_counted_and_reported_later(
    smear: SmearWidget, folder: Path, qtbot: QtBot
) -> None:
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    session, form = smear.session, smear.form
    assert session is not None
    labels = session.table()["label"].tolist()
    tabs = [form.tabs.tabText(i) for i in (0, 1)]
    session.begin_blind(draw_blind(labels, 1.0, 0))
    settle(smear, qtbot)
    assert form.field_leukogram.leukogram is None
    assert f"{len(labels)} cells read blindly, not counted" in form.summary.text()
    assert form.tabs.tabText(0) != tabs[0]
    index = form.model.index(0)
    assert f"{len(labels)} read blindly" in form.model.data(index, Qt.ItemDataRole.ToolTipRole)
    form.report_field.trigger()
    assert "during its blind read" in str(notification_manager.records[-1].message)
    session.end_blind()
    settle(smear, qtbot)
    assert [form.tabs.tabText(i) for i in (0, 1)] == tabs


def test_folder_without_images_is_one_sentence(
    smear: SmearWidget, tmp_path: Path, qtbot: QtBot, told: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    open_folder(smear, tmp_path / "empty", qtbot)
    assert "holds no image" in told[-1]
    assert smear.smear is None
    assert smear.form.open_folder.isEnabled()


def test_a_user_s_own_layers_stay(smear: SmearWidget, folder: Path, qtbot: QtBot) -> None:
    mine = smear.viewer.add_image(read_image(folder / "field 2.png"), name="mine")
    open_folder(smear, folder, qtbot)
    smear.step(1)
    settle(smear, qtbot)
    assert mine in smear.viewer.layers
    assert names(smear) == ["mine", "field 2.png"]
