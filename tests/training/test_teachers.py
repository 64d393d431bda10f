"""The vote of earlier classifiers that a new one learns from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.models import runtime
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear
from training import teachers
from training.cell_batches import CellBatches, ClassifierConfig
from training.cells import load_cells
from training.data.photographs import Photograph
from training.fitting import Schedule
from training.mixing import MixingParams
from training.ship_config import priors, recipe_of
from training.teachers import Teachers, TeachingParams

NAME = "lite-eight"
CLASSES = find_model("classification", NAME).classes
SHIPPED = TeachingParams(teachers=(f"shipped:{NAME}",), votes=(1.0,), share=0.75)


def _crops() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (2, 128, 128, 3)).astype(np.float32)


def test_a_shipped_teacher_takes_all_classes_for_as_common_as_trained() -> None:
    manifest = find_model("classification", NAME)
    said = runtime.run(manifest.members[0], _crops())[0] / manifest.temperature
    expected = softmax(said - np.log(priors(recipe_of(NAME), CLASSES)))
    found = Teachers(SHIPPED, CLASSES).vote(_crops())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_trained_experiment_votes_with_its_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers, "RUNS", tmp_path)
    for name, index in (("one", 1), ("other", 4)):
        image = keras.Input((128, 128, 3))
        bias = keras.initializers.Constant(np.eye(len(CLASSES))[index] * 50)
        dense = keras.layers.Dense(len(CLASSES), kernel_initializer="zeros", bias_initializer=bias)
        pooled = keras.layers.GlobalAveragePooling2D()(image)
        model = keras.Model(image, {"logits": dense(pooled), "embedding": pooled})
        (tmp_path / name).mkdir()
        model.save(tmp_path / name / "model.keras")
    params = TeachingParams(teachers=("one", "other"), votes=(0.25, 0.75))
    vote = Teachers(params, CLASSES).vote(_crops())
    expected = 0.25 * np.eye(len(CLASSES))[1] + 0.75 * np.eye(len(CLASSES))[4]
    np.testing.assert_allclose(vote, np.tile(expected, (2, 1)), atol=1e-6)
    with pytest.raises(ParameterError, match="other classes"):
        Teachers(params, CLASSES[:5])


def test_labels_have_their_part_and_crops_without_one_learn_the_vote_alone(tmp_path: Path) -> None:
    smear = synthetic_smear((300, 300), 0, {"neutrophil": 1}, diameter=60.0, touching_pairs=0)
    image, mask = tmp_path / "field.png", tmp_path / "mask.png"
    cv2.imwrite(str(image), smear.image[..., ::-1])
    cv2.imwrite(str(mask), np.where(smear.labels > 0, 128, 0).astype(np.uint8))
    known = Photograph("zheng1", "field.png", image, mask, "neutrophil")
    unknown = dataclasses.replace(known, label=None)
    config = ClassifierConfig(
        classes=CLASSES, teaching=SHIPPED, schedule=Schedule(epochs=1, steps=4, batch_size=4)
    )
    cells = load_cells([known, unknown], config.side, config.diameter)
    batches = CellBatches(cells, config)
    labelled = 0
    for images, truth in (batches[i] for i in range(4)):
        vote = Teachers(SHIPPED, CLASSES).vote(images)
        mixed = 0.75 * vote + 0.25 * np.eye(len(CLASSES))[CLASSES.index("neutrophil")]
        alone = np.abs(truth - vote).max(axis=1) < 1e-5
        np.testing.assert_allclose(truth[~alone], mixed[~alone], atol=1e-5)
        labelled += int((~alone).sum())
    assert 0 < labelled < 16
    mixed_config = dataclasses.replace(config, mixing=MixingParams(mixup_share=1.0))
    for _, truth in (CellBatches(cells, mixed_config)[i] for i in range(4)):
        np.testing.assert_allclose(truth.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"votes": (0.5, 0.5)}, "one vote"),
        ({"votes": (0.5,)}, "sum to 1"),
        ({"share": 1.5}, "from 0 to 1"),
        ({"teachers": (), "votes": (), "unlabelled": ("raabin",)}, "need a teacher"),
    ],
)
def test_what_does_not_fit_is_said(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        dataclasses.replace(SHIPPED, **changes)


def test_a_teacher_that_was_not_trained_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers, "RUNS", tmp_path)
    with pytest.raises(ParameterError, match="nobody was not trained"):
        Teachers(TeachingParams(teachers=("nobody",), votes=(1.0,)), CLASSES)
