"""The tour: every step waits for the user, and the sample's wrong cell is pointed out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pytestqt.qtbot import QtBot

from napari_leukocyte.samples.synthetic import sample_smear
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.workbench.tour import TOUR, wrong_cells
from napari_leukocyte.ui.workbench.widget import Workbench
from tests.ui.workbench.test_widget import bench as bench


def test_the_sample_s_wrong_cell_is_found() -> None:
    smear = sample_smear()
    session = Session(smear.image)
    session.edit_labels(lambda _: smear.labels, "Draw")
    numbers = sorted(smear.classes)
    said = [smear.classes[n] for n in numbers]
    said[4] = "basophil"
    table = pd.DataFrame({"label": numbers, "class": said, "confidence": 0.9})
    session.set_predictions(table, "any", {})
    assert wrong_cells(session, smear) == {numbers[4]: smear.classes[numbers[4]]}
    assert wrong_cells(Session(np.zeros((20, 20, 3), np.uint8)), smear) == {}


def test_each_step_waits_until_it_is_done(bench: Workbench, qtbot: QtBot) -> None:
    bench.start_tour()
    tour: Any = bench.tour
    assert bench.front == "segment"
    assert "Run" in bench.panel.text.text()
    assert not bench.foot.isVisible()
    bench.page("segment").run()
    qtbot.waitUntil(lambda: tour.number == 1, timeout=60_000)
    assert str(bench.front) == "review"
    session: Any = bench.session
    table = session.table()
    label, said = int(table["label"].iloc[0]), table["class"].iloc[0]
    qtbot.wait(600)
    assert tour.number == 1
    session.set_class([label], "basophil" if said != "basophil" else "monocyte")
    qtbot.waitUntil(lambda: tour.number == 2)
    session.edit_labels(lambda labels: np.where(labels == label, 0, labels), "Split 1 cell")
    qtbot.waitUntil(lambda: tour.number == 3)
    session.approve(session.table()["label"])
    qtbot.waitUntil(lambda: tour.number == 4)
    session.mark_saved()
    qtbot.waitUntil(lambda: tour.number == 5)
    bench.page("export").exported.emit()
    qtbot.waitUntil(lambda: tour.number == len(TOUR))
    assert "your own photographs" in bench.panel.text.text()
    bench.panel.ended.emit()
    assert not bench.panel.isVisible()
    assert bench.tour is None
