"""Results that the plugin saved come back as photographs with masks and classes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.cli.run import run
from napari_leukocyte.cli.run_files import RunOptions
from napari_leukocyte.reporting.record import ImageRecord, file_sha256, make_record
from napari_leukocyte.reporting.save import save_results
from napari_leukocyte.segmentation.parameters import PostprocessParams
from training.data import checksums
from training.data.loaders.own import read_classes
from training.data.photographs import DataError, load
from training.data.splits import select


def _image(path: Path, centres: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    rgb = np.full((120, 160, 3), (225, 215, 228), np.uint8)
    labels = np.zeros(rgb.shape[:2], np.int32)
    for i, centre in enumerate(centres, 1):
        cv2.circle(rgb, centre, 22, (110, 70, 160), -1)
        cv2.circle(labels, centre, 22, i, -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return rgb, labels


def _save(
    folder: Path, image: Path, rgb: np.ndarray, labels: np.ndarray, classes: list[str | None]
) -> None:
    table = measure(labels)
    table["class"] = pd.Series(classes, index=table.index, dtype="str")
    table["confidence"] = 0.9
    record = ImageRecord(str(image), (120, 160), 44.0, len(table), file_sha256(image))
    save_results(
        folder,
        str(image),
        image=rgb,
        labels=labels,
        table=table,
        leukogram=None,
        record=make_record(
            images=[record], segmentation=None, classification=None, params=PostprocessParams()
        ),
    )


def test_saved_results_give_touching_cells_and_their_classes(tmp_path: Path) -> None:
    image = tmp_path / "slides" / "a.png"
    rgb, labels = _image(image, [(50, 60), (92, 60)])
    root = tmp_path / "root"
    _save(root / "own" / "patient" / "a", image, rgb, labels, ["monocyte", "my own class"])
    (photograph,) = load("own", root)
    assert photograph.name == "own/patient/a"
    assert photograph.label is None
    assert not photograph.has_nucleus
    assert read_classes(photograph) == {1: "monocyte", 2: None}
    np.testing.assert_array_equal(photograph.read(), rgb)
    np.testing.assert_array_equal(photograph.read_labels(), labels)
    np.testing.assert_array_equal(photograph.read_mask()[..., 0], labels > 0)


def test_where_reviews_are_told_a_models_word_alone_is_no_truth(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    rgb, labels = _image(image, [(40, 60), (110, 60)])
    folder = tmp_path / "root" / "own" / "a"
    _save(folder, image, rgb, labels, ["monocyte", "lymphocyte"])
    table = pd.read_csv(folder / "objects.csv")
    table.assign(reviewed=[True, False]).to_csv(folder / "objects.csv", index=False)
    (photograph,) = load("own", tmp_path / "root")
    assert read_classes(photograph) == {1: "monocyte", 2: None}


def test_the_command_lines_results_are_read(tmp_path: Path) -> None:
    images = [tmp_path / "slides" / f"{n}.png" for n in "ab"]
    for image in images:
        _image(image, [(80, 60)])
    out = tmp_path / "root" / "own" / "first"
    options = RunOptions(tuple(map(str, images)), out, diameter="44")
    assert run(options) == 0
    found = load("own", tmp_path / "root")
    assert [p.name for p in found] == ["own/first/a", "own/first/b"]
    table = pd.read_csv(out / "objects.csv")
    for p, image in zip(found, images, strict=True):
        assert p.image == image
        rows = table[table["image"] == str(image)]
        assert set(read_classes(p)) == set(rows["label"])
        assert p.read_labels().max() == rows["label"].max()
    assert found[0].label == table["class"].iloc[0]


def test_a_moved_photograph_is_found_beside_the_results(tmp_path: Path) -> None:
    image = tmp_path / "elsewhere" / "a.png"
    rgb, labels = _image(image, [(80, 60)])
    folder = tmp_path / "root" / "own" / "a"
    _save(folder, image, rgb, labels, ["basophil"])
    beside = folder / "a.png"
    shutil.move(image, beside)
    (photograph,) = load("own", tmp_path / "root")
    assert (photograph.image, photograph.label) == (beside, "basophil")
    _image(beside, [(30, 30)])
    with pytest.raises(DataError, match="was changed since"):
        load("own", tmp_path / "root")
    beside.unlink()
    with pytest.raises(DataError, match=r"is not there: put it beside labels\.tif"):
        load("own", tmp_path / "root")


def test_results_that_are_not_whole_are_refused_in_one_sentence(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    rgb, labels = _image(image, [(80, 60)])
    folder = tmp_path / "root" / "own" / "a"
    _save(folder, image, rgb, labels, ["basophil"])
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for broken, said in (
        ({**record, "schema": 9}, "layout version 9"),
        ({**record, "images": 3}, "not a record of results"),
        ({**record, "images": []}, "says nothing of"),
    ):
        other = tmp_path / said.replace(" ", "-") / "own" / "a"
        shutil.copytree(folder, other)
        (other / "run.json").write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(DataError, match=said):
            load("own", other.parents[1])
    (folder / "objects.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a table of objects"):
        load("own", tmp_path / "root")
    (folder / "run.json").unlink()
    with pytest.raises(DataError, match=r"has no run\.json beside or above"):
        load("own", tmp_path / "root")


def test_one_photograph_stays_on_one_side_and_a_public_one_on_its_own(
    tmp_path: Path, data_root: Path
) -> None:
    root = tmp_path / "root"
    image = tmp_path / "a.png"
    rgb, labels = _image(image, [(80, 60)])
    for run_name in ("first", "second"):
        _save(root / "own" / run_name, image, rgb, labels, ["basophil"])
    public = load("bccd", data_root)
    (held_out, *_), (trained, *_) = (select(public, "bccd", s) for s in ("test", "train"))
    for p in (held_out, trained):
        _save(root / "own" / p.image.stem, p.image, rgb, labels, ["neutrophil"])
    found = load("own", root)
    by_name = {p.name: p for p in found}
    assert by_name["own/first"].key == by_name["own/second"].key
    assert by_name[f"own/{held_out.image.stem}"].key == held_out.name
    assert by_name[f"own/{held_out.image.stem}"] in select(found, "own", "test")
    assert by_name[f"own/{trained.image.stem}"] in select(found, "own", "train")
    assert len(select(found, "own", "train", "validation", "test")) == len(found)
    assert checksums.public_name("0" * 64) is None
