from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_leukocyte.analysis.pipeline import Analysis
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.errors import ImageError, OutputError
from napari_leukocyte.reporting.record import (
    ImageRecord,
    describe_maps,
    file_sha256,
    make_record,
    write_record,
)
from napari_leukocyte.reporting.save import (
    FILES,
    leukogram_table,
    objects_table,
    save_results,
    write_csv,
)
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES


def record_of(result: Analysis) -> dict[str, Any]:
    return make_record(
        images=[ImageRecord("a.png", (120, 200), 34.0, 3, notes=("A note.",))],
        segmentation=describe_maps(result.maps, [0.5]),
        classification=None,
        params=PostprocessParams(threshold=0.4),
    )


def save(folder: Path, result: Analysis, *, overwrite: bool = False) -> list[Path]:
    return save_results(
        folder,
        "a.png",
        image=result.rgb,
        labels=result.labels,
        table=result.table,
        leukogram=result.leukogram,
        record=record_of(result),
        overwrite=overwrite,
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_saves_every_file(result: Analysis, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    written = save(folder, result)
    assert {p.name for p in written} == {p.name for p in folder.iterdir()} == set(FILES)
    np.testing.assert_array_equal(tifffile.imread(folder / "labels.tif"), result.labels)
    lines = (folder / "leukogram.csv").read_text("utf-8").splitlines()
    assert lines[0] == "image,class,count,percent,ci_low,ci_high,total"
    assert [line.split(",")[0] for line in lines[1:]] == ["a.png"] * 5 + ["ALL"] * 5


def test_record_holds_how_the_results_came_about(result: Analysis, tmp_path: Path) -> None:
    save(tmp_path, result)
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert record["disclaimer"] == DISCLAIMER
    assert PostprocessParams.from_dict(record["parameters"]) == PostprocessParams(threshold=0.4)
    assert record["segmentation"] == {
        "model": "test",
        "members": [{"name": "only", "sha256": "ab" * 32, "weight": 0.5}],
    }
    assert record["images"][0]["diameter_px"] == 34.0
    assert record["images"][0]["notes"] == ["A note."]
    assert record["created"].endswith("+00:00")
    assert {"napari-leukocyte", "python", "numpy", "onnxruntime", "opencv"} <= set(
        record["versions"]
    )


def test_record_is_json_whatever_it_holds(tmp_path: Path) -> None:
    record = {"nan": float("nan"), "count": np.int64(3), "share": np.float32("inf"), "p": "a\udcff"}
    write_record(tmp_path / "r.json", record)
    text = (tmp_path / "r.json").read_text("utf-8")
    assert json.loads(text) == {"nan": None, "count": 3, "share": None, "p": "a\udcff"}


def test_checksum_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(ImageError, match="can't be read"):
        file_sha256(tmp_path / "y")


def test_refuses_to_overwrite_unless_asked(result: Analysis, tmp_path: Path) -> None:
    (tmp_path / "objects.csv").write_text("mine")
    (tmp_path / "other.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"already holds objects\.csv: "):
        save(tmp_path, result)
    assert snapshot(tmp_path) == {"objects.csv": b"mine", "other.txt": b"mine"}
    save(tmp_path, result, overwrite=True)
    saved = snapshot(tmp_path)
    assert set(saved) == {*FILES, "other.txt"}
    assert saved["other.txt"] == b"mine"


@pytest.mark.parametrize("moves", [0, 3])
def test_a_full_disk_leaves_old_results_whole(
    result: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    save(tmp_path, result)
    old = snapshot(tmp_path)
    real, count = os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal count
        # Each file is first moved to its name in the staging folder, then to its place.
        into_place = Path(target).parent == tmp_path
        count += into_place
        if into_place and count == moves + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    result.labels[5:9, 5:9] = 99
    with pytest.raises(OutputError, match=rf"^{tmp_path} can't be written: the disk is full\.$"):
        save(tmp_path, result, overwrite=True)
    assert snapshot(tmp_path) == old


def test_a_disk_that_is_full_while_a_table_is_written(
    result: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, result)
    old = snapshot(tmp_path)

    def write_bytes(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(OutputError, match=rf"^{tmp_path} can't be written: the disk is full\.$"):
        save(tmp_path, result, overwrite=True)
    assert snapshot(tmp_path) == old


def test_results_without_classes_have_no_leukogram(result: Analysis, tmp_path: Path) -> None:
    save(tmp_path, result)
    written = save_results(
        tmp_path,
        "a.png",
        image=result.rgb,
        labels=result.labels,
        table=measure(result.labels),
        leukogram=None,
        record=record_of(result),
        overwrite=True,
    )
    # The earlier leukogram belonged to other objects.
    assert {p.name for p in written} == {p.name for p in tmp_path.iterdir()}
    assert not (tmp_path / "leukogram.csv").exists()


FRONT = ["image", "label", "class", "confidence", "score"]
PROBABILITIES = [f"p_{name}" for name in LEUKOCYTE_NAMES]
PLACE = ["y", "x", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1", "area_px"]
REST = ["equivalent_diameter_px", "circularity", "solidity", "nucleus_cell_ratio"]


def test_columns_of_the_objects(result: Analysis) -> None:
    table = objects_table([("a.png", result.table)])
    assert list(table) == FRONT + PROBABILITIES + PLACE + REST
    # Whatever order they come in, and whatever a session adds.
    turned = result.table[list(result.table)[::-1]].assign(source="model", edited=False)
    columns = list(objects_table([("a.png", turned)]))
    assert columns == FRONT + PROBABILITIES[::-1] + PLACE + REST[::-1] + ["source", "edited"]


def test_images_keep_their_order_and_paths(result: Analysis, tmp_path: Path) -> None:
    names = ["=1+1.png", '-x/Größe, "b".png', "@z.png", "fine.png"]
    nothing = result.table.iloc[:0]
    tables = [(name, nothing if name == "fine.png" else result.table) for name in names]
    write_csv(tmp_path / "o.csv", objects_table(tables))
    raw = (tmp_path / "o.csv").read_bytes()
    assert b"\r" not in raw
    rows = list(csv.DictReader(raw.decode("utf-8").splitlines()))
    assert [r["image"] for r in rows] == [n for n in names[:3] for _ in range(3)]
    assert [r["label"] for r in rows] == ["3", "7", "12"] * 3
    assert rows[0]["confidence"] == "0.900000"
    assert rows[0]["y"] == "34.500000"
    assert rows[0]["area_px"] == "900"
    assert rows[0]["nucleus_cell_ratio"] == ""


def test_a_name_that_is_no_text_is_written_as_escapes(result: Analysis, tmp_path: Path) -> None:
    write_csv(tmp_path / "o.csv", objects_table([("a\udcff.png", result.table)]))
    assert "a\\udcff.png" in (tmp_path / "o.csv").read_text("utf-8")


@pytest.mark.parametrize("objects", [3, 0])
def test_unclassified_objects_have_no_class(result: Analysis, tmp_path: Path, objects: int) -> None:
    table = measure(result.labels if objects else result.labels * 0)
    write_csv(tmp_path / "o.csv", objects_table([("a.png", table)]))
    lines = (tmp_path / "o.csv").read_text("utf-8").splitlines()
    assert lines[0].split(",") == FRONT + PLACE + REST
    assert len(lines) == 1 + objects
    assert all(line.split(",")[2:4] == ["", ""] for line in lines[1:])


def test_all_is_counted_over_the_cells_of_every_image(result: Analysis) -> None:
    table = result.table
    few = table.iloc[2:]  # one monocyte: averaging percentages would say 67 % monocytes
    tables = [("a.png", table), ("b.png", few), ("c.png", table.iloc[:0])]
    leukogram = leukogram_table(tables)
    assert list(leukogram) == ["image", "class", "count", "percent", "ci_low", "ci_high", "total"]
    assert list(dict.fromkeys(leukogram["image"])) == ["a.png", "b.png", "c.png", "ALL"]
    pooled = leukogram[leukogram["image"] == "ALL"].drop(columns="image").reset_index(drop=True)
    pd.testing.assert_frame_equal(pooled, count(pd.concat([table, few])))
    assert pooled.set_index("class").loc["monocyte", "percent"] == pytest.approx(50)


def test_a_leukogram_of_nothing_has_no_percentages(result: Analysis, tmp_path: Path) -> None:
    write_csv(tmp_path / "l.csv", leukogram_table([("a.png", result.table.iloc[:0])]))
    lines = (tmp_path / "l.csv").read_text("utf-8").splitlines()
    assert lines[1] == "a.png,neutrophil,0,,0.000000,100.000000,0"
    assert len(lines) == 1 + 2 * len(LEUKOCYTE_NAMES)
