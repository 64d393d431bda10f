from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import napari
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices

from napari_leukocyte.models import registry
from napari_leukocyte.models.manifest import Kind
from napari_leukocyte.ui.classify.widget import ClassifyWidget
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.segment.widget import SegmentWidget
from napari_leukocyte.vocabulary import DISCLAIMER

FIGURES = {
    "held_out": {"bccd": {"foreground_iou": 0.9269, "foreground_iou_95": [0.919, 0.934]}},
    "left_out": {"bccd": {"foreground_iou": 0.871}},
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's models, with a sound one and damaged ones."""
    folder = tmp_path / "own"
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(folder))
    write(folder / "mine", figures=FIGURES, fails=["Smudge cells."])
    write(folder / "future", schema=99)
    (write(folder / "torn") / "m.onnx").write_bytes(b"half")
    return folder


def write(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "m.onnx").write_bytes(b"never run")
    sha256 = hashlib.sha256(b"never run").hexdigest()
    member = {"name": "m", "file": "m.onnx", "sha256": sha256, "diameter_px": 64}
    manifest = {
        **{"schema": 1, "kind": "segmentation", "name": folder.name, "members": [member]},
        **{"title": "<b>Bold</b> <img src='file:///etc/passwd'>", "training_data": ["bccd"]},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    return folder


@pytest.fixture
def choice(qtbot: QtBot, own: Path) -> ModelChoice:
    widget = ModelChoice("segmentation")
    qtbot.addWidget(widget)
    return widget


def entries(choice: ModelChoice) -> dict[str, bool]:
    """Return the texts of the list, and whether each can be chosen."""
    model = choice.box.model()
    assert model is not None
    rows = range(choice.box.count())
    usable = [bool(model.flags(model.index(i, 0)) & Qt.ItemFlag.ItemIsEnabled) for i in rows]
    return {choice.box.itemText(i): usable[i] for i in rows}


def test_models_are_listed_with_their_figures(choice: ModelChoice) -> None:
    listed = entries(choice)
    default = registry.default_name("segmentation")
    first = next(iter(listed))
    assert first.startswith(f"{default} · IoU 0.9")
    assert listed["mine · IoU 0.93, 0.87 elsewhere"]
    assert listed["future · can't be used"] is listed["torn · can't be used"] is False
    reason = choice.box.itemData(choice.box.findText("torn", Qt.MatchFlag.MatchStartsWith), 3)
    assert "wrong checksum" in reason
    chosen = choice.model()
    assert chosen is not None
    assert chosen.name == default


def test_wanted_model_is_chosen_if_there_is_one(qtbot: QtBot, own: Path) -> None:
    for wanted, chosen in (("mine", "mine"), ("torn", registry.default_name("segmentation"))):
        widget = ModelChoice("segmentation", wanted)
        qtbot.addWidget(widget)
        model = widget.model()
        assert model is not None
        assert model.name == chosen


def test_card_tells_about_the_chosen_model(choice: ModelChoice, qtbot: QtBot, own: Path) -> None:
    choice.about.click()
    assert choice.card is not None
    assert choice.card.isVisible()
    assert registry.default_name("segmentation") in choice.card.text.toPlainText()
    with qtbot.waitSignal(choice.changed):
        choice.choose("mine")
    text = choice.card.text.toPlainText()
    sha256 = hashlib.sha256(b"never run").hexdigest()
    for part in ("0.927 [0.919, 0.934]", "0.871", "Smudge cells.", sha256, str(own / "mine")):
        assert part in text
    assert DISCLAIMER in text
    # What stands in the manifest is text, never markup.
    assert "<b>Bold</b> <img src='file:///etc/passwd'>" in text
    assert "layout version 99" in text


def test_reload_finds_what_has_come_and_keeps_the_choice(choice: ModelChoice, own: Path) -> None:
    choice.choose("mine")
    choice.show_card()
    assert choice.card is not None
    write(own / "added")
    shutil.rmtree(own / "torn")
    changed = {"held_out": {"bccd": {"foreground_iou": 0.5}}}
    shutil.rmtree(own / "mine")
    write(own / "mine", figures=changed)
    choice.card.reload.click()
    listed = entries(choice)
    assert listed["added"]
    assert "torn · can't be used" not in listed
    model = choice.model()
    assert model is not None
    assert (model.name, model.figures) == ("mine", changed)
    assert "0.500" in choice.card.text.toPlainText()
    shutil.rmtree(own / "mine")
    choice.refresh()
    assert choice.box.currentIndex() == 0


def test_models_folder_is_opened(
    choice: ModelChoice, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    shutil.rmtree(own)
    choice.show_card()
    assert choice.card is not None
    choice.card.open_folder.click()
    assert own.is_dir()
    assert [Path(o) for o in opened] == [own]


@pytest.mark.parametrize("kind", ["segmentation", "classification"])
def test_without_any_model_nothing_is_chosen(
    qtbot: QtBot, kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path)
    (tmp_path / "defaults.json").write_text(json.dumps({kind: "none"}), encoding="utf-8")
    widget = ModelChoice(kind)
    qtbot.addWidget(widget)
    assert widget.model() is None
    widget.show_card()
    assert widget.card is not None
    assert "There is no model" in widget.card.text.toPlainText()


@pytest.fixture
def docks(viewer: napari.Viewer, own: Path) -> tuple[SegmentWidget, ClassifyWidget]:
    segment, classify = SegmentWidget(viewer), ClassifyWidget(viewer)
    viewer.window.add_dock_widget(segment, name="Segment leukocytes")
    viewer.window.add_dock_widget(classify, name="Classify and count")
    return segment, classify


def test_both_widgets_offer_models(docks: tuple[SegmentWidget, ClassifyWidget], own: Path) -> None:
    segment, classify = docks
    assert "future · can't be used" in entries(segment.form.model)
    assert not any(name.startswith("mine") for name in entries(classify.form.model))
    segment.form.model.choose("mine")
    assert segment.form.weights.names == ("m",)
    # The windows of the cards close with the widgets.
    segment.form.model.show_card()
    classify.form.model.show_card()
    card = classify.form.model.card
    assert card is not None
    assert "SHA-256" in card.text.toPlainText()
