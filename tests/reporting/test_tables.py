from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from napari_leukocyte.analysis.pipeline import Analysis
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.reporting.save import leukogram_table, objects_table, write_csv
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

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
