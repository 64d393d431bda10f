"""The entries in the Help menu: there with the workbench, gone with it, and telling the truth."""

from __future__ import annotations

from typing import Any

import napari
from qtpy.QtGui import QGuiApplication

from napari_leukocyte import __version__
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.ui.workbench.help import (
    AboutDialog,
    KeySheet,
    diagnostics,
    installed_models,
    key_groups,
)
from napari_leukocyte.ui.workbench.widget import Workbench


def test_the_menu_goes_with_the_workbench(viewer: napari.Viewer, qtbot: Any) -> None:
    menu: Any = viewer.window.help_menu
    before = [a.text() for a in menu.actions()]
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, name="Leukocyte workbench")
    now = [a.text() for a in menu.actions()]
    assert [t for t in now if t not in before] == [
        "Leukocyte tour",
        "Leukocyte keys",
        "About napari-leukocyte…",
    ]
    viewer.window.remove_dock_widget(bench)
    bench.deleteLater()
    qtbot.waitUntil(lambda: [a.text() for a in menu.actions()] == before)


def test_about_and_diagnostics_name_version_and_models(qtbot: Any) -> None:
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    said = diagnostics()
    assert f"napari-leukocyte: {__version__}" in said
    for model in installed_models():
        assert model.members[0].sha256[:12] in said
        assert model.name in dialog.text.toPlainText()
        assert all(each in dialog.text.toPlainText() for each in model.training_data)
    assert "For research use only" in dialog.text.toPlainText()
    dialog.copy.click()
    clipboard: Any = QGuiApplication.clipboard()
    assert clipboard.text() == said


def test_the_sheet_has_every_key_once_in_its_place(qtbot: Any) -> None:
    groups = key_groups()
    for group in groups:
        keys = [key for key, _ in group.keys]
        assert len(keys) == len(set(keys)), group.place
    with_keys = [c for c in classes_now() if c.key]
    assert len(groups[0].keys) == len(with_keys)
    sheet = KeySheet()
    qtbot.addWidget(sheet)
    text = sheet.text.toPlainText()
    assert all(what in text for group in groups for _, what in group.keys)
