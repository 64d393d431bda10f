"""The map of a whole smear: fields that are not open are on it, and get classes through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.classification import embedding
from napari_leukocyte.classification.embedding import features_of
from napari_leukocyte.interpretation.embedding_map import making
from napari_leukocyte.models.registry import FOLDER_VARIABLE
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.ui.embedding_map import shown as shown_map
from napari_leukocyte.ui.embedding_map.across_images import SmearField
from napari_leukocyte.ui.embedding_map.form import HERE, SMEAR
from napari_leukocyte.ui.embedding_map.widget import CellMapWidget
from napari_leukocyte.ui.smear.widget import SmearWidget
from tests.analysis.smear.conftest import networks as quick  # noqa: F401 - a fixture
from tests.interpretation.networks import write_classifier
from tests.ui.embedding_map.test_widget import field
from tests.ui.smear.conftest import LONGEST
from tests.ui.smear.conftest import smear as smear
from tests.ui.smear.steps import analyse, open_folder, settle

pytest.importorskip("onnx")


def test_the_cells_of_all_fields_are_mapped_and_classified(
    smear: SmearWidget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setenv(embedding.FOLDER_VARIABLE, str(tmp_path / "embeddings"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    write_classifier(tmp_path / "models" / "colours")
    monkeypatch.setattr(shown_map, "features_of", lambda _: features_of("colours"))
    making.forget()
    for number in range(3):
        (tmp_path / "fields").mkdir(exist_ok=True)
        write_png(tmp_path / "fields" / f"{number}.png", field(3, 4, number)[0])
    cell_map = CellMapWidget(smear.viewer)
    smear.viewer.window.add_dock_widget(cell_map, name="Map", area="left")
    scope = cell_map.form.scope
    assert scope.findData(SMEAR) < 0
    open_folder(smear, tmp_path / "fields", qtbot)
    analyse(smear, qtbot)
    scope.setCurrentIndex(scope.findData(SMEAR))
    qtbot.waitUntil(lambda: cell_map.shown is not None and cell_map.settled, timeout=LONGEST)
    shown: Any = cell_map.shown
    assert len(shown) == 36
    # Cells of a field that is not open, and of the one that is, in one lasso.
    rows = [
        row
        for row in range(len(shown))
        if shown.cell(row)[0].field in (0, 2) and shown.cell(row)[1].place.label == 1
    ]
    assert len(rows) == 2
    cell_map.acts.select(rows)
    assert cell_map.acts.selected_rows() == rows
    cell_map.acts.classify("basophil")
    paths = smear.smear.paths if smear.smear is not None else ()
    for index in (0, 2):
        said: Any = read_field(paths[index]).table().set_index("label")
        assert said.loc[1, ["class", "source"]].tolist() == ["basophil", "reader"]
    assert smear.session is not None
    assert smear.session.assigned[1] == "basophil"
    qtbot.waitUntil(lambda: shown.classes[rows[1]] == "basophil", timeout=LONGEST)
    now: Any = cell_map.shown
    assert now is shown  # a class is no reason for another map
    cell_map.acts.step_back()
    assert read_field(paths[2]).table()["source"].tolist() == ["model"] * 12
    # A cell leads to its field, and is in the middle of it.
    source, cell = shown.cell(rows[1])
    assert isinstance(source, SmearField)
    cell_map.acts.go_to(rows[1])
    settle(smear, qtbot)
    assert smear.shown_row == 2
    opened: Any = smear.session
    qtbot.waitUntil(lambda: opened.selection == frozenset({cell.place.label}), timeout=LONGEST)
    y, x = smear.viewer.scene.camera.center[-2:]
    assert abs(y - cell.place.y) < 1
    assert abs(x - cell.place.x) < 1
    scope.setCurrentIndex(scope.findData(HERE))
    qtbot.waitUntil(lambda: cell_map.shown is not shown and cell_map.settled, timeout=LONGEST)
    assert cell_map.shown is None or len(cell_map.shown) == 12
