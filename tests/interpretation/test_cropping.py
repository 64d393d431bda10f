from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.classification.inference import predict
from napari_leukocyte.interpretation.cropping import cut_cell
from napari_leukocyte.interpretation.scoring import Scorer
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear
from tests.interpretation.networks import field, only_region, write_classifier

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def two_members(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("colours")
    return write_classifier(folder, 2, views=5, nucleus_density=0.6)


@given(y=st.integers(-5, 105), x=st.integers(-5, 145))
def test_a_cell_is_seen_exactly_as_in_classification(two_members: Manifest, y: int, x: int) -> None:
    rgb, labels = field()
    labels = np.roll(labels, (y - 50, x - 60), (0, 1))
    labels[labels > 0] = 7  # over the border, it is one object in two parts
    region = only_region(labels)
    crops = cut_cell(rgb, region, two_members, background_color(rgb))
    found = Scorer(crops, two_members).probabilities()
    np.testing.assert_array_equal(found, predict(rgb, labels, two_members))


def test_the_shipped_classifier_sees_the_same() -> None:
    smear = synthetic_smear((300, 400), 3, {"neutrophil": 1, "lymphocyte": 1}, 84.0, 1)
    manifest = find_model("classification")
    expected = predict(smear.image, smear.labels, manifest)
    for number, row in zip(np.unique(smear.labels)[1:], expected, strict=True):
        region = only_region(np.where(smear.labels == number, smear.labels, 0))
        crops = cut_cell(smear.image, region, manifest)
        np.testing.assert_array_equal(Scorer(crops, manifest).probabilities()[0], row)


def test_the_frame_lies_where_the_crop_was_cut(two_members: Manifest) -> None:
    rgb, labels = field()
    crops = cut_cell(rgb, only_region(labels), two_members)
    assert crops.frame == 0
    on_image = crops.on_image(crops.mask.astype(np.float32)) > 127
    lower, right = crops.y0 + crops.extent, crops.x0 + crops.extent
    cell = labels[crops.y0 : lower, crops.x0 : right] > 0
    assert np.mean(cell == on_image) > 0.98


def test_hidden_parts_are_the_same_for_all_members(two_members: Manifest) -> None:
    rgb, labels = field()
    crops = cut_cell(rgb, only_region(labels), two_members)
    keep = np.ones((1, 64, 64), np.float32)
    keep[0, 22:30, 34:42] = 0
    scorer = Scorer(crops, two_members, "background")
    first, second = (scorer._shown(i, keep)[0] for i in range(2))
    for shown, zoom in ((first, 1.0), (second, 46 / 40)):
        rows, columns = np.nonzero((shown == 240).all(axis=2) & (crops_cell(crops, zoom)))
        centre = np.array([rows.mean(), columns.mean()]) - 31.5
        np.testing.assert_allclose(centre / zoom, (25.5 - 31.5, 37.5 - 31.5), atol=0.4)


def crops_cell(crops: object, zoom: float) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    rows, columns = np.mgrid[:64, :64] - 31.5
    return np.asarray(rows**2 + columns**2 < (18 * zoom) ** 2)
