"""Embeddings are the network's, kept on disk, and computed again where what is kept is no use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.classification import embedding
from napari_leukocyte.classification.embedding import (
    FOLDER_VARIABLE,
    NoEmbeddingError,
    embed,
    features_of,
)
from napari_leukocyte.classification.inference import cut_batches, predict, see, turned
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.errors import Cancelled, OutputError
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest
from tests.interpretation.networks import field, write_classifier

pytest.importorskip("onnx")
Runs = list[int]


@pytest.fixture
def classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kept"))
    return write_classifier(tmp_path / "colours", views=2)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Count the crops that networks see."""
    found: Runs = []
    real: Callable[..., list[np.ndarray]] = runtime.run

    def run(member: object, batch: np.ndarray, *shapes: object) -> list[np.ndarray]:
        found.append(len(batch))
        return real(member, batch, *shapes)

    monkeypatch.setattr(runtime, "run", run)
    return found


def three_cells() -> tuple[np.ndarray, np.ndarray]:
    """Return three fields beside each other, with the numbers 7, 8 and 9."""
    rgb, labels = field()
    each = [np.where(labels > 0, labels + i, 0) for i in range(3)]
    return np.hstack([rgb] * 3), np.hstack(each).astype(np.int32)


def test_only_what_changed_is_computed_again(classifier: Manifest, runs: Runs) -> None:
    rgb, labels = three_cells()
    features = features_of(classifier)
    first = embed(rgb, labels, features)
    assert first.labels.tolist() == [7, 8, 9]
    assert first.embeddings.shape == (3, features.views, 3)
    assert sum(runs) == 3 * features.views
    again = embed(rgb, labels, features, [9, 7, 99])
    assert sum(runs) == 3 * features.views
    assert again.labels.tolist() == [7, 9]
    np.testing.assert_array_equal(again.embeddings, first.embeddings[[0, 2]])
    labels[labels == 8] = 0
    labels[45:56, 190:210] = 8
    assert embed(rgb, labels, features).labels.tolist() == [7, 8, 9]
    assert sum(runs) == 4 * features.views


@pytest.mark.parametrize("damage", ["cut", "text", "objects"])
def test_what_is_kept_may_be_damaged_or_unwritable(
    classifier: Manifest, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    rgb, labels = three_cells()
    features = features_of(classifier)
    first = embed(rgb, labels, features)
    (path,) = (tmp_path / "kept").rglob("*.npz")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "text":
        path.write_text("no archive")
    else:
        np.savez(path, keys=np.array([{}], object), embeddings=np.zeros(1))

    def full(*_: object) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(embedding, "_write", full)
    np.testing.assert_array_equal(embed(rgb, labels, features).embeddings, first.embeddings)
    assert sum(runs) == 6 * features.views


def test_all_ways_see_the_same(classifier: Manifest) -> None:
    rgb, labels = three_cells()
    regions = list(iterate_regions(labels))
    ((part, crops),) = cut_batches(rgb, regions, classifier)
    assert part == slice(0, 3)
    seen = see(crops, classifier)
    np.testing.assert_array_equal(seen.probability, predict(rgb, labels, classifier))
    np.testing.assert_allclose(seen.probability.sum(axis=1), 1)
    kept = embed(rgb, labels, features_of(classifier)).embeddings[:, : classifier.views]
    assert seen.embedding is not None
    np.testing.assert_allclose(kept.astype(np.float32).mean(axis=1), seen.embedding, atol=1e-3)


def test_views_are_the_eight_of_a_square() -> None:
    crop = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    views = {turned(crop, view).tobytes() for view in range(8)}
    assert len(views) == 8
    assert all(sorted(np.frombuffer(v, np.float32)) == list(range(9)) for v in views)


def test_what_gives_no_embedding_says_so(
    classifier: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoEmbeddingError, match="2 members"):
        features_of(write_classifier(tmp_path / "two", 2))
    with pytest.raises(NoEmbeddingError, match="gives no embedding"):
        features_of(replace(classifier, outputs=("logits",)))
    real = runtime.run
    monkeypatch.setattr(runtime, "run", lambda *a: real(*a)[:1])
    with pytest.raises(NoEmbeddingError, match="as second output"):
        embed(*three_cells(), features_of(classifier))


def test_it_stops_when_it_is_told_to(classifier: Manifest) -> None:
    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        embed(*three_cells(), features_of(classifier), progress=stop)
