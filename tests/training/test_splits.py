"""The committed lists of names: nothing on two sides, nothing that moves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.photographs import SPLIT, DataError, DatasetName, Photograph, load
from training.data.splits import (
    FOLDER,
    leave_out,
    make_split,
    near_duplicate_groups,
    paper_sides,
    select,
    side_of,
)


@pytest.mark.parametrize("dataset", SPLIT)
def test_committed_sides_share_no_photograph(dataset: str) -> None:
    split = json.loads((FOLDER / f"{dataset}.json").read_text(encoding="utf-8"))
    names = [name for side in split for name in split[side]]
    assert set(split) == {"train", "validation", "test"}
    assert len(names) == len(set(names))
    assert all(split.values())
    assert len(split["train"]) > 0.65 * len(names)


@pytest.mark.parametrize("dataset", ["zheng1", "zheng2", "bccd", "raabin"])
def test_the_committed_lists_are_what_the_code_makes(dataset: DatasetName, data_root: Path) -> None:
    photographs = load(dataset, data_root)
    committed = json.loads((FOLDER / f"{dataset}.json").read_text(encoding="utf-8"))
    assert make_split(photographs) == committed
    sides = [select(photographs, dataset, side) for side in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(photographs)


def test_the_list_of_pbc_has_every_class_on_every_side(data_root: Path) -> None:
    photographs = load("pbc", data_root)
    classes = {p.label for p in photographs}
    assert len(classes) == 8
    for side in ("train", "validation", "test"):
        assert {p.label for p in select(photographs, "pbc", side)} == classes


def test_the_papers_split_moves_nothing_into_or_out_of_the_test_side(data_root: Path) -> None:
    photographs = load("bccd", data_root)
    train, test = paper_sides(photographs, "bccd")
    assert test == select(photographs, "bccd", "test")
    assert len(train) + len(test) == len(photographs)
    assert 0.85 < len(train) / len(photographs) < 0.95


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


def _named(
    dataset: DatasetName, name: str, group: str | None = None, image: Path | None = None
) -> Photograph:
    return Photograph(dataset, name, image or Path(name), None, None, group)


def test_copies_of_one_photograph_stay_on_one_side(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    made = []
    for i in range(60):
        # Copies look different each; only their group says that they are copies.
        path = tmp_path / f"{i}.png"
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(path)
        made.append(_named("kaggle", path.name, f"group {i % 20}", path))
    # A near-duplicate of another group's copy joins the two groups, whose names alone would put
    # them on two sides.
    other = next(i for i in range(20) if side_of(f"group {i}") != side_of("group 7"))
    made.append(_named("kaggle", "twin.png", f"group {other}", made[7].image))
    split = make_split(made)
    sides = {name: side for side, names in split.items() for name in names}
    assert len(sides) == len(made)
    assert len({*split["train"], *split["validation"], *split["test"]}) == len(made)
    for i in range(20):
        assert len({sides[p.name] for p in made if p.group == f"group {i}"}) == 1
    assert sides[f"{other}.png"] == sides["7.png"] == sides["twin.png"]
    assert len(set(sides.values())) > 1


def test_a_set_without_a_list_is_split_by_its_groups() -> None:
    copies = [_named("kaggle", f"{i}.jpeg", f"group {i % 50}") for i in range(200)]
    other = _named("lisc", "lisc/1.bmp")
    sides = {s: select([*copies, other], "kaggle", s) for s in ("train", "validation", "test")}
    assert sum(map(len, sides.values())) == len(copies)
    groups = [{p.group for p in found} for found in sides.values()]
    assert all(not a & b for i, a in enumerate(groups) for b in groups[:i])
    assert sides["test"] == [p for p in copies if side_of(str(p.group)) == "test"]


def test_nothing_of_a_left_out_set_trains() -> None:
    lists = {d: json.loads((FOLDER / f"{d}.json").read_text()) for d in ("bccd", "zheng1")}
    sets: dict[DatasetName, list[Photograph]] = {
        "bccd": [_named("bccd", n) for side in lists["bccd"].values() for n in side],
        "zheng1": [_named("zheng1", n) for side in lists["zheng1"].values() for n in side],
        "kaggle": [_named("kaggle", f"kaggle/{i}.jpeg", f"g{i // 5}") for i in range(300)],
        "own": [
            _named("own", "own/1", group=lists["bccd"]["train"][0]),
            _named("own", "own/2", group=lists["zheng1"]["train"][0]),
            _named("own", "own/3", group=lists["zheng1"]["test"][0]),
        ],
    }
    sides = leave_out("bccd", sets)
    assert sides.test == sets["bccd"]
    # Kaggle's photographs are BCCD's, and so is one of the user's own.
    assert {p.name for p in sides.train} == {*lists["zheng1"]["train"], "own/2"}
    assert {p.name for p in sides.validation} == set(lists["zheng1"]["validation"])
    without_kaggle = leave_out("kaggle", sets)
    assert not {p.dataset for p in without_kaggle.train} & {"kaggle", "bccd"}
    with pytest.raises(DataError, match="pbc can't be left out"):
        leave_out("pbc", sets)
    with pytest.raises(DataError, match="no set left to train on"):
        leave_out("kaggle", {"kaggle": sets["kaggle"], "bccd": sets["bccd"]})
