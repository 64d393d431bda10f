"""Corrections in a real viewer become a model, and the viewer's cells are classified by it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot

from napari_leukocyte.classification.inference import classify
from napari_leukocyte.learning.finetune import job as jobs
from napari_leukocyte.learning.finetune.job import TrainingProgress
from napari_leukocyte.models.registry import list_models
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.improve import widget as improve
from napari_leukocyte.ui.improve.head_tab import duration
from napari_leukocyte.ui.improve.widget import ImproveWidget
from napari_leukocyte.ui.layers import links
from tests.learning.head.colours import add_classifier, smear

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's models, with a classifier that mixes two classes up."""
    monkeypatch.setenv("NAPARI_LEUKOCYTE_EMBEDDINGS", str(tmp_path / "embeddings"))
    monkeypatch.setenv("NAPARI_LEUKOCYTE_FINETUNE", str(tmp_path / "jobs"))
    monkeypatch.setenv("NAPARI_LEUKOCYTE_MODELS", str(tmp_path / "models"))
    add_classifier(tmp_path / "models")
    return tmp_path / "models"


def add_field(viewer: napari.Viewer, seed: int) -> Session:
    """Add a classified photograph, every second cell of which was reviewed."""
    image, labels, truth = smear(seed)
    layer = viewer.add_image(image, name=f"field {seed}")
    session = links.session_of(layer)
    session.start_afresh(labels)
    manifest = next(m for m in list_models("classification") if m.name == "colours")
    session.set_predictions(classify(image, labels, "colours"), "colours", describe_model(manifest))
    for number, name in truth.items():
        if number % 2:
            session.set_class([number], name)
    return session


def open_widget(viewer: napari.Viewer) -> ImproveWidget:
    widget = ImproveWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Improve models")
    widget.head.model.choose("colours")
    return widget


def test_walk(viewer: napari.Viewer, qtbot: QtBot, models: Path) -> None:
    sessions = [add_field(viewer, seed) for seed in range(5)]
    widget = open_widget(viewer)
    head = widget.head
    begun = time.monotonic()
    head.fit_button.click()
    assert not head.fit_button.isEnabled()
    assert head.progress.cancel.isEnabled()
    qtbot.waitUntil(lambda: not head.busy, timeout=60_000)
    assert head.fitted is not None
    assert not head.fitted.result.refusals
    rows = {r[0]: r for r in head.own.rows()}
    assert set(rows) == {"neutrophil", "eosinophil", "lymphocyte", "balanced accuracy"}
    # Before is what the classifier said of these cells in the viewer.
    for name in ("neutrophil", "eosinophil", "lymphocyte"):
        tables = [t[t["reviewed"] & (t["class"] == name)] for t in (s.table() for s in sessions)]
        right = [said == name for t in tables for said in t["predicted"]]
        assert rows[name][1:2] == [str(len(right))]
        assert rows[name][2].startswith(f"{np.mean(right):.2f} ")
    # The time that is said is the user's, of which fitting is a small part.
    said = re.search(
        r"measured in ([\d.]+) s, of which the head itself took ([\d.]+) s", head.message
    )
    assert said is not None
    assert float(said[2]) <= float(said[1]) <= time.monotonic() - begun + 0.1
    assert float(rows["balanced accuracy"][2].split()[0]) < 0.8
    assert float(rows["balanced accuracy"][3].split()[0]) > 0.8
    assert head.verdict.text().startswith("<b>It may be taken")
    assert head.curve.series
    assert not head.accept_button.isEnabled()

    before = [s.table().set_index("label")["class"] for s in sessions]
    head.name.setText("ours")
    assert head.accept_button.isEnabled()
    with qtbot.waitSignal(head.accepted, timeout=60_000):
        head.accept_button.click()
    qtbot.waitUntil(lambda: not head.busy)
    assert "ours" in [m.name for m in list_models("classification")]
    assert head.model.model() is not None
    after = [s.table().set_index("label") for s in sessions]
    changed = sum(int((b != a["class"]).sum()) for b, a in zip(before, after, strict=True))
    shown = head.changes.rows()
    assert len(shown) == changed > 0
    assert all(s.classifier == "ours" for s in sessions)

    # A click on a change goes to the cell.
    head.changes.selectRow(0)
    session = next(s for s in sessions if s.name == shown[0][0])
    assert session.selection == {int(shown[0][1])}
    session.undo()
    assert session.classifier == "colours"


def test_times_are_told_in_words() -> None:
    assert [duration(s) for s in (0.42, 12.3, 89, 170)] == ["0.4 s", "12 s", "89 s", "3 min"]


def test_nothing_reviewed_is_said_in_one_sentence(
    viewer: napari.Viewer, qtbot: QtBot, models: Path
) -> None:
    image, labels, _ = smear(0)
    links.session_of(viewer.add_image(image)).start_afresh(labels)
    head = open_widget(viewer).head
    notification_manager.records.clear()
    head.fit()
    qtbot.waitUntil(lambda: not head.busy, timeout=30_000)
    (record,) = notification_manager.records
    assert "no reviewed cell" in record.message
    assert head.fitted is None


def test_fine_tuning_draws_its_curves_and_can_be_stopped(
    viewer: napari.Viewer, qtbot: QtBot, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = open_widget(viewer).finetune
    names = [tab.what.itemData(i) for i in range(tab.what.count())]
    assert {"unet-lite0", "colours"} <= set(names)
    plans: list[Any] = []

    def run(folder: Path, on_change: Callable[[TrainingProgress], None]) -> Path:
        curves = TrainingProgress()
        curves.take({"event": "begin", "epochs": 1000, "steps": 2})
        for epoch in range(1000):
            line = {"event": "epoch", "epoch": epoch, "loss": 1 / (1 + epoch), "val_loss": 0.5}
            curves.take({**line, "cell_iou": 0.9, "val_cell_iou": 0.8})
            on_change(curves)
            time.sleep(0.002)
        return folder

    def make_plan(*arguments: Any) -> Any:
        plans.append(arguments)
        return arguments

    monkeypatch.setattr(improve, "make_plan", make_plan)
    monkeypatch.setattr(improve, "open_dataset", lambda folder: folder)
    monkeypatch.setattr(jobs, "begin", lambda plan, folder: None)
    monkeypatch.setattr(jobs, "run", run)
    tab.folder.setText("somewhere")
    tab.name.setText("mine")
    tab.start_button.click()
    qtbot.waitUntil(lambda: len(tab.loss.series) == 2, timeout=10_000)
    assert not tab.start_button.isEnabled()
    tab.progress.cancel.click()
    qtbot.waitUntil(lambda: not tab.busy, timeout=10_000)
    assert "resume" in tab.message
    assert [s.name for s in tab.figure.series] == ["training", "validation"]
    assert plans[0][1:3] == (tab.what.currentData(), "mine")
