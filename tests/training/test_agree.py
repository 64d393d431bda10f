"""Self-training takes only what all members say, of the leukocytes that are known to be there."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.segmentation.ensemble import MemberMaps, segment_members
from training import agree
from training.data.photographs import DatasetName, Photograph
from training.metrics import foreground_iou

SHAPE = (120, 120)


def _disc(radius: float, y: float = 60, x: float = 60) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inside: np.ndarray = np.hypot(rows - y, columns - x) < radius
    return inside.astype(np.float32)


def _maps(*cells: np.ndarray) -> MemberMaps:
    nucleus = _disc(12)
    n = len(cells)
    return MemberMaps(
        cell=np.stack(cells),
        nucleus=np.stack([nucleus] * n),
        names=tuple(f"member {i}" for i in range(n)),
        weights=(1 / n,) * n,
        diameter=50.0,
        model="made up",
        sha256=("0" * 64,) * n,
    )


def _photograph(dataset: DatasetName) -> Photograph:
    return Photograph(dataset, "a.png", Path("a.png"), None, None)


def test_members_that_agree_give_a_mask_with_its_nucleus() -> None:
    mask = agree.agreed_mask(_photograph("pbc"), _maps(_disc(25), _disc(25.4)))
    assert mask is not None
    assert set(np.unique(mask)) == {0, agree.CYTOPLASM, agree.NUCLEUS}
    assert foreground_iou(mask > 0, _disc(25) > 0) > 0.95
    assert foreground_iou(mask == agree.NUCLEUS, _disc(12) > 0) > 0.95


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param((_disc(25), _disc(18)), id="members differ"),
        pytest.param((_disc(0), _disc(0)), id="nothing found"),
        pytest.param((_disc(20) + _disc(20, 20, 20),) * 2, id="two leukocytes"),
        pytest.param((_disc(20, 25, 25),) * 2, id="not in the middle"),
    ],
)
def test_what_is_doubtful_is_left_out(cells: tuple[np.ndarray, ...]) -> None:
    assert agree.agreed_mask(_photograph("pbc"), _maps(*cells)) is None


def test_a_single_member_is_asked_about_turned_copies(tmp_path: Path) -> None:
    shipped = find_model("segmentation")
    member = shipped.members[0]
    shutil.copy(member.file, tmp_path)
    record = json.loads((shipped.folder / "manifest.json").read_text(encoding="utf-8"))
    record |= {"name": "one", "members": record["members"][:1]}
    (tmp_path / "manifest.json").write_text(json.dumps(record), encoding="utf-8")
    smear = synthetic_smear((200, 240), 3, {"neutrophil": 1}, diameter=60.0, touching_pairs=0)

    upright = segment_members(smear.image, str(tmp_path), diameter=60.0)
    maps = agree.turned_maps(smear.image, str(tmp_path), upright)

    assert maps.cell.shape == (4, 200, 240)
    assert maps.nucleus.shape == (4, 200, 240)
    for one in maps.cell:
        assert foreground_iou(smear.labels > 0, one >= 0.5) > 0.8
    assert not np.array_equal(maps.cell[0], maps.cell[1])


def test_agreed_masks_come_back_as_training_photographs_of_their_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _photograph("raabin")
    monkeypatch.setattr(agree, "AGREED", tmp_path)
    monkeypatch.setattr(agree, "candidates", lambda _dataset, _root: [asked])
    path = tmp_path / "a-model" / "masks" / "a.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.full(SHAPE, agree.NUCLEUS, np.uint8))
    classes = {"masks": "a-model", "classifiers": ["one"], "classes": {"a.png": "monocyte"}}
    (tmp_path / "classes-some.json").write_text(json.dumps(classes), encoding="utf-8")

    found = agree.photographs_with_agreed_masks("raabin", tmp_path, "a-model")
    assert found == [dataclasses.replace(asked, mask=path)]
    assert agree.photographs_with_agreed_masks("raabin", tmp_path, "another") == []
    assert agree.photographs_with_agreed_classes(tmp_path, "some") == [
        dataclasses.replace(asked, mask=path, label="monocyte")
    ]
