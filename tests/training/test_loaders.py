"""Every source's own layout becomes photographs with the vocabulary's classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_leukocyte.vocabulary import CLASSES, FURTHER, LEUKOCYTE_NAMES
from training.data.attributes import ATTRIBUTES, load_attributes
from training.data.loaders.raabin import ERYTHROCYTE, read_boxes
from training.data.masks import split_levels
from training.data.photographs import LOADERS, SPLIT, DataError, DatasetName, load


def _write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


@pytest.mark.parametrize("dataset", SPLIT)
def test_labels_are_the_vocabularys_and_files_are_there(
    dataset: DatasetName, data_root: Path
) -> None:
    found = load(dataset, data_root)
    names = [p.name for p in found]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert {p.label for p in found} <= {c.name for c in CLASSES} | {None}
    assert all((data_root / p.name) == p.image and p.image.is_file() for p in found)
    assert all(p.mask is None or p.mask.is_file() for p in found)


def test_pbc_has_the_five_classes_and_three_further_ones(data_root: Path) -> None:
    counts = Counter(p.label for p in load("pbc", data_root))
    assert set(counts) == {*LEUKOCYTE_NAMES, *(c.name for c in FURTHER)}
    assert counts["immature granulocyte"] == 600


@pytest.mark.parametrize("dataset", ["zheng1", "zheng2", "bccd"])
def test_masks_fit_their_images_and_nuclei_lie_in_cells(
    dataset: DatasetName, data_root: Path
) -> None:
    for p in load(dataset, data_root)[:5]:
        truth = p.read_mask()
        assert p.has_nucleus
        assert truth.shape == (*p.read().shape[:2], 2)
        assert set(np.unique(truth)) == {0, 1}
        assert not (truth[..., 1] > truth[..., 0]).any()
        assert p.read_labels().max() >= 1


def test_boxes_of_raabin_lie_on_dark_cells(data_root: Path) -> None:
    contrasts = []
    for p in load("raabin", data_root)[:20]:
        rgb = p.read().astype(float)
        boxes = read_boxes(p)
        assert boxes.shape[1] == 4
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert boxes.min() > -1
        assert boxes.max() < max(rgb.shape) + 1
        assert p.label is None
        assert p.mask is None
        for y0, x0, y1, x1 in boxes.round().astype(int):
            height, width = (y1 - y0) // 4, (x1 - x0) // 4
            centre = rgb[y0 + height : y1 - height, x0 + width : x1 - width, 1]
            contrasts.append(rgb[..., 1].mean() - centre.mean())
    assert np.mean(np.array(contrasts) > 10) > 0.9


def test_boxes_are_read_by_kind_and_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "raabin_unlabelled"
    _write(folder / "images" / "a.jpg", np.zeros((100, 200, 3), np.uint8))
    file = folder / "labels" / "a.txt"
    (photograph,) = load("raabin", tmp_path)
    with pytest.raises(DataError, match="can't be read"):
        read_boxes(photograph)
    file.parent.mkdir()
    file.write_text("0 0.5 0.5 0.1 0.2\n1 0.25 0.5 0.1 0.1\n", encoding="utf-8")
    np.testing.assert_allclose(read_boxes(photograph), [[40, 90, 60, 110]])
    np.testing.assert_allclose(read_boxes(photograph, ERYTHROCYTE), [[45, 40, 55, 60]])
    assert read_boxes(photograph, 2).shape == (0, 4)
    file.write_text("0 0.5 0.5\n", encoding="utf-8")
    with pytest.raises(DataError, match="is not a file of boxes"):
        read_boxes(photograph)


@pytest.mark.parametrize("archive", ["", "LISC Database"])
def test_lisc_as_its_archive_is_laid_out(archive: str, tmp_path: Path) -> None:
    folder = tmp_path / "lisc" / archive
    field = np.full((576, 720, 3), 200, np.uint8)
    drawn = np.zeros((568, 712), np.uint8)
    cv2.circle(drawn, (300, 200), 40, 90, -1)
    cv2.circle(drawn, (300, 200), 20, 180, -1)
    for kind in ("Baso", "neut", "mixt"):
        _write(folder / "Main Dataset" / kind / "1.bmp", field)
        _write(folder / "Main Dataset" / kind / "11.bmp", field)
        masks = folder / "Ground Truth Segmentation" / kind / "areaforexpert1"
        _write(masks / "1_expert.bmp", drawn)
    found = load("lisc", tmp_path)
    assert [(p.name, p.label) for p in found[::2]] == [
        ("lisc/Main Dataset/Baso/1.bmp", "basophil"),
        ("lisc/Main Dataset/mixt/1.bmp", None),
        ("lisc/Main Dataset/neut/1.bmp", "neutrophil"),
    ]
    assert [p.has_nucleus for p in found] == [True, False] * 3
    truth = found[0].read_mask()
    assert truth.shape == (576, 720, 2)
    # 4 px on each side are missing in the mask.
    ys, xs = np.nonzero(truth[..., 1])
    assert (ys.mean().round(), xs.mean().round()) == (204, 304)
    assert truth[..., 0].sum() == np.count_nonzero(drawn)
    assert truth[..., 1].sum() == np.count_nonzero(drawn == 180)


@pytest.mark.parametrize(("nucleus", "cytoplasm"), [(80, 200), (200, 80)])
def test_the_nucleus_is_what_lies_inside_whichever_is_brighter(
    nucleus: int, cytoplasm: int
) -> None:
    drawn = np.zeros((200, 300), np.uint8)
    for centre in ((80, 90), (210, 110)):
        cv2.circle(drawn, centre, 40, cytoplasm, -1)
        # Nuclei lie off the centre and reach the rim here and there.
        cv2.circle(drawn, (centre[0] + 12, centre[1]), 28, nucleus, -1)
    truth = split_levels(drawn)
    np.testing.assert_array_equal(truth[..., 1] > 0, drawn == nucleus)
    np.testing.assert_array_equal(truth[..., 0] > 0, drawn > 0)
    assert not split_levels(np.where(drawn, np.uint8(7), np.uint8(0)))[..., 1].any()


def test_kaggles_copies_of_one_photograph_are_one_group(tmp_path: Path) -> None:
    images = tmp_path / "kaggle" / "dataset2-master" / "dataset2-master" / "images"
    for place in (
        "TRAIN/EOSINOPHIL/_3_11.jpeg",
        "TRAIN/EOSINOPHIL/_3_3120.jpeg",
        "TRAIN/EOSINOPHIL/_31_20.jpeg",
        "TRAIN/MONOCYTE/_3_11.jpeg",
        "TEST/EOSINOPHIL/_3_11.jpeg",
        "TEST_SIMPLE/EOSINOPHIL/_3_945.jpeg",
    ):
        _write(images / place, np.zeros((8, 8, 3), np.uint8))
    found = load("kaggle", tmp_path)
    groups = {p.name.removeprefix("kaggle/"): p.group for p in found}
    assert groups["TRAIN/EOSINOPHIL/_3_11.jpeg"] == groups["TRAIN/EOSINOPHIL/_3_3120.jpeg"]
    assert groups["TEST/EOSINOPHIL/_3_11.jpeg"] == groups["TEST_SIMPLE/EOSINOPHIL/_3_945.jpeg"]
    assert len(set(groups.values())) == 4
    assert Counter(p.label for p in found) == {"eosinophil": 5, "monocyte": 1}
    _write(images / "TRAIN/EOSINOPHIL/copy.jpeg", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="nothing tells which photograph it copies"):
        load("kaggle", tmp_path)


def test_attributes_join_to_the_photographs(data_root: Path) -> None:
    table = load_attributes(data_root)
    by_name = {p.name: p.label for p in load("pbc", data_root)}
    assert not table["name"].duplicated().any()
    assert table[list(ATTRIBUTES)].notna().all(axis=None)
    joined = table[table["name"].isin(list(by_name))]
    assert len(joined) > 5000
    assert (joined["name"].map(by_name) == joined["class"]).all()
    granules = joined.groupby("class")["granularity"].agg(lambda v: (v == "yes").mean())
    assert granules["neutrophil"] > 0.9 > 0.1 > granules["lymphocyte"]


def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path) -> None:
    for dataset in LOADERS:
        with pytest.raises(DataError, match=f"No photograph of {dataset} under .*README"):
            load(dataset, tmp_path)
    with pytest.raises(DataError, match="is not a folder: name another one with --data-root"):
        load("bccd", tmp_path / "none")
    with pytest.raises(DataError, match="no set 'bcd'; known are zheng1"):
        load("bcd", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="python -m training fetch wbcatt"):
        load_attributes(tmp_path)
    _write(tmp_path / "zheng2018" / "Dataset 1" / "001.bmp", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"Class Labels of Dataset 1\.csv, which has the classes"):
        load("zheng1", tmp_path)
