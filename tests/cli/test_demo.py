from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from napari_leukocyte.samples.synthetic import sample_smear
from napari_leukocyte.vocabulary import DISCLAIMER

FILES = {
    *("labels.tif", "objects.csv", "leukogram.csv", "overlay.png", "run.json"),
    *("smear.png", "demo.png"),
}


def test_the_whole_path_with_the_shipped_models(cli: Any, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = cli("demo", "--headless", "--out", out)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout.count(DISCLAIMER) == 1
    assert str(out / "demo.png") in done.stdout
    assert {p.name for p in out.iterdir()} == FILES

    smear = sample_smear()
    labels = tifffile.imread(out / "labels.tif")
    overlap = np.array(
        [
            max(
                np.sum((labels == n) & (smear.labels == number))
                / np.sum((labels == n) | (smear.labels == number))
                for n in range(1, labels.max() + 1)
            )
            for number in smear.classes
        ]
    )
    assert labels.max() == len(smear.classes)
    assert overlap.min() > 0.5
    with (out / "leukogram.csv").open(encoding="utf-8", newline="") as f:
        leukogram = list(csv.DictReader(f))
    assert sum(int(r["count"]) for r in leukogram if r["image"] == "ALL") == len(smear.classes)
    picture, overlay = (cv2.imread(str(out / name)) for name in ("demo.png", "overlay.png"))
    assert picture is not None
    assert overlay is not None
    assert picture.shape[1] > overlay.shape[1] >= 1000


@pytest.mark.usefixtures("quick_networks")
def test_replaces_an_earlier_demo_and_nothing_else(cli: Any, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert cli("demo", "--headless", "--out", out).exit_code == 0
    assert json.loads((out / "run.json").read_text("utf-8"))["command"] == "demo"
    assert cli("demo", "--headless", "--out", out).exit_code == 0
    for text in ("{}", "no JSON"):
        (out / "run.json").write_text(text)
        done = cli("demo", "--headless", "--out", out)
        assert done.exit_code == 2
        assert "something else than an earlier demo" in done.stderr
        assert (out / "run.json").read_text() == text


@pytest.mark.usefixtures("quick_networks")
def test_without_a_display_it_writes_files_and_says_why(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    done = cli("demo")
    assert done.exit_code == 0
    assert done.stderr.startswith("There is no display")
    assert done.stderr.count("\n") == 1
    assert {p.name for p in (tmp_path / "demo-output").iterdir()} == FILES
