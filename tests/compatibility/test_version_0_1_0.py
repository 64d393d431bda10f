"""Files that version 0.1.0 wrote open, and say what they said; data/0.1.0/make.txt made them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.analysis.smear.persistence import read_inspections, read_record
from napari_leukocyte.analysis.smear.reading import hold_session, read_field
from napari_leukocyte.annotations.dataset.check import check
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.reopen import origin_of
from napari_leukocyte.annotations.formats.convert import read
from napari_leukocyte.counting.own_classes import load_own_classes
from napari_leukocyte.counting.reference import Range, find_ranges
from napari_leukocyte.counting.settings import DifferentialSettings, recall_settings
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.learning.finetune.plan import FinetuneParams, read_plan
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.parameters import PostprocessParams, load_preset
from napari_leukocyte.session.blinding import load_read
from napari_leukocyte.session.restoring import session_folder
from napari_leukocyte.session.reviews import recall_reader
from napari_leukocyte.uncertainty.persistence import OwnCells, read_shipped
from napari_leukocyte.vocabulary import CellClass

DATA = Path(__file__).parent / "data" / "0.1.0"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
PHOTOGRAPHS = ("field 1.png", "field 2.png")


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the files, with the user's folders among them in use."""
    folder = tmp_path / "old"
    shutil.copytree(DATA, folder)
    for name in ("SESSIONS", "CONFIG", "MODELS"):
        monkeypatch.setenv(f"NAPARI_LEUKOCYTE_{name}", str(folder / name.lower()))
    return folder


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_session(old: Path, name: str) -> None:
    expected = EXPECTED["sessions"][name]
    with hold_session(read_image(old / "smear" / name), name) as session:
        assert session_folder(session.rgb).name == expected["key"]
        table = session.table()
        pd.testing.assert_frame_equal(
            table,
            pd.DataFrame(expected["table"]).astype(expected["dtypes"]),
            check_exact=False,
            atol=1e-8,
        )
        signed = session.signed_off
        assert (signed and signed.reader) == expected["signed"]
        assert int((session.labels > 0).sum()) == expected["foreground"]
        assert session.next_label == expected["next_label"]
        assert session.params.threshold == expected["threshold"]
        assert session.weights == tuple(expected["weights"])
        assert session.maps is not None
        assert session.maps.model == expected["model"]
        assert session.maps.diameter == expected["diameter"]
        assert session.maps.notes == ("A note – with a dash.",)
        assert int(session.edits.erased.sum()) == expected["erased"]
        assert sorted(session.edits.labels) == expected["edited"]


def test_work_on_a_session_goes_on(old: Path) -> None:
    photograph = old / "smear" / "field 2.png"
    before = EXPECTED["sessions"]["field 2.png"]["table"]
    with hold_session(read_image(photograph), photograph.name) as session:
        session.set_class([before[1]["label"]], "basophil")
    classes = read_field(photograph).table()["class"].tolist()
    assert classes == ["monocyte", "basophil", *(row["class"] for row in before[2:])]


def test_blind_read(old: Path) -> None:
    kept = load_read(old / "sessions" / EXPECTED["sessions"]["field 2.png"]["key"])
    assert kept is not None
    assert sorted(kept.read.labels) == EXPECTED["blind"]["labels"] == [3, 4]
    assert (kept.read.share, kept.read.seed) == (0.5, 3)
    assert dict(kept.read.answers) == {3: "monocyte"}
    assert dict(kept.before) == {3: "lymphocyte"}


def test_smear(old: Path) -> None:
    folder = old / "sessions" / "smears"
    kept, sentence = read_record(folder / "smear.json")
    assert sentence is None
    assert kept.sign_off is None
    assert kept.settings == DifferentialSettings(target=100, leukocytes=6.5)
    looks = read_inspections(folder / "fields.json")
    first, second = (looks[f"/pictures/smear/{name}"].state for name in PHOTOGRAPHS)
    assert (first.stage, first.reader, first.objects, first.reviewed) == ("signed off", "Ada", 2, 2)
    assert dict(first.counts) == {"monocyte": 1, "lymphocyte": 1}
    assert (second.stage, second.objects, second.reviewed) == ("in review", 4, 4)
    assert second.key == EXPECTED["sessions"]["field 2.png"]["key"]


