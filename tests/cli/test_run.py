from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from napari_leukocyte.analysis.pipeline import analyse as real_analyse
from napari_leukocyte.reporting.save import write_labels as real_write_labels
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES

pytestmark = pytest.mark.usefixtures("quick_networks")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def record_of(out: Path) -> Any:
    return json.loads((out / "run.json").read_text("utf-8"))


def test_writes_what_was_promised(cli: Any, draw: Any, tmp_path: Path) -> None:
    draw("in/a.png", 2), draw("in/b.jpg", 3)
    single = draw("c.tif", 0)
    out = tmp_path / "deep" / "out"
    done = cli("run", tmp_path / "in", single, "--out", out)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout.count(DISCLAIMER) == 1
    assert "3 images, 5 objects" in done.stdout
    assert files(out) == {
        *(f"{name}/{file}" for name in "abc" for file in ("labels.tif", "overlay.png")),
        *("objects.csv", "leukogram.csv", "run.json"),
    }
    labels = tifffile.imread(out / "b" / "labels.tif")
    assert labels.shape == (80, 240)
    assert labels.dtype == np.uint16
    assert labels.max() == 3
    overlay = cv2.imread(str(out / "b" / "overlay.png"))
    assert overlay is not None
    assert overlay.shape[0] > 80

    objects = rows(out / "objects.csv")
    assert list(objects[0]) == [
        *("image", "label", "class", "confidence", "score"),
        *(f"p_{name}" for name in LEUKOCYTE_NAMES),
        *("y", "x", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1", "area_px"),
        *("equivalent_diameter_px", "circularity", "solidity", "nucleus_cell_ratio"),
    ]
    a, b = (str(tmp_path / "in" / name) for name in ("a.png", "b.jpg"))
    assert [(o["image"], o["label"]) for o in objects] == [
        *((a, str(n)) for n in (1, 2)),
        *((b, str(n)) for n in (1, 2, 3)),
    ]
    for o in objects:
        y0, x0, y1, x1 = (int(o[f"bbox_{side}"]) for side in ("y0", "x0", "y1", "x1"))
        assert y0 <= float(o["y"]) < y1
        assert x0 <= float(o["x"]) < x1
        assert abs(int(o["area_px"]) - 900) < 30

    leukogram = rows(out / "leukogram.csv")
    assert list(leukogram[0]) == [
        *("image", "class", "count", "percent", "ci_low", "ci_high", "total")
    ]
    images = [row["image"] for row in leukogram]
    assert list(dict.fromkeys(images)) == [a, b, str(single), "ALL"]
    pooled = {r["class"]: int(r["count"]) for r in leukogram if r["image"] == "ALL"}
    assert list(pooled.values()) == [2, 2, 1, 0, 0]


def test_record(cli: Any, draw: Any, tmp_path: Path) -> None:
    path = draw("a.png")
    (tmp_path / "p.json").write_text('{"threshold": 0.4, "border": "drop"}')
    out = tmp_path / "out"
    cli("run", path, "--out", out, "--params", tmp_path / "p.json", "--diameter", "34")
    record = record_of(out)
    [image] = record["images"]
    assert image["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (image["image"], image["folder"], image["shape"]) == (str(path), "a", [80, 240])
    assert record["diameter"] == 34
    assert PostprocessParams.from_dict(record["parameters"]) == PostprocessParams(
        threshold=0.4, border="drop"
    )
    assert record["segmentation"]["members"][0]["sha256"]
    assert record["classification"]["members"][0]["sha256"]
    assert record["disclaimer"] == DISCLAIMER
    # A record is itself a file of parameters.
    again = tmp_path / "again"
    assert cli("run", path, "--out", again, "--params", out / "run.json").exit_code == 0
    assert record_of(again)["parameters"]["threshold"] == 0.4


def test_paths_stand_in_the_tables_as_typed(
    cli: Any, draw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("in/b.png"), draw("a.png")
    monkeypatch.chdir(tmp_path)
    # The last two are files that were named before.
    assert cli("run", "./a.png", "./in//", "a.png", "in/b.png", "--out", "out").exit_code == 0
    images = dict.fromkeys(o["image"] for o in rows(tmp_path / "out" / "objects.csv"))
    assert list(images) == ["./a.png", "./in//b.png"]


def test_images_of_one_name_get_folders_of_their_own(cli: Any, draw: Any, tmp_path: Path) -> None:
    paths = [draw(name) for name in ("a/x.png", "b/x.png", "b/X.jpg", "b/x-2.png")]
    out = tmp_path / "out"
    assert cli("run", *paths, "--out", out).exit_code == 0
    record = record_of(out)
    folders = [image["folder"] for image in record["images"]]
    assert folders == ["x", "x-3", "X-4", "x-2"]
    assert [image["image"] for image in record["images"]] == [str(p) for p in paths]
    assert all((out / folder / "labels.tif").is_file() for folder in folders)


def test_no_classify(cli: Any, draw: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli("run", draw("a.png"), "--out", out).exit_code == 0
    done = cli("run", tmp_path / "a.png", "--out", out, "--no-classify", "--overwrite")
    assert done.exit_code == 0
    # The earlier leukogram counted other objects.
    assert not (out / "leukogram.csv").exists()
    objects = rows(out / "objects.csv")
    assert [(o["class"], o["confidence"]) for o in objects] == [("", "")] * 2
    assert not [c for c in objects[0] if c.startswith("p_")]
    assert record_of(out)["classification"] is None


def test_one_image_that_fails_does_not_stop_the_others(
    cli: Any, draw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [draw("in/a.png"), draw("in/d.png")]
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    draw("in/c.png", 4)

    def analyse(image: Any, **options: Any) -> Any:
        if (image[35, 185] < 200).any():  # the fourth cell
            raise RuntimeError("bad\nallocation")
        return real_analyse(image, **options)

    monkeypatch.setattr("napari_leukocyte.cli.run.analyse", analyse)
    out = tmp_path / "out"
    done = cli("run", tmp_path / "in", "--out", out)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        record_of(out)["errors"][0]["error"],
        f"{tmp_path / 'in' / 'c.png'}: the analysis failed (RuntimeError: bad allocation).",
        "2 of 4 images failed.",
    ]
    assert {o["image"] for o in rows(out / "objects.csv")} == {str(p) for p in good}
    record = record_of(out)
    assert record["errors"][0]["error"].startswith(f"{tmp_path / 'in' / 'b.png'} is not an image")
    assert [e["image"] for e in record["errors"]] == [
        str(tmp_path / "in" / name) for name in ("b.png", "c.png")
    ]
    assert record["status"] == 1
    assert not (out / "b").exists()


def test_all_images_failing_leaves_nothing(cli: Any, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no image")
    done = cli("run", tmp_path / "a.png", tmp_path / "b.png", "--out", tmp_path / "x" / "out")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 3
    assert not (tmp_path / "x").exists()


def test_a_grey_image_is_warned_about(cli: Any, tmp_path: Path) -> None:
    grey = np.full((80, 80), 240, np.uint8)
    grey[20:50, 20:50] = 60
    tifffile.imwrite(tmp_path / "g.tif", grey)
    done = cli("run", tmp_path / "g.tif", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert done.stderr.startswith(f"{tmp_path / 'g.tif'}: The image is grey")
    record = record_of(tmp_path / "out")
    assert "grey" in record["images"][0]["notes"][0]


def test_overwrite_replaces_its_own_files_only(cli: Any, draw: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cli("run", draw("a.png", 1), "--out", out)
    (out / "a" / "notes.txt").write_text("mine")
    (out / "mine.csv").write_text("mine")
    before = {name: (out / name).read_bytes() for name in files(out)}
    refused = cli("run", draw("a.png", 3), "--out", out)
    assert refused.exit_code == 2
    assert {name: (out / name).read_bytes() for name in files(out)} == before
    assert cli("run", tmp_path / "a.png", "--out", out, "--overwrite").exit_code == 0
    assert files(out) == set(before)
    assert len(rows(out / "objects.csv")) == 3
    assert (out / "mine.csv").read_text() == (out / "a" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("file", ["overlay.png", "leukogram.csv"])
def test_a_full_disk_leaves_old_results_whole(
    cli: Any, draw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    out = tmp_path / "out"
    cli("run", draw("a.png", 1), "--out", out)
    before = {name: (out / name).read_bytes() for name in files(out)}
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target).name == file:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    done = cli("run", draw("a.png", 3), "--out", out, "--overwrite")
    assert done.exit_code == 2
    where = out / "a" if file == "overlay.png" else out
    assert done.stderr == f"{where} can't be written: the disk is full.\n"
    after = {name: (out / name).read_bytes() for name in files(out)}
    if file == "leukogram.csv":  # the image was finished, the tables were not
        for name in ("a/labels.tif", "a/overlay.png"):
            assert after.pop(name) != before.pop(name)
    assert after == before


def test_what_was_finished_before_the_disk_was_full_is_kept(
    cli: Any, draw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = draw("a.png"), draw("b.png")
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target).parent.name == "b":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    out = tmp_path / "out"
    done = cli("run", first, second, "--out", out)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert {o["image"] for o in rows(out / "objects.csv")} == {str(first)}
    assert not (out / "b").exists()
    notes = record_of(out)["notes"]
    assert notes == ["The run was stopped before 1 images were done."]


def test_interrupted(cli: Any, draw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = draw("a.png", 2), draw("b.png", 3)

    def write_labels(path: Path, labels: Any) -> None:
        real_write_labels(path, labels)
        if labels.max() == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("napari_leukocyte.cli.run.write_labels", write_labels)
    out = tmp_path / "out"
    done = cli("run", first, second, "--out", out)
    assert done.exit_code == 130
    assert done.stderr == "Interrupted: 1 of 2 images are done and kept.\n"
    assert files(out) == {
        *("a/labels.tif", "a/overlay.png", "objects.csv", "leukogram.csv", "run.json")
    }
    assert {o["image"] for o in rows(out / "objects.csv")} == {str(first)}


def test_as_tasks_photographs_become_the_same_files(cli: Any, draw: Any, tmp_path: Path) -> None:
    draw("in/a.png", 2), draw("in/b.jpg", 3), draw("in/c.tif", 0)
    for out, options in (("plain", ()), ("tasks", ("--resume", "--log", "json"))):
        assert cli("run", tmp_path / "in", "--out", tmp_path / out, *options).exit_code == 0
    plain, tasks = tmp_path / "plain", tmp_path / "tasks"
    assert files(tasks) == files(plain)
    for name in files(plain) - {"run.json"}:
        assert (tasks / name).read_bytes() == (plain / name).read_bytes()
    first, second = record_of(plain), record_of(tasks)
    assert first.pop("created")
    assert second.pop("created")
    assert second == first
