from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.samples.synthetic import DEFAULT_COUNTS, SyntheticSmear, synthetic_smear
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES


@pytest.fixture(scope="module")
def smear() -> SyntheticSmear:
    return synthetic_smear()


def _area(smear: SyntheticSmear, name: str) -> float:
    """Return the mean area of a class's cells, px."""
    counts = np.bincount(smear.labels.ravel())
    return float(np.mean([counts[label] for label, c in smear.classes.items() if c == name]))


def _median(smear: SyntheticSmear, where: np.ndarray) -> np.ndarray:
    """Return the median colour of some pixels."""
    return np.asarray(np.median(smear.image[where], axis=0))


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, again, other = (synthetic_smear((300, 300), seed, 1, 60) for seed in (7, 7, 8))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.nucleus.tobytes() == again.nucleus.tobytes()
    assert first.image.tobytes() != other.image.tobytes()


def test_every_label_has_a_class_and_every_class_its_number_of_cells(smear: SyntheticSmear) -> None:
    assert set(np.unique(smear.labels)) - {0} == set(smear.classes)
    found = {name: list(smear.classes.values()).count(name) for name in LEUKOCYTE_NAMES}
    assert found == dict(DEFAULT_COUNTS)
    assert 12 <= len(smear.classes) <= 16


@pytest.mark.parametrize("seed", range(4))
def test_the_truth_is_whole_cells_with_their_nuclei(seed: int) -> None:
    smear = synthetic_smear((601, 587), seed, diameter=60)
    assert smear.image.shape == (601, 587, 3)
    assert smear.image.dtype == np.uint8
    assert smear.labels.shape == smear.nucleus.shape == (601, 587)
    assert smear.labels.dtype == np.int32
    assert smear.nucleus.dtype == bool
    border = np.concatenate([smear.labels[[0, -1]].ravel(), smear.labels[:, [0, -1]].ravel()])
    assert not border.any()
    assert not smear.nucleus[smear.labels == 0].any()
    for label in smear.classes:
        cell = smear.labels == label
        assert cv2.connectedComponents(cell.astype(np.uint8), connectivity=4)[0] == 2
        share = smear.nucleus[cell].mean()
        assert 0.15 < share < 0.9, smear.classes[label]


def test_sizes_are_those_of_the_kinds(smear: SyntheticSmear) -> None:
    neutrophil = _area(smear, "neutrophil")
    assert np.sqrt(neutrophil / np.pi) * 2 == pytest.approx(smear.diameter, rel=0.08)
    assert np.sqrt(_area(smear, "lymphocyte") / neutrophil) == pytest.approx(0.8, abs=0.08)
    assert np.sqrt(_area(smear, "monocyte") / neutrophil) == pytest.approx(1.25, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_the_cells_that_should_touch_do_and_no_others(seed: int) -> None:
    smear = synthetic_smear((600, 600), seed, diameter=60)
    assert len(smear.touching) == 2
    touching = set()
    for label in smear.classes:
        cell = (smear.labels == label).astype(np.uint8)
        around = cv2.dilate(cell, np.ones((3, 3), np.uint8)) > cell
        for other in set(np.unique(smear.labels[around]).tolist()) - {0, label}:
            touching.add((min(label, other), max(label, other)))
    assert touching == set(smear.touching)


def test_it_is_as_bright_as_a_smear(smear: SyntheticSmear) -> None:
    green = smear.image[..., 1].astype(float)
    cells = cv2.dilate((smear.labels > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    background = float(np.percentile(green[~cells], 95))
    erythrocytes = ~cells & (green < 0.82 * background) & (green > 0.45 * background)
    # Erythrocytes cover a large part of a smear.
    assert 0.25 < erythrocytes.sum() / (~cells).sum() < 0.7
    assert background > 200
    assert np.median(green[erythrocytes]) < background - 40
    nuclei = {
        label: np.median(green[smear.nucleus & (smear.labels == label)]) for label in smear.classes
    }
    assert max(nuclei.values()) < np.percentile(green[erythrocytes], 2)
    assert np.mean(green[~cells] < max(nuclei.values())) < 0.01  # some granules of platelets


def test_the_cytoplasm_has_the_colour_of_its_kind(smear: SyntheticSmear) -> None:
    # Away from the background, which blur and sharpening mix in.
    cells = cv2.erode((smear.labels > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    plasma = cells & (cv2.dilate(smear.nucleus.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    kind = np.array(["", *(smear.classes[i + 1] for i in range(len(smear.classes)))])[smear.labels]
    colour = {name: _median(smear, plasma & (kind == name)) for name in LEUKOCYTE_NAMES}
    red, green, blue = 0, 1, 2
    assert colour["eosinophil"][red] > colour["eosinophil"][blue] + 40
    assert colour["neutrophil"][red] > colour["neutrophil"][green] + 15
    for name in ("lymphocyte", "monocyte"):
        assert colour[name][blue] > colour[name][green]
    assert colour["basophil"].sum() < min(v.sum() for k, v in colour.items() if k != "basophil")


def test_the_light_is_uneven_and_the_sensor_noisy() -> None:
    empty = synthetic_smear((400, 400), 0, 0, 60)
    assert not empty.classes
    bright = empty.image[..., 1].astype(float)
    blocks = [np.percentile(b, 95) for r in np.split(bright, 4) for b in np.split(r, 4, axis=1)]
    assert 4 < max(blocks) - min(blocks) < 60
    again = synthetic_smear((400, 400), 1, 0, 60)
    assert (empty.image != again.image).mean() > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (7, 640), (333, 512)])
def test_any_shape_works_without_cells(shape: tuple[int, int]) -> None:
    smear = synthetic_smear(shape, n_per_class=0)
    assert smear.image.shape == (*shape, 3)
    assert not smear.labels.any()


def test_a_small_field_holds_small_cells() -> None:
    smear = synthetic_smear((64, 64), n_per_class={"monocyte": 1, "lymphocyte": 1}, diameter=20)
    assert sorted(smear.classes.values()) == ["lymphocyte", "monocyte"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shape": (64, 64)}, "no room"),
        ({"shape": (0, 100)}, "positive"),
        ({"seed": -1}, "seed"),
        ({"diameter": 5.0}, "diameter"),
        ({"diameter": float("nan")}, "diameter"),
        ({"n_per_class": -1}, "negative"),
        ({"n_per_class": {"blast": 1}}, "'blast' is not"),
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        synthetic_smear(**wrong)  # type: ignore[arg-type]