def test_dataset(old: Path) -> None:
    assert [check(old / "dataset", v, suspects=False).problems for v in (1, 2)] == [(), ()]
    dataset = open_dataset(old / "dataset")
    manifest = dataset.manifest
    assert (manifest.version, manifest.title, manifest.licence) == (2, "Two fields", "CC0-1.0")
    assert [c.name for c in manifest.classes] == [
        "eosinophil",
        "basophil",
        "lymphocyte",
        "monocyte",
    ]
    assert [(i.name, i.group, i.side, i.objects, i.shape) for i in manifest.images] == [
        ("field 1.png", "smear 7", "train", 2, (120, 160)),
        ("field 2.png", "smear 7", "train", 4, (120, 160)),
    ]
    assert manifest.added == ("field_2",)
    table = dataset.objects()
    expected = pd.DataFrame(EXPECTED["dataset"])
    assert list(table.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(
        table, expected.astype(dict(table.dtypes)), check_exact=False, atol=1e-6
    )
    for image in dataset.images:
        numbers = set(np.unique(dataset.read_labels(image)).tolist()) - {0}
        assert numbers == set(table.loc[table["image"] == image.name, "label"])
        log = dataset.read_log(image)
        assert log.problems == ()
        assert "drawn" in {e.kind for e in log.events}


def test_work_brought_back_knows_its_dataset(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(old / "reopened"))
    photograph = old / "smear" / "field 1.png"
    with hold_session(read_image(photograph), photograph.name) as session:
        origin = origin_of(session, session_folder(session.rgb))
        assert session.table()["class"].tolist() == ["monocyte", "lymphocyte"]
    assert origin is not None
    assert (origin.group, origin.name) == ("smear 7", "field 1.png")
    assert origin.record["segmentation"]["model"] == "toy"
    assert [e.kind for e in origin.events].count("removed") >= 1
    assert origin.measured[1][-1] == pytest.approx(0.761506276)


def test_results_of_run(old: Path) -> None:
    images = read(old / "results")
    assert [len(i.table) for i in images] == [3, 5]
    assert images[0].table["class"].tolist() == ["basophil", "lymphocyte", "eosinophil"]
    assert images[0].table["confidence"].tolist() == [0.764682, 0.501577, 0.721982]
    assert images[1].labels is not None
    assert int((images[1].labels == 5).sum()) == 613


def test_preset_and_record_give_the_parameters(old: Path) -> None:
    expected = PostprocessParams(
        threshold=0.4,
        opening_shape="cross",
        opening_size=0.15,
        fill_holes=False,
        area_lower_deviation=0.6,
        watershed="nucleus",
        border="drop",
        few_objects="keep",
        # Before scores and other votes: what 0.1.0 made of it comes out again.
        vote="mean",
        least_score=0.0,
    )
    assert load_preset(old / "preset.json") == expected
    assert load_preset(old / "results" / "run.json") == expected


def test_models_of_the_user(old: Path) -> None:
    classifier = find_model("classification", "colours")
    assert classifier.folder == old / "models" / "colours"
    assert classifier.classes == ("eosinophil", "basophil", "lymphocyte")
    assert (classifier.side_px, classifier.temperature, classifier.views) == (64, 1.5, 2)
    assert (classifier.nucleus_density, classifier.licence) == (0.25, "CC0-1.0")
    assert classifier.fails == ("Cells without a colour.",)
    assert classifier.made_from == {"model": "lite-eight"}
    assert [(m.name, m.weight, m.diameter_px) for m in classifier.members] == [
        ("member 0", 1.0, 40.0)
    ]
    segmentation = find_model("segmentation", "darkness")
    assert [(m.weight, m.diameter_px) for m in segmentation.members] == [(2.0, 28.0)]

    shipped = read_shipped(classifier)
    assert shipped is not None
    assert shipped.calibration.truth.tolist() == [0, 1, 2]
    assert list(shipped.calibration.source) == ["A", "A", "B"]
    assert shipped.calibration.probability[1].tolist() == [0.125, 0.75, 0.125]
    assert shipped.held_out.counts.tolist() == np.diag([1.0, 2.0, 3.0]).tolist()
    assert shipped.left_out is None
    own = OwnCells(classifier)
    assert own.images == ("field 1.png",)
    assert own.calibration().truth.tolist() == [1]


def test_settings_of_the_user(old: Path) -> None:
    assert load_own_classes() == (CellClass("smudge-like", "#12AB34", "j", counted=False),)
    ranges = find_ranges("Ours")
    assert ranges.source == "Our laboratory, 2026"
    assert dict(ranges.percent) == {"neutrophil": Range(38.5, 77), "basophil": Range(0, 1)}
    assert dict(ranges.absolute) == {"monocyte": Range(0.25)}
    settings = recall_settings()
    assert settings.counted == ("neutrophil", "lymphocyte", "monocyte")
    assert (settings.target, settings.reference, settings.leukocytes) == (200, "Ours", None)
    assert recall_reader() == "Ada"


def test_fine_tuning_that_was_begun(old: Path) -> None:
    plan = read_plan(old / "job")
    assert (plan.kind, plan.model, plan.member) == ("classification", "models/colours", "member 0")
    assert plan.classes == ("eosinophil", "basophil", "lymphocyte", "monocyte")
    assert (plan.name, plan.dataset_sha256) == ("better", "12" * 32)
    assert plan.params == FinetuneParams(epochs=3, learning_rate=2e-4)
