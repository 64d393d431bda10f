"""The further laboratories' layouts, on small folders made up here."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.composites import same_photographs
from training.data.loaders import bionet, choi
from training.data.photographs import DataError, DatasetName, load
from training.data.splits import FOLDER, leave_out, make_split


def _image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(pixels, (64, 64)))


def _table(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_smear_of_raabin_stays_on_one_side(tmp_path: Path) -> None:
    rows = ["file,class,smear,original"]
    for i in range(40):
        _image(tmp_path / f"raabin/images/c{i:02d}.jpg", i)
        rows.append(f"c{i:02d}.jpg,{'monocyte' if i % 2 else ''},95-{i // 4},x.jpg")
    _table(tmp_path / "raabin/labels.csv", "\n".join(rows) + "\n")
    found = load("raabin_labelled", tmp_path)
    assert [p.label for p in found[:2]] == [None, "monocyte"]
    assert all(p.mask is None for p in found)
    smear = {p.name: p.group for p in found}
    sides = [{smear[name] for name in names} for names in make_split(found).values()]
    assert sum(map(len, sides)) == len(set(smear.values())) == 10


def test_raabins_two_sets_are_left_out_together() -> None:
    assert same_photographs("raabin_labelled") == {"raabin", "raabin_labelled"}


def test_what_is_left_out_takes_its_smears_along(tmp_path: Path) -> None:
    sets: tuple[DatasetName, ...] = ("raabin", "raabin_labelled", "choi_marrow")
    for seed, dataset in enumerate(sets):
        split = json.loads((FOLDER / f"{dataset}.json").read_text(encoding="utf-8"))
        _image(tmp_path / split["train"][0], seed)
        if dataset != "raabin":
            table = (tmp_path / split["train"][0]).parents[1] / "labels.csv"
            name = Path(split["train"][0]).name
            _table(table, f"file,class,smear,stage\n{name},,1,band\n")
    sides = leave_out("raabin_labelled", {d: load(d, tmp_path) for d in sets})
    assert {p.dataset for p in sides.test} == {"raabin_labelled"}
    assert {p.dataset for p in sides.train} == {"choi_marrow"}


def test_bionets_neighbours_stay_together_and_boxes_are_read(tmp_path: Path) -> None:
    for number in (1, 8, 15, 900):
        _image(tmp_path / f"bionet/images/{number:04d}.jpg", number)
    _table(
        tmp_path / "bionet/labels.csv",
        "file,class\n0001.jpg,\n0008.jpg,lymphocyte\n0015.jpg,\n0900.jpg,\n",
    )
    _table(
        tmp_path / "bionet/boxes.csv",
        "file,kind,xmin,ymin,xmax,ymax\n"
        "0008.jpg,leukocyte,10,20,30,60\n0008.jpg,platelet,1,2,3,4\n0015.jpg,leukocyte,1,1,2,2\n",
    )
    found = load("bionet", tmp_path)
    assert [p.label for p in found] == [None, "lymphocyte", None, None]
    assert found[0].group == found[1].group == found[2].group != found[3].group
    np.testing.assert_array_equal(bionet.read_boxes(found[1]), [[20, 10, 60, 30]])
    np.testing.assert_array_equal(bionet.read_boxes(found[1], "platelet"), [[2, 1, 4, 3]])
    assert bionet.read_boxes(found[0]).shape == (0, 4)
    _table(tmp_path / "bionet/boxes.csv", "file,kind,xmin,ymin,xmax\n")
    with pytest.raises(DataError, match=r"boxes\.csv has no column 'ymax'"):
        bionet.read_boxes(found[1])
    _table(
        tmp_path / "bionet/boxes.csv",
        "file,kind,xmin,ymin,xmax,ymax\n0008.jpg,leukocyte,a,20,30,60\n",
    )
    with pytest.raises(DataError, match="edges are not numbers"):
        bionet.read_boxes(found[1])


def test_a_leukocyte_among_the_empty_fields_is_refused(tmp_path: Path) -> None:
    _image(tmp_path / "chula_rbc/images/028.jpg", 1)
    _table(tmp_path / "chula_rbc/labels.csv", "file,leukocytes\n028.jpg,0\n")
    (only,) = load("chula_rbc", tmp_path)
    assert only.label is None
    _table(tmp_path / "chula_rbc/labels.csv", "file,leukocytes\n028.jpg,1\n")
    with pytest.raises(DataError, match="must show none"):
        load("chula_rbc", tmp_path)
    (tmp_path / "chula_rbc/labels.csv").unlink()
    with pytest.raises(DataError, match="describes the photographs beside it, is missing"):
        load("chula_rbc", tmp_path)


def test_choi_tells_stages_and_myeloblasts_have_no_class(tmp_path: Path) -> None:
    _image(tmp_path / "choi_marrow/images/4_1.jpg", 1)
    _image(tmp_path / "choi_marrow/images/8_1.jpg", 2)
    _table(
        tmp_path / "choi_marrow/labels.csv",
        "file,class,stage\n4_1.jpg,,myeloblast\n8_1.jpg,neutrophil,band\n",
    )
    assert [p.label for p in load("choi_marrow", tmp_path)] == [None, "neutrophil"]
    assert choi.read_stages(tmp_path)["choi_marrow/images/8_1.jpg"] == "band"
