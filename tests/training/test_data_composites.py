"""Composite sets: what is missing is said, and no photograph comes in twice."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.composites import COMPOSITES, load_sets, resolve, same_photographs
from training.data.photographs import LOADERS, DataError


def _root(root: Path, *datasets: str) -> Path:
    """Make one photograph of each set."""
    places = {
        "zheng1": "zheng2018/Dataset 1/001.bmp",
        "zheng2": "zheng2018/Dataset 2/001.bmp",
        "pbc": "pbc/PBC_dataset_normal_DIB/basophil/BA_1.jpg",
        "bccd": "bccd/images/BloodImage_00000.jpg",
        "kaggle": "kaggle/images/TRAIN/MONOCYTE/_0_1.jpeg",
        "lisc": "lisc/Main Dataset/neut/1.bmp",
    }
    for dataset in datasets:
        path = root / places[dataset]
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    for number in (1, 2):
        table = root / "zheng2018" / f"Class Labels of Dataset {number}.csv"
        if table.parent.is_dir():
            table.write_text("image ID,class\n1,5\n", encoding="utf-8")
    if (root / "bccd").is_dir():
        (root / "bccd" / "labels.csv").write_text(",0,NEUTROPHIL\n", encoding="utf-8")
    return root


def test_the_papers_sets_are_whole_where_all_is_there(tmp_path: Path) -> None:
    root = _root(tmp_path, "zheng1", "zheng2", "pbc", "bccd", "kaggle", "lisc")
    segmentation = resolve(["paper-segmentation"], root, complete=True)
    assert (segmentation.datasets, segmentation.notes) == (("zheng1", "zheng2", "lisc"), ())
    classification = load_sets(["paper-classification"], root, complete=True)
    assert tuple(classification) == ("zheng1", "zheng2", "pbc", "kaggle")
    assert [p.label for found in classification.values() for p in found] == [
        *("basophil", "basophil", "basophil", "monocyte")
    ]


def test_what_is_missing_is_said_or_refused(tmp_path: Path) -> None:
    root = _root(tmp_path, "zheng1", "pbc", "bccd")
    found = resolve(["paper-segmentation"], root)
    assert found.datasets == ("zheng1",)
    assert [n.split(",")[0] for n in found.notes] == [
        "paper-segmentation is without zheng2",
        "paper-segmentation is without lisc",
    ]
    with pytest.raises(DataError, match="without zheng2, which is not under"):
        resolve(["paper-segmentation"], root, complete=True)
    found = resolve(["paper-classification"], root)
    assert found.datasets == ("zheng1", "pbc", "bccd")
    assert "has bccd in place of kaggle" in found.notes[-1]
    with pytest.raises(DataError, match="No photograph of lisc"):
        resolve(["lisc"], root)
    with pytest.raises(DataError, match="Nothing of paper-segmentation"):
        resolve(["paper-segmentation"], tmp_path / "none")


def test_sets_that_show_the_same_photographs_are_not_mixed(tmp_path: Path) -> None:
    root = _root(tmp_path, "bccd", "kaggle", "zheng1")
    with pytest.raises(DataError, match="bccd and kaggle show the same photographs"):
        resolve(["bccd", "kaggle"], root)
    with pytest.raises(DataError, match="bccd and kaggle show the same photographs"):
        resolve(["paper-classification", "bccd"], root)
    assert resolve(["zheng1", "paper-segmentation"], root).datasets == ("zheng1",)
    assert same_photographs("kaggle") == {"bccd", "kaggle"}
    assert same_photographs("pbc") == {"pbc"}


def test_composites_name_sets_that_exist() -> None:
    assert {d for c in COMPOSITES.values() for places in c for d in places} <= set(LOADERS)
