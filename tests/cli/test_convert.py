from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.reporting.record import ImageRecord, make_record
from napari_leukocyte.reporting.save import save_results
from napari_leukocyte.segmentation.parameters import PostprocessParams
from tests.annotations.formats.cells import annotated, hard


def tables(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "objects.csv")


def same_results(folder: Path, back: Path) -> None:
    """Assert that two folders of results hold the same masks and objects."""
    before, after = tables(folder), tables(back)
    assert len(before) == len(after) > 0
    for column in before.columns:
        if column == "image":
            names = before[column].map(lambda path: Path(path).name)
            assert after[column].tolist() == names.tolist()
        elif before[column].dtype.kind == "f":
            np.testing.assert_allclose(after[column], before[column], atol=2e-6)
        else:
            assert after[column].tolist() == before[column].tolist()
    files = sorted(p.relative_to(folder) for p in folder.glob("*/labels.tif"))
    assert len(files) > 0
    for file in files:
        np.testing.assert_array_equal(tifffile.imread(back / file), tifffile.imread(folder / file))


@pytest.mark.usefixtures("quick_networks")
@pytest.mark.parametrize("name", FORMATS)
def test_a_run_there_and_back(name: str, cli: Any, draw: Any, tmp_path: Path) -> None:
    for file, cells in (("photos/one field.png", 2), ("photos/empty.png", 0), ("photos/b.tif", 3)):
        draw(file, cells)
    run = tmp_path / "run"
    assert cli("run", tmp_path / "photos", "--out", run).exit_code == 0
    done = cli("convert", run, tmp_path / "out", "--to", name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"3 images, 5 objects; written to {tmp_path / 'out'}" in done.stdout
    done = cli("convert", tmp_path / "out", tmp_path / "back", "--to", "labels-csv")
    assert (done.exit_code, done.stderr) == (0, "")
    same_results(run, tmp_path / "back")


def test_what_the_save_button_writes(cli: Any, tmp_path: Path) -> None:
    image = hard()
    assert image.labels is not None
    table = pd.DataFrame(image.table).assign(y=1.5, x=2.5)
    boxes = dict.fromkeys(("bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"), 0)
    record = make_record(
        images=[ImageRecord(image.name, image.shape, None, len(table))],
        segmentation=None,
        classification=None,
        params=PostprocessParams(),
    )
    save_results(
        tmp_path / "saved",
        image.name,
        image=np.zeros((*image.shape, 3), np.uint8),
        labels=image.labels,
        table=table.assign(**boxes),
        leukogram=None,
        record=record,
    )
    for source in ("saved", "saved/objects.csv", "saved/run.json", "saved/labels.tif"):
        (back,) = read(tmp_path / source)
        assert (back.name, back.shape) == (image.name, image.shape)
        np.testing.assert_array_equal(back.labels, image.labels)
        assert back.table["label"].tolist() == image.table["label"].tolist()
    assert cli("convert", tmp_path / "saved", tmp_path / "a.json", "--to", "coco").exit_code == 0
    done = cli("convert", tmp_path / "a.json", tmp_path / "back", "--to", "labels-csv")
    assert done.exit_code == 0
    labels = tifffile.imread(tmp_path / "back" / Path(image.name).stem / "labels.tif")
    np.testing.assert_array_equal(labels, image.labels)
    assert tables(tmp_path / "back")["class"].tolist()[0] == "neutrophil"


def test_a_label_tiff_of_another_program(cli: Any, tmp_path: Path) -> None:
    labels = np.zeros((6, 7), np.uint8)
    labels[1:3, 1:3], labels[4, 4] = 4, 9
    tifffile.imwrite(tmp_path / "cells.tif", labels)
    (tmp_path / "cells.csv").write_text("label,class,stain\n9,blast,pale\n")
    for source in ("cells.tif", "cells.csv", "."):
        (back,) = read(tmp_path / source)
        assert back.table[["label", "class"]].values.tolist()[0] == [9, "blast"]
        assert back.table["label"].tolist() == [9, 4]
        assert back.table["stain"].tolist()[0] == "pale"
    assert cli("convert", tmp_path / "cells.tif", tmp_path / "v", "--to", "voc").exit_code == 0
    assert (tmp_path / "v" / "Annotations" / "cells.xml").is_file()


def test_what_is_lost_is_said_before_it_is_written(cli: Any, tmp_path: Path) -> None:
    write([hard()], tmp_path / "a.json", "coco")
    done = cli("convert", tmp_path / "a.json", tmp_path / "out", "--to", "yolo-seg")
    lines = done.stdout.splitlines()
    assert [line[:4] for line in lines] == ["YOLO", "YOLO", "YOLO", "1 im"]
    assert all(line.endswith(".") for line in lines[:3])
    # Even if it can't be written then.
    done = cli("convert", tmp_path / "a.json", tmp_path / "out", "--to", "yolo-seg")
    assert (done.exit_code, done.stdout.splitlines()) == (2, lines[:3])
    assert "not empty" in done.stderr
    done = cli("convert", tmp_path / "a.json", tmp_path / "out", "--to", "yolo-seg", "--overwrite")
    assert done.exit_code == 0


def test_other_programs_files_have_no_size(cli: Any, tmp_path: Path) -> None:
    write([hard()], tmp_path / "out", "geojson")
    path = tmp_path / "out" / "Field 1 – Ä.geojson"
    data = json.loads(path.read_text(encoding="utf-8"))
    bare = [f | {"properties": {"classification": {"name": "WBC"}}} for f in data["features"]]
    path.write_text(json.dumps(bare))
    convert = ("convert", path, tmp_path / "a", "--to", "labels-csv", "--overwrite")
    done = cli(*convert)
    assert "size of the image is not known" in done.stdout
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    encoded = cv2.imencode(".png", np.zeros((60, 80, 3), np.uint8))[1]
    (photographs / "Field 1 – Ä.png").write_bytes(encoded.tobytes())
    assert "not known" not in cli(*convert, "--images", photographs).stdout
    (back,) = read(tmp_path / "a")
    assert (back.shape, back.table["label"].tolist()) == ((60, 80), [1, 2, 3, 4, 5, 6, 7])
    assert set(back.table["class"]) == {"WBC"}


def test_bad_input_is_one_sentence(cli: Any, tmp_path: Path) -> None:
    write([hard()], tmp_path / "a.json", "coco")
    (tmp_path / "b.json").write_text((tmp_path / "a.json").read_text()[:500])
    out = tmp_path / "out"
    for arguments, sentence in (
        ((tmp_path / "b.json", out, "--to", "voc"), "cut off"),
        ((tmp_path / "c.json", out, "--to", "voc"), "neither a file nor a folder"),
        ((tmp_path / "a.json", out, "--to", "png"), "no format 'png'"),
        ((tmp_path / "a.json", out, "--to", "voc", "--from", "geojson"), "not a GeoJSON"),
        ((tmp_path / "a.json", out, "--to", "dataset"), "needs the photographs"),
        ((tmp_path / "a.json", tmp_path / "a.json", "--to", "coco", "--overwrite"), "what is read"),
        ((tmp_path / "a.json", tmp_path, "--to", "coco", "--overwrite"), "what is read"),
        ((tmp_path / "a.json", out), "--to"),
    ):
        done = cli("convert", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1
    assert {p.name for p in tmp_path.iterdir()} == {"a.json", "b.json"}


def test_as_a_user_runs_it(tmp_path: Path) -> None:
    write([annotated(np.eye(3), {1: "monocyte"})], tmp_path / "a.json", "coco")
    command = [sys.executable, "-m", "napari_leukocyte", "convert", "a.json", "b", "--to", "voc"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "1 image, 1 object; written to b"
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_help_says_what_is_written_where(cli: Any) -> None:
    text = " ".join(cli("convert", "--help").stdout.replace("│", " ").split())
    for words in (".json", "annotations.json", ".geojson", ".zip", ".zarr", "dataset"):
        assert words in text
