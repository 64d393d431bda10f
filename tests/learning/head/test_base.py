"""The shipped embeddings: read as written, refused when damaged or of another classifier."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.classification.embedding import features_of
from napari_leukocyte.learning.head.base import FILE_NAME, Base, base_for, read_base, write_base
from napari_leukocyte.learning.head.cells import RetrainingError
from napari_leukocyte.learning.head.onnx_head import head_of
from napari_leukocyte.models.artifact import ArtifactError
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from tests.learning.head.test_head import clouds


def test_comes_back_but_for_rounding(tmp_path: Path, rng: np.random.Generator) -> None:
    counts = {"a": 30, "b": 20}
    base = Base(clouds(counts, rng), clouds(counts, rng), "ab" * 32)
    write_base(tmp_path / FILE_NAME, base)
    found = read_base(tmp_path / FILE_NAME)
    assert found.sha256 == base.sha256
    assert found.fitting.classes.tolist() == base.fitting.classes.tolist()
    assert found.measuring.groups.tolist() == base.measuring.groups.tolist()
    assert np.allclose(found.fitting.embeddings, base.fitting.embeddings, atol=0.05)
    assert np.allclose(found.measuring.embeddings, base.measuring.embeddings, atol=0.05)


def test_another_classifier_is_one_sentence(classifier: Manifest) -> None:
    path = classifier.folder / FILE_NAME
    base = read_base(path)
    write_base(path, Base(base.fitting, base.measuring, "0" * 64))
    with pytest.raises(
        RetrainingError, match=r"embeddings of another classifier .* make them anew"
    ):
        base_for(features_of(classifier))


@pytest.mark.parametrize("damage", ["missing", "cut", "text", "pickled", "nan"])
def test_damage_is_one_sentence(classifier: Manifest, damage: str) -> None:
    path = classifier.folder / FILE_NAME
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "text":
        path.write_text("no archive")
    elif damage == "pickled":
        path.write_bytes(pickle.dumps({"a": 1}))
    else:
        with np.load(path) as file:
            arrays = dict(file)
        arrays["scores"] = np.full_like(arrays["scores"], np.nan)
        np.savez(path, **arrays)
    with pytest.raises((RetrainingError, ArtifactError)) as caught:
        base_for(features_of(classifier))
    assert "\n" not in str(caught.value)


def test_the_shipped_set_belongs_to_the_shipped_classifier() -> None:
    features = features_of("default")
    base = base_for(features)
    assert set(base.fitting.classes) >= set(find_model("classification").classes)
    assert (features.manifest.folder / FILE_NAME).stat().st_size < 2_500_000
    head = head_of(features)
    known = np.isin(base.measuring.classes, head.classes)
    right = head.predict(base.measuring.embeddings) == base.measuring.classes
    assert right[known].mean() > 0.8
    assert not set(base.fitting.groups) & set(base.measuring.groups)
