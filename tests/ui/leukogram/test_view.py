from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QLabel

from napari_leukocyte.counting.confusion import Confusion
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.presets import FIVE_PART
from napari_leukocyte.counting.reference import (
    DACIE_AND_LEWIS,
    Range,
    ReferenceRanges,
    find_ranges,
    list_ranges,
)
from napari_leukocyte.counting.settings import DifferentialSettings, recall_settings
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.ui.leukogram.settings_form import RangesDialog
from napari_leukocyte.ui.leukogram.view import LeukogramView, leukogram_tsv
from napari_leukocyte.ui.own_classes import classes_now, keep_preset
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES, written

COUNTS: dict[str | None, int] = {
    "neutrophil": 60,
    "eosinophil": 3,
    "lymphocyte": 30,
    "monocyte": 7,
}


def cells(counts: dict[str | None, int]) -> pd.DataFrame:
    return pd.DataFrame({"class": [n for n, k in counts.items() for _ in range(k)]})


@pytest.fixture
def view(qtbot: QtBot) -> LeukogramView:
    made = LeukogramView()
    qtbot.addWidget(made)
    return made


def test_table_shows_counts_and_limits(view: LeukogramView) -> None:
    view.show_table(cells({**COUNTS, "unidentified": 2, None: 4}))
    # Exact limits of 60, 3, 0, 30 and 7 of 100, from a table of the binomial distribution.
    assert view.table.texts() == [
        ["Neutrophil", "60", "60.0", "49.7 – 69.7"],
        ["Eosinophil", "3", "3.0", "0.6 – 8.5"],
        ["Basophil", "0", "0.0", "0.0 – 3.6"],
        ["Lymphocyte", "30", "30.0", "21.2 – 40.0"],
        ["Monocyte", "7", "7.0", "2.9 – 13.9"],
        ["Unidentified", "2", "–", "–"],
    ]
    text = view.summary.text()
    assert "n = 100" in text
    assert "2 unidentified cells, not in the count" in text
    assert "4 unclassified" in text
    assert DISCLAIMER in [w.text() for w in view.findChildren(QLabel)]
    assert not view.absolute.isVisibleTo(view)
    assert view.form.progress.text() == "100 of 100 cells"


def test_nothing_counted_is_no_zero_percent(view: LeukogramView) -> None:
    view.show_table(cells({"unidentified": 1}))
    assert view.table.texts()[0] == ["Neutrophil", "0", "–", "–"]
    assert "No cell has been counted yet." in view.form.answer.text()
    view.show_table(cells({None: 3}))
    assert view.table.rowCount() == 0
    assert view.leukogram is None
    assert "3 unclassified" in view.summary.text()


def test_ticks_decide_what_counts(view: LeukogramView, qtbot: QtBot) -> None:
    view.show_table(cells({"neutrophil": 6, "erythroblast": 3, "smudge cell": 2}))
    assert "50.0 per 100 leukocytes" in view.erythroblasts.text()
    with qtbot.waitSignal(view.settings_changed) as signal:
        view.table.tick("smudge cell", True)
    assert signal.args == [view.settings]
    assert "smudge cell" in view.settings.counted
    assert "n = 8" in view.summary.text()
    assert view.table.texts()[5][:3] == ["Smudge cell", "2", "25.0"]
    view.table.tick("neutrophil", False)
    assert view.table.texts()[0] == ["Neutrophil", "6", "–", "–"]
    assert "150.0 per 100" in view.erythroblasts.text()


def test_the_last_class_can_not_be_unticked(view: LeukogramView, told: list[str]) -> None:
    view.set_settings(DifferentialSettings(counted=("monocyte",)))
    view.show_table(cells({"monocyte": 2}))
    view.table.tick("monocyte", False)
    assert told == ["At least one class must count in the differential."]
    assert view.table.texts()[4][:3] == ["Monocyte", "2", "100.0"]


def test_ranges_and_total_bring_flags_and_absolute_counts(view: LeukogramView) -> None:
    view.show_table(cells(COUNTS | {"eosinophil": 30}))  # 30 of 127: limits 16.6 to 32.0 %
    form = view.form
    form.reference.setCurrentIndex(form.reference.findData(DACIE_AND_LEWIS.name))
    assert "Practical Haematology" in form.source.text()
    flags = {row[0]: row[-1] for row in view.table.texts()}
    assert flags == dict.fromkeys(map(written, LEUKOCYTE_NAMES), "") | {"Eosinophil": "▲ high"}
    form.leukocytes.setValue(1.0)
    assert view.absolute.isVisibleTo(view)
    rows = {row[0]: row[1:] for row in view.absolute.texts()}
    # 60 of 127 is 47.2 % (38.3 – 56.3), so that all of it is below 2.0.
    assert rows["Neutrophil"] == ["0.47", "0.38 – 0.56", "2 – 7", "▼ low"]
    assert rows["Eosinophil"][-1] == ""
    assert view.settings.leukocytes == 1.0
    form.leukocytes.setValue(0)
    assert view.settings.leukocytes is None
    assert not view.absolute.isVisibleTo(view)


