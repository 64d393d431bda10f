"""The committed lists of names: nothing on two sides, nothing that moves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.photographs import CLASSIFIED, DatasetName, Photograph, load
from training.data.splits import FOLDER, make_split, near_duplicate_groups, select, side_of


@pytest.mark.parametrize("dataset", CLASSIFIED)
def test_committed_sides_share_no_photograph(dataset: str) -> None:
    split = json.loads((FOLDER / f"{dataset}.json").read_text(encoding="utf-8"))
    names = [name for side in split for name in split[side]]
    assert set(split) == {"train", "validation", "test"}
    assert len(names) == len(set(names))
    assert all(split.values())
    assert len(split["train"]) > 0.7 * len(names)


@pytest.mark.parametrize("dataset", ["zheng1", "zheng2", "bccd"])
def test_the_committed_lists_are_what_the_code_makes(dataset: DatasetName, data_root: Path) -> None:
    photographs = load(dataset, data_root)
    committed = json.loads((FOLDER / f"{dataset}.json").read_text(encoding="utf-8"))
    assert make_split(photographs) == committed
    sides = [select(photographs, dataset, side) for side in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(photographs)


def _photographs(folder: Path, images: list[np.ndarray]) -> list[Photograph]:
    made = []
    for i, pixels in enumerate(images):
        path = folder / f"{i}.png"
        Image.fromarray(pixels).save(path)
        made.append(Photograph("bccd", path.name, path, None, None))
    return made


def test_near_duplicates_stay_on_one_side(tmp_path: Path, rng: np.random.Generator) -> None:
    coarse = rng.integers(0, 256, (3, 12, 12, 3), dtype=np.uint8)
    different = [np.asarray(Image.fromarray(c).resize((180, 180))) for c in coarse]
    brighter = np.clip(different[0].astype(int) + 6, 0, 255).astype(np.uint8)
    photographs = _photographs(tmp_path, [*different, brighter])
    assert near_duplicate_groups(photographs) == [0, 1, 2, 0]
    split = make_split(photographs)
    assert any({"0.png", "3.png"} <= set(names) for names in split.values())


def test_sides_depend_on_the_name_alone_and_have_the_shares_asked_for() -> None:
    sides = [side_of(f"set/{i}.png") for i in range(5000)]
    assert sides == [side_of(f"set/{i}.png") for i in range(5000)]
    assert abs(sides.count("test") / 5000 - 0.1) < 0.02
    assert abs(sides.count("validation") / 5000 - 0.1) < 0.02
