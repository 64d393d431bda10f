import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.utils.notifications import notification_manager
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_leukocyte.segmentation.objects import score_labels
from napari_leukocyte.session import snapshot
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.saving import ask_and_save
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES
from tests.session.work import IMAGE, MAPS

FILES = {"labels.tif", "overlay.png", "objects.csv", "leukogram.csv", "run.json"}


def labels() -> NDArray[np.int32]:
    result = np.zeros((80, 120), np.int32)
    for number, x in ((1, 10), (2, 50), (7, 90)):
        result[20:44, x : x + 24] = number
    return result


@pytest.fixture
def session(rng: np.random.Generator) -> Session:
    session = Session(rng.integers(0, 255, (80, 120, 3), dtype=np.uint8), "Field 3")
    session.accept_edit(labels())
    said = pd.DataFrame({"label": [1, 2, 7], "class": ["monocyte", "monocyte", "basophil"]})
    said["confidence"] = [0.5, 0.6, 0.7]
    for name in LEUKOCYTE_NAMES:
        said[f"p_{name}"] = 0.2
    description = {"model": "m", "members": [{"name": "a", "sha256": "00", "weight": 1.0}]}
    session.set_predictions(said, "m", description)
    session.set_class([2], "lymphocyte")
    return session


def choose(monkeypatch: pytest.MonkeyPatch, folder: Path | str) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))


def answer(monkeypatch: pytest.MonkeyPatch, button: QMessageBox.StandardButton) -> list[str]:
    asked: list[str] = []

    def question(parent: Any, title: str, text: str, *_: Any) -> QMessageBox.StandardButton:
        asked.append(text)
        return button

    monkeypatch.setattr(QMessageBox, "question", question)
    return asked


def save(qtbot: QtBot, session: Session, layer: Any = None) -> bool:
    parent = QWidget()
    qtbot.addWidget(parent)
    job = ask_and_save(parent, session, layer)
    if job is not None:
        qtbot.waitUntil(lambda: not job.running, timeout=60_000)
    return job is not None


def test_everything_is_written(
    qtbot: QtBot, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path)
    assert save(qtbot, session)
    assert {p.name for p in tmp_path.iterdir()} == FILES
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), labels())
    objects = pd.read_csv(tmp_path / "objects.csv")
    assert list(objects.columns[:4]) == ["image", "label", "class", "confidence"]
    assert list(objects["class"]) == ["monocyte", "lymphocyte", "basophil"]
    assert list(objects["source"]) == ["model", "reader", "model"]
    leukogram = pd.read_csv(tmp_path / "leukogram.csv")
    counts = leukogram[leukogram["image"] == "Field 3"].set_index("class")["count"]
    assert counts.to_dict() == dict.fromkeys(LEUKOCYTE_NAMES, 0) | {
        "monocyte": 1,
        "lymphocyte": 1,
        "basophil": 1,
    }
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["disclaimer"] == DISCLAIMER
    assert record["classification"]["members"][0]["sha256"] == "00"
    assert record["classified_by_hand"] == {"2": "lymphocyte"}
    assert record["edited_by_hand"] == [1, 2, 7]
    assert record["parameters"] == session.params.to_dict()
    told = str(notification_manager.records[-1].message)
    assert str(tmp_path) in told


def test_scores_are_worked_out_in_the_thread(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(IMAGE, "Field 4")
    session.set_maps(MAPS[0])
    threads: list[int] = []

    def scores(*given: Any) -> dict[int, float]:
        threads.append(threading.get_ident())
        return score_labels(*given)

    monkeypatch.setattr(snapshot, "score_labels", scores)
    choose(monkeypatch, tmp_path)
    assert save(qtbot, session)
    objects = pd.read_csv(tmp_path / "objects.csv").set_index("label")
    expected = score_labels(session.labels, MAPS[0])
    assert objects["score"].to_dict() == pytest.approx(expected, abs=1e-6)
    assert threads
    assert threading.get_ident() not in threads


def test_file_of_the_image_is_recorded(
    qtbot: QtBot,
    make_napari_viewer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
) -> None:
    file = tmp_path / "a smear.tif"
    tifffile.imwrite(file, rng.integers(0, 255, (64, 64, 3), dtype=np.uint8), photometric="rgb")
    viewer = make_napari_viewer(strict_qt="raise")
    (layer,) = viewer.open(file, plugin="napari")
    session = links.session_of(layer)
    session.accept_edit(np.pad(np.ones((20, 20), np.int32), 22))
    choose(monkeypatch, tmp_path / "out")
    assert save(qtbot, session, layer)
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    (image,) = record["images"]
    assert image["image"] == str(file)
    assert image["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    # Nothing has been classified, so nothing has been counted.
    assert not (tmp_path / "out" / "leukogram.csv").exists()
    assert record["classification"] is None


def test_earlier_results_are_kept_unless_the_user_agrees(
    qtbot: QtBot, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path)
    (tmp_path / "labels.tif").write_bytes(b"earlier")
    asked = answer(monkeypatch, QMessageBox.StandardButton.No)
    assert not save(qtbot, session)
    assert "labels.tif" in asked[0]
    assert {p.name for p in tmp_path.iterdir()} == {"labels.tif"}
    assert (tmp_path / "labels.tif").read_bytes() == b"earlier"
    answer(monkeypatch, QMessageBox.StandardButton.Yes)
    assert save(qtbot, session)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), labels())


def test_dialog_left_without_a_folder(
    qtbot: QtBot, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "")
    assert not save(qtbot, session)


def test_folder_that_cannot_be_written_to_is_one_sentence(
    qtbot: QtBot, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    choose(monkeypatch, tmp_path / "file" / "results")
    assert save(qtbot, session)
    told = notification_manager.records[-1]
    assert str(told.severity) == "error"
    assert "can't be written" in str(told.message)
    assert "\n" not in str(told.message)
