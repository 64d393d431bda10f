from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.formats import convert
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.cli.main import app
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.analysis.smear.fields import draw, make_folder
from tests.annotations.dataset.worked import export_all, reclassify, work_on


@pytest.fixture
def folder(tmp_path: Path, all_convincing: None) -> Path:
    """Return a folder of three photographs that were worked on."""
    folder = make_folder(tmp_path / "smear 7")
    for path in sorted(folder.iterdir()):
        work_on(path)
    return folder


def _run(*words: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        app([str(w) for w in words])
    out = capsys.readouterr()
    return int(ended.value.code or 0), out.out, out.err


def test_a_folder_of_sessions_is_exported_checked_and_brought_back(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "dataset"
    words = ("--group", "folder", "--licence", "CC0-1.0", "--title", "Week 7")
    status, out, _ = _run("dataset", "export", folder, "--to", place, *words, capsys=capsys)
    assert status == 0
    assert "Version 1: 3 added." in out
    assert "added: field_1, field_2, field_3" in out
    assert DISCLAIMER in out
    dataset = open_dataset(place)
    assert {i.group for i in dataset.images} == {"smear 7"}
    assert (dataset.licence, dataset.manifest.title) == ("CC0-1.0", "Week 7")
    status, out, _ = _run("dataset", "check", place, capsys=capsys)
    assert status == 0
    assert out.startswith("Version 1: sound (")
    assert _run("dataset", "check", place, "--strict", capsys=capsys)[0] == 1
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "elsewhere"))
    status, out, _ = _run("dataset", "reopen", place, capsys=capsys)
    assert status == 0
    assert "The work on 3 of 3 photographs came back." in out
    status, _, err = _run("dataset", "reopen", place, capsys=capsys)
    assert status == 2
    assert "work on this photograph already" in err


def test_the_check_says_by_its_status_what_it_found(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "dataset"
    export_all(place, folder)
    victim = place / "versions" / "0001" / "labels" / "field_2.tif"
    data = victim.read_bytes()
    victim.write_bytes(data[:-1])
    status, out, _ = _run("dataset", "check", place, "--no-suspects", capsys=capsys)
    assert status == 1
    assert "labels/field_2.tif is damaged" in out
    (place / "versions" / "0001" / "manifest.json").write_text("{")
    status, out, err = _run("dataset", "check", place, capsys=capsys)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    status, _, err = _run("dataset", "check", tmp_path / "none", capsys=capsys)
    assert (status, err) == (2, f"{tmp_path / 'none'} is not a folder.\n")
    status, _, err = _run("dataset", "check", place, "--version", "7", capsys=capsys)
    assert status == 2


def test_one_file_and_one_that_fails(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "dataset"
    export_all(place, folder)
    reclassify(folder / "field 2.png", "basophil")
    fresh = tmp_path / "fresh.png"
    cv2.imwrite(str(fresh), draw(4, 9))
    words = ("dataset", "export", folder / "field 2.png", fresh, "--to", place)
    status, out, err = _run(*words, capsys=capsys)
    assert status == 1
    assert "replaced: field_2" in out
    assert "nothing was done with this photograph" in err
    status, _, err = _run("dataset", "export", fresh, "--to", place, capsys=capsys)
    assert status == 2
    assert err.startswith("There is nothing to export: ")
    status, _, err = _run("dataset", "export", tmp_path / "no", "--to", place, capsys=capsys)
    assert (status, err) == (2, f"{tmp_path / 'no'} does not exist.\n")


def test_any_format_that_is_read_can_be_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.zeros((180, 240), np.int32)
    cv2.circle(labels, (40, 40), 15, 3, -1)
    cv2.circle(labels, (120, 40), 15, 8, -1)
    photograph = tmp_path / "field.png"
    cv2.imwrite(str(photograph), draw(3, 2))
    table = pd.DataFrame(
        {
            "label": [3, 8],
            "class": ["monocyte", "basophil"],
            "bbox_y0": 25,
            "bbox_x0": [25, 105],
            "bbox_y1": 56,
            "bbox_x1": [56, 136],
        }
    )
    image = AnnotatedImage("field.png", (180, 240), labels, table, photograph)
    source = tmp_path / "annotations.json"
    convert.write([image], source, "coco")
    place = tmp_path / "dataset"
    status, _, err = _run("dataset", "export", source, "--to", place, capsys=capsys)
    assert (status, err) == (0, "")
    dataset = open_dataset(place)
    assert np.array_equal(dataset.read_labels(dataset.images[0]) > 0, labels > 0)
    assert sorted(dataset.objects()["class"]) == ["basophil", "monocyte"]
    assert _run("dataset", "check", place, capsys=capsys)[0] == 0


def test_a_results_folder_is_exported_with_its_models(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "fields", (3,))
    results, place = tmp_path / "results", tmp_path / "dataset"
    for words in (
        ("run", str(folder), "--out", str(results), "--diameter", "36"),
        ("dataset", "export", str(results), "--to", str(place)),
    ):
        command = [sys.executable, "-m", "napari_leukocyte", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    dataset = open_dataset(place)
    objects = dataset.objects()
    assert len(objects) == 3
    assert set(objects["source"]) == {"model"}
    assert set(objects["who"]) == {"lite-eight-wide"}
    assert objects["model_sha256"].str.len().eq(64).all()
    record = dataset.manifest.images[0].record
    assert record["segmentation"]["model"] == "unet-lite-trio"