def test_settings_are_remembered_but_for_the_total(view: LeukogramView, qtbot: QtBot) -> None:
    view.show_table(cells(COUNTS))
    view.form.target.setCurrentIndex(2)
    view.form.leukocytes.setValue(7.5)
    view.form.reference.setCurrentIndex(1)
    view.table.tick("basophil", False)
    kept = recall_settings()
    assert kept.target == 400
    assert kept.leukocytes is None
    assert kept.reference == DACIE_AND_LEWIS.name
    assert "basophil" not in kept.counted
    again = LeukogramView()
    qtbot.addWidget(again)
    assert again.settings == kept
    assert again.form.target.currentText() == "400"
    assert again.form.progress.text() == "0 of 400 cells"


def test_a_damaged_file_of_settings_is_told_and_left_alone(told: list[str], qtbot: QtBot) -> None:
    file = config_folder() / "differential.json"
    file.write_text("{")
    view = LeukogramView()
    qtbot.addWidget(view)
    assert view.settings == DifferentialSettings()
    assert told == [f"{file} is not whole JSON: it is damaged or cut off."]
    assert file.read_text() == "{"


def test_says_how_many_more_cells(view: LeukogramView) -> None:
    view.show_table(cells({"neutrophil": 92, "eosinophil": 8}))
    assert view.form.question.currentData() == "eosinophil"
    assert view.form.answer.text() == ("No: it takes 159 more cells, if eosinophils stay at 8.0 %.")
    view.form.share.setValue(8)
    assert "no number of cells" in view.form.answer.text()
    view.form.share.setValue(8.1)
    assert view.form.answer.text().startswith("No: it takes more than 5000 more cells")
    view.form.question.setCurrentIndex(view.form.question.findData("neutrophil"))
    assert view.form.answer.text() == "Yes: neutrophils, now 92.0 %, are above 8.1 %."
    view.form.share.setValue(99)
    assert view.form.answer.text() == "Yes: neutrophils, now 92.0 %, are below 99 %."


def test_copied_leukogram_is_read_back(view: LeukogramView) -> None:
    view.show_table(cells(COUNTS))
    figures = count(cells(COUNTS))
    view.copy()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == leukogram_tsv(figures)
    pasted = pd.read_csv(io.StringIO(clipboard.text()), sep="\t")
    pd.testing.assert_frame_equal(pasted, figures, check_dtype=False, atol=0.005)
    view.form.leukocytes.setValue(10)
    view.form.reference.setCurrentIndex(1)
    view.copy()
    pasted = pd.read_csv(io.StringIO(clipboard.text()), sep="\t")
    assert pasted["absolute"].iloc[0] == 6
    assert "absolute_flag" in pasted


def test_report_is_asked_of_the_host(view: LeukogramView, qtbot: QtBot) -> None:
    assert not view.report.isVisibleTo(view)
    view.offer_report()
    with qtbot.waitSignal(view.report_requested):
        view.report.click()


def test_own_ranges_are_made_from_shipped_ones_changed_and_deleted(qtbot: QtBot) -> None:
    dialog = RangesDialog(DACIE_AND_LEWIS)
    qtbot.addWidget(dialog)
    assert not dialog.delete.isEnabled()
    dialog.name.setText(DACIE_AND_LEWIS.name)
    dialog.accept()
    assert dialog.saved is None
    assert "give yours another name" in dialog.problem.text()
    dialog.name.setText("Ward 3")
    dialog.source.setText("Our 120 blood donors, 2025")
    first = dialog.table.item(0, 0)
    assert first is not None
    first.setText("many")
    dialog.accept()
    assert "'many' is not a number (neutrophil, from, %)." in dialog.problem.text()
    first.setText("45,5")
    last = dialog.table.item(0, 1)
    assert last is not None
    last.setText("")
    dialog.accept()
    found = find_ranges("Ward 3")
    assert found == dialog.saved
    assert found.percent["neutrophil"] == Range(45.5)
    assert found.percent["basophil"] == Range(0, 2)
    assert "immature granulocyte" not in found.percent
    again = RangesDialog(found)
    qtbot.addWidget(again)
    again.delete.click()
    assert "Ward 3" not in [r.name for r in list_ranges()]


