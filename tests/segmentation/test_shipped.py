"""The shipped networks on drawn and on real fields."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import napari_leukocyte as nl
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import SyntheticSmear, synthetic_smear
from napari_leukocyte.segmentation.matching import overlaps

ROOT = Path(__file__).parents[2]
#: Value of BCCD's masks half way between background and cytoplasm.
CYTOPLASM = 81


@pytest.fixture(scope="module")
def smear() -> SyntheticSmear:
    return synthetic_smear((500, 500), seed=3, n_per_class=1, diameter=60, touching_pairs=1)


def jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_cells_of_a_drawn_smear_are_found_parted_and_classified(smear: SyntheticSmear) -> None:
    maps = nl.segment_members(smear.image)
    assert maps.diameter == pytest.approx(smear.diameter, rel=0.25)
    assert maps.notes == ()
    assert maps.sha256 == tuple(m.sha256 for m in find_model("segmentation").members)
    probability = maps.combine()
    labels = nl.postprocess(probability, diameter=maps.diameter)
    found = [pair for pair in overlaps(labels, smear.labels) if pair[0] >= 0.7]
    assert len(found) == labels.max() == len(smear.classes)
    assert jaccard(maps.combine_nucleus() >= 0.5, smear.nucleus) > 0.6
    table = nl.classify(smear.image, labels, nucleus=maps.combine_nucleus())
    truth = {new: smear.classes[old] for _, new, old in found}
    right = [truth[n] == c for n, c in zip(table["label"], table["class"], strict=True)]
    assert sum(right) >= 3
    assert table["nucleus_cell_ratio"].between(0.1, 1).all()
    assert nl.count(table)["count"].sum() == len(smear.classes)


def test_result_does_not_depend_on_the_magnification_or_the_tiles(smear: SyntheticSmear) -> None:
    once = nl.segment(smear.image, diameter=60)
    double = cv2.resize(smear.image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    twice = cv2.resize(nl.segment(double, diameter=120), (500, 500), interpolation=cv2.INTER_AREA)
    assert jaccard(once >= 0.5, twice >= 0.5) > 0.95
    # The same cells, elsewhere on the lattice of tiles.
    moved = np.pad(smear.image, ((110, 30), (70, 50), (0, 0)), mode="reflect")
    part = nl.segment(moved, diameter=60)[110:610, 70:570]
    assert jaccard(once[50:450, 50:450] >= 0.5, part[50:450, 50:450] >= 0.5) > 0.95


def test_small_and_odd_images_give_maps_of_their_size() -> None:
    for shape in ((16, 16, 3), (16, 300, 3), (17, 23), (33, 65, 4)):
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        maps = nl.segment_members(image)
        assert maps.cell.shape[1:] == shape[:2]
        assert np.isfinite(maps.cell).all()
        assert np.isfinite(maps.nucleus).all()


def test_held_out_photographs(data_root: Path) -> None:
    split = json.loads((ROOT / "training" / "splits" / "bccd.json").read_text(encoding="utf-8"))
    shares = []
    for name in split["test"][::8][:4]:
        mask_name = f"BloodImage_Mask_{Path(name).stem[-5:]}.png"
        gray = cv2.imread(str(data_root / "bccd" / "masks" / mask_name), cv2.IMREAD_GRAYSCALE)
        truth = np.asarray(gray) >= CYTOPLASM
        maps = nl.segment_members(read_image(data_root / name))
        labels = nl.postprocess(maps.combine(), diameter=maps.diameter)
        shares.append(jaccard(labels > 0, truth))
    assert len(shares) == 4
    assert min(shares) > 0.75
    assert np.mean(shares) > 0.88
