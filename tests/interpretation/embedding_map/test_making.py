from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.classification import embedding
from napari_leukocyte.classification.embedding import Features, features_of
from napari_leukocyte.interpretation.embedding_map import making
from napari_leukocyte.interpretation.embedding_map.cells import MapImage, gather
from napari_leukocyte.interpretation.embedding_map.making import make_map
from tests.interpretation.networks import write_classifier

pytest.importorskip("onnx")


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Features:
    monkeypatch.setenv(embedding.FOLDER_VARIABLE, str(tmp_path / "embeddings"))
    making.forget()
    return features_of(write_classifier(tmp_path / "colours"))


def field(number: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw red and blue cells in a row; the odd numbers are red."""
    rng = np.random.default_rng(seed)
    rgb = np.full((60, 50 * number + 10, 3), 240, np.uint8)
    labels = np.zeros(rgb.shape[:2], np.int32)
    for i in range(number):
        place = np.s_[12:48, 50 * i + 12 : 50 * i + 48]
        color = np.array((220, 90, 90) if i % 2 == 0 else (90, 90, 220))
        rgb[place] = np.clip(color + rng.integers(-20, 20, 3), 0, 255)
        labels[place] = i + 1
    return rgb, labels


def test_a_map_of_two_images(features: Features) -> None:
    sources = [MapImage(*field(12)), MapImage(*field(8, 1))]
    found = make_map(sources, features)
    assert len(found.cells) == 20
    assert np.bincount(found.cells.sources).tolist() == [12, 8]
    assert found.cells.labels[12:].tolist() == list(range(1, 9))
    red = found.cells.labels % 2 == 1
    middle = [found.positions[which].mean(axis=0) for which in (red, ~red)]
    nearer = np.argmin([np.linalg.norm(found.positions - m, axis=1) for m in middle], axis=0)
    np.testing.assert_array_equal(nearer == 0, red)
    # The same images, in another order: every cell lies where it lay.
    again = make_map(sources[::-1], features)
    np.testing.assert_array_equal(again.positions[8:], found.positions[:12])


def test_an_edited_cell_moves_and_the_others_stay(features: Features) -> None:
    rgb, labels = field(16)
    before = make_map([MapImage(rgb, labels)], features)
    edited = labels.copy()
    edited[labels == 5] = 0
    edited[20:40, 50 * 5 + 12 : 50 * 5 + 30] = 5  # half of its neighbour, which is blue
    edited[labels == 9] = 0
    after = make_map([MapImage(rgb, edited)], features, before.layout)
    rows = {int(n): i for i, n in enumerate(after.cells.labels)}
    assert 9 not in rows
    for i, number in enumerate(before.cells.labels.tolist()):
        if number not in (5, 6, 9):
            np.testing.assert_array_equal(after.positions[rows[number]], before.positions[i])
    assert not np.array_equal(after.positions[rows[5]], before.positions[4])
    undone = make_map([MapImage(rgb, labels)], features, after.layout)
    np.testing.assert_array_equal(undone.positions, before.positions)


def test_a_map_is_taken_up_again_unless_a_new_one_is_wanted(
    features: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MapImage(*field(20))
    first = make_map([source], features)
    assert make_map([source], features).layout is first.layout
    anew = make_map([source], features, first.layout, anew=True)
    assert anew.layout is not first.layout
    np.testing.assert_array_equal(anew.positions, first.positions)
    monkeypatch.setattr(making, "_MOST", 1)
    make_map([MapImage(*field(4, 1))], features)
    assert len(making._LAYOUTS) == 1


def test_only_some_cells_or_none(features: Features) -> None:
    rgb, labels = field(4)
    assert gather([MapImage(rgb, labels, (2, 4, 77))], features).labels.tolist() == [2, 4]
    empty = make_map([MapImage(rgb, np.zeros_like(labels))], features)
    assert len(empty.cells) == 0
    assert empty.positions.shape == (0, 2)
    assert not empty.outliers
