"""Keras networks of users become what the plugin runs; in the process that has TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers

from napari_leukocyte.errors import ModelError
from napari_leukocyte.learning.keras_process import convert
from napari_leukocyte.learning.keras_process.prepare import (
    prepare_classification,
    prepare_segmentation,
    random_images,
    run,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:keras", "ignore::FutureWarning:keras", "ignore::DeprecationWarning:keras"
)
SIZE = (64, 96)


def unet(side: int | None = None, channels: int = 2, activation: str | None = "sigmoid") -> Any:
    """Build a U-Net of one level."""
    keras.utils.set_random_seed(3)
    image = keras.Input((side, side, 3))
    x = layers.Normalization(mean=[120.0, 90.0, 130.0], variance=[900.0, 400.0, 1600.0])(image)
    top = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    down = layers.Conv2D(4, 3, 2, padding="same", use_bias=False)(top)
    down = layers.BatchNormalization(momentum=0.5)(down)
    joined = layers.Concatenate()([layers.UpSampling2D()(down), top])
    return keras.Model(image, layers.Conv2D(channels, 1, activation=activation)(joined))


def classifier(side: int | None, end: list[Any]) -> Any:
    """Build a classifier of one layer and an end."""
    keras.utils.set_random_seed(4)
    body = [layers.Rescaling(1 / 255), layers.Conv2D(6, 3), layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((side, side, 3)), *body, *end])


def test_network_of_one_size_takes_any() -> None:
    fixed = unet(side=64)
    prepared = prepare_segmentation(fixed)
    assert "rebuilt for any size" in prepared.notes[0]
    images = random_images(64, 64)
    np.testing.assert_allclose(run(prepared.model, images), run(fixed, images), atol=1e-5)
    assert run(prepared.model, random_images(*SIZE)).shape == (2, *SIZE, 2)


@pytest.mark.parametrize(("channels", "notes"), [(1, 1), (2, 0)])
def test_export_of_a_network_that_normalises(tmp_path: Path, channels: int, notes: int) -> None:
    model = unet(channels=channels)
    model.save(tmp_path / "net.keras")
    said = started(tmp_path, "segmentation", 0, "float32")
    assert len(said["notes"]) == notes
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    assert len(session.get_inputs()) == 1
    images = random_images(*SIZE)
    found = session.run(None, {session.get_inputs()[0].name: images})[0]
    np.testing.assert_allclose(found, run(model, images), atol=1e-3)


def test_probabilities_become_logits_with_an_embedding() -> None:
    model = classifier(48, [layers.Dense(3, activation="softmax")])
    prepared = prepare_classification(model, 3)
    images = random_images(48, 48)
    logits, embedding = prepared.model(images)
    odds = np.exp(np.asarray(logits))
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), run(model, images), atol=1e-5)
    assert embedding.shape == (2, 6)
    assert prepared.sizes == ((48, 48),)


def test_one_probability_becomes_two_classes() -> None:
    model = classifier(None, [layers.Dense(1, activation="sigmoid")])
    images = random_images(64, 64)
    logits = run(prepare_classification(model, 2).model, images)
    second = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
    np.testing.assert_allclose(second, run(model, images)[:, 0], atol=1e-5)


def test_logits_stay_as_they_are() -> None:
    model = classifier(None, [layers.Dense(5)])
    prepared = prepare_classification(model, 5)
    images = random_images(64, 64)
    np.testing.assert_allclose(run(prepared.model, images), run(model, images), atol=1e-6)
    assert prepared.notes == ()


def test_what_does_not_fit_is_one_sentence() -> None:
    grey = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 1)])
    halved = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(2, 1, 2, activation="sigmoid")]
    )
    oblong = keras.Sequential([keras.Input((32, 64, 3)), layers.Flatten(), layers.Dense(2)])
    dense = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Flatten(),
            layers.Dense(2048),
            layers.Reshape((32, 32, 2)),
        ]
    )
    nan = unet()
    nan.layers[-1].set_weights([np.full_like(w, np.nan) for w in nan.layers[-1].get_weights()])
    for model, word in (
        (grey, r"takes \(N, any, any, 1\)"),
        (halved, "same size"),
        (dense, "can't be rebuilt"),
        (unet(channels=3), "where .* were expected"),
        (unet(activation=None), "end it with a sigmoid"),
        (nan, "not numbers"),
    ):
        with pytest.raises(ModelError, match=rf"^[^\n]*{word}[^\n]*\.$"):
            prepare_segmentation(model)
    sure = [layers.Rescaling(1.0, offset=9.0), layers.Dense(1, kernel_initializer="ones")]
    for model, classes, word in (
        (oblong, 2, "square"),
        (unet(), 2, "a value for each"),
        (classifier(None, [layers.Dense(5)]), 4, "a value for each"),
        (classifier(None, sure), 2, "not a probability"),
    ):
        with pytest.raises(ModelError, match=rf"^[^\n]*{word}[^\n]*\.$"):
            prepare_classification(model, classes)


def test_program_reports_what_went_wrong_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "net.keras").write_bytes(b"no archive")
    said = started(tmp_path, "segmentation", 0, "float32")
    assert said["error"].startswith(f"{tmp_path / 'net.keras'} can't be converted")
    assert "\n" not in said["error"]
    # The second wall: Keras itself refuses code in safe mode.
    doubling = layers.Lambda(lambda x: 2 * x)
    keras.Sequential([keras.Input((32, 32, 3)), doubling]).save(tmp_path / "net.keras")
    assert "error" in started(tmp_path, "segmentation", 0, "float32")
    assert not (tmp_path / "net.onnx").exists()


def test_weights_of_half_the_size(tmp_path: Path) -> None:
    image = keras.Input((None, None, 3))
    wide = layers.Conv2D(64, 3, padding="same")(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Conv2D(2, 1, activation="sigmoid")(wide))
    model.save(tmp_path / "net.keras")
    sizes = []
    for weights in ("float32", "float16"):
        assert "error" not in started(tmp_path, "segmentation", 0, weights)
        sizes.append((tmp_path / "net.onnx").stat().st_size)
    assert sizes[1] < 0.75 * sizes[0]


def started(folder: Path, kind: str, classes: int, weights: str) -> dict[str, Any]:
    """Run the program and return its report."""
    paths = (folder / name for name in ("net.keras", "net.onnx", "report.json"))
    file, onnx, report = map(str, paths)
    convert.main(file, onnx, report, kind, str(classes), weights)
    said: dict[str, Any] = json.loads(Path(report).read_text(encoding="utf-8"))
    return said