def test_saved_ranges_are_chosen(
    view: LeukogramView, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    view.show_table(cells(COUNTS))

    def answer(dialog: RangesDialog) -> int:
        dialog.source.setText("Own")
        dialog.accept()
        return dialog.result()

    monkeypatch.setattr(RangesDialog, "exec", answer)
    view.form.edit.click()
    assert view.settings.reference == "My laboratory"
    assert view.form.ranges == ReferenceRanges("My laboratory", "Own")


def test_limits_hold_the_classifiers_errors_if_wanted(view: LeukogramView, qtbot: QtBot) -> None:
    asked: list[int] = []
    matrix = np.diag([900.0, 300.0, 100.0]) + 60

    def errors() -> Confusion:
        asked.append(1)
        return Confusion(("neutrophil", "lymphocyte", "monocyte"), matrix, "held out")

    table = cells({"neutrophil": 60, "lymphocyte": 40}).assign(reviewed=False)
    view.show_table(table, errors, source := object())
    plain = view.table.texts()
    view.errors.setChecked(True)
    assert "Working out" in view.said.text()
    qtbot.waitUntil(lambda: not view.limits.busy)
    rows = {row[0]: row for row in view.table.texts()}
    assert [row[:4] for row in view.table.texts()] == plain
    low, high = map(float, rows["Neutrophil"][4].split(" – "))
    counted = [float(x) for x in rows["Neutrophil"][3].split(" – ")]
    assert high - low > counted[1] - counted[0]
    # Of a class that the classifier can't give, nothing is known but the count.
    assert rows["Basophil"][4] == "–"
    assert "classifier's confusion on 100 cells" in view.said.text()
    view.copy()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    copied = pd.read_csv(io.StringIO(clipboard.text()), sep="\t").set_index("class")
    assert copied.loc["neutrophil", "errors_low"] == pytest.approx(low, abs=0.1)
    # Reviewed cells count as right; what is known of the errors is not asked for again.
    view.show_table(table.assign(reviewed=True), errors, source)
    qtbot.waitUntil(lambda: not view.limits.busy)
    narrow = [float(x) for x in view.table.texts()[0][4].split(" – ")]
    assert narrow[1] - narrow[0] < high - low
    assert len(asked) == 1
    view.show_table(table, lambda: None, object())
    qtbot.waitUntil(lambda: not view.limits.busy)
    assert "has no calibration" in view.said.text()
    view.show_table(table)
    assert "Nothing here was classified" in view.said.text()
    view.errors.setChecked(False)
    assert view.table.texts() == plain


def test_the_extended_differential_is_offered_and_summed(view: LeukogramView, qtbot: QtBot) -> None:
    other = LeukogramView()
    qtbot.addWidget(other)
    box = view.form.preset
    assert box.currentData() == "five-part"
    assert "artefact" not in [c.name for c in classes_now()]
    box.setCurrentIndex(box.findData("extended"))
    box.activated.emit(box.currentIndex())
    assert other.form.preset.currentData() == "extended"
    assert [c.name for c in classes_now()][:2] == ["segmented neutrophil", "band neutrophil"]
    assert {"band neutrophil", "blast"} <= set(view.settings.counted)
    assert {"band neutrophil", "blast"} <= set(recall_settings().counted)
    assert "artefact" not in view.settings.counted
    view.form.reference.setCurrentIndex(1)
    view.form.leukocytes.setValue(6.0)
    view.show_table(
        cells({"neutrophil": 2, "segmented neutrophil": 50, "band neutrophil": 8, "lymphocyte": 40})
    )
    rows = {row[0]: row for row in view.table.texts()}
    assert rows["All neutrophils"][:3] == ["All neutrophils", "60", "60.0"]
    assert rows["All neutrophils"][4:] == ["40 – 80", ""]
    # The range of neutrophils is not one of the two that are still to be divided.
    assert rows["Neutrophil"][4:] == ["", ""]
    assert [row[1] for row in view.absolute.texts() if row[0] == "All neutrophils"] == ["3.60"]
    view.form.question.setCurrentIndex(view.form.question.findData("neutrophil"))
    assert "neutrophils, now 60.0 %" in view.form.answer.text()
    # Back again: what was found still counts, and a sum has no box to tick.
    keep_preset(FIVE_PART)
    assert box.currentData() == "five-part"
    assert "band neutrophil" in view.settings.counted
    view.table.tick("All neutrophils", False)
    assert "n = 100" in view.summary.text()
