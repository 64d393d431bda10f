"""Calibrations come back as written; damaged and other networks' ones are refused in a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.errors import ModelError, ParameterError
from napari_leukocyte.io.user_files import FOLDER_VARIABLE
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.uncertainty.calibration import Calibration
from napari_leukocyte.uncertainty.persistence import (
    FILE_NAME,
    OwnCells,
    read_shipped,
    write_shipped,
)

CLASSES = ("neutrophil", "lymphocyte")


@pytest.fixture
def classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "config"))
    member = Member("net", tmp_path / "net.onnx", "ab" * 32, 1.0, 84.0)
    return Manifest("mine", "classification", "Mine", tmp_path, (member,), CLASSES, 128)


def test_what_ships_comes_back(classifier: Manifest) -> None:
    assert read_shipped(classifier) is None
    known = Calibration.of(
        CLASSES, ["lymphocyte", "neutrophil"], np.array([[0.2, 0.8], [0.7, 0.3]]), ["b", "a"]
    )
    write_shipped(classifier, known, np.eye(2) * 3, None, "Cells.")
    found = read_shipped(classifier)
    assert found is not None
    np.testing.assert_allclose(found.calibration.probability, known.probability)
    assert found.calibration.sources == ("a", "b")
    assert found.calibration.source.tolist() == ["b", "a"]
    assert found.held_out.counts.tolist() == [[3, 0], [0, 3]]
    assert found.left_out is None


def test_a_calibration_of_other_networks_is_refused(classifier: Manifest) -> None:
    known = Calibration.of(CLASSES, ["lymphocyte"], np.array([[0.2, 0.8]]), "a")
    write_shipped(classifier, known, np.eye(2), np.eye(2), "Cells.")
    other = replace(classifier, members=(replace(classifier.members[0], sha256="cd" * 32),))
    with pytest.raises(ModelError, match="other networks than mine's"):
        read_shipped(other)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("truth", [7]),
        ("truth", ["lymphocyte"]),
        ("probability", [[float("inf"), 0]]),
        ("probability", [0.5]),
        ("source", [3]),
        ("held_out", [[1, 0]]),
        ("schema", 99),
        ("classes", None),
    ],
)
def test_damage_is_told_in_one_sentence(classifier: Manifest, key: str, value: object) -> None:
    known = Calibration.of(CLASSES, ["lymphocyte"], np.array([[0.2, 0.8]]), "a")
    path = write_shipped(classifier, known, np.eye(2), None, "Cells.")
    data = json.loads(path.read_text())
    data[key] = value
    path.write_text(json.dumps(data))
    if key == "classes":  # is written for people; the manifest's count
        assert read_shipped(classifier) is not None
        return
    with pytest.raises(ModelError) as caught:
        read_shipped(classifier)
    assert "\n" not in str(caught.value)
    path.write_text("{")
    with pytest.raises(ModelError, match="damaged: install"):
        read_shipped(classifier)


def test_own_cells_add_up_by_image_and_can_be_forgotten(classifier: Manifest) -> None:
    kept = OwnCells(classifier)
    one = Calibration.of(CLASSES, ["neutrophil"] * 3, np.tile([0.9, 0.1], (3, 1)))
    kept.put("first", one)
    kept.put("second", one)
    kept.put("first", one[np.array([True, False, False])])
    again = OwnCells(classifier)
    assert set(again.images) == {"first", "second"}
    assert again.calibration().counts() == {"neutrophil": 4, "lymphocyte": 0}
    assert again.calibration().own.all()
    again.forget()
    assert len(OwnCells(classifier).calibration()) == 0


def test_a_damaged_file_of_own_cells_is_told(classifier: Manifest, tmp_path: Path) -> None:
    OwnCells(classifier).put(
        "first", Calibration.of(CLASSES, ["neutrophil"], np.array([[0.9, 0.1]]))
    )
    (path,) = (tmp_path / "config" / "calibrations").iterdir()
    path.write_text(path.read_text().replace("0.9", '"much"'))
    with pytest.raises(ParameterError, match="malformed"):
        OwnCells(classifier).calibration()


def test_the_shipped_classifier_has_its_calibration() -> None:
    shipped = read_shipped(find_model("classification"))
    assert shipped is not None
    assert len(shipped.calibration) > 500
    assert (find_model("classification").folder / FILE_NAME).stat().st_size < 300_000
