"""Encoders of keras.applications: what is changed in them, and how weights come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers
from typer.testing import CliRunner

from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.learning.finetune.export import to_onnx
from napari_leukocyte.samples.synthetic import synthetic_smear
from training.__main__ import app
from training.networks.applications import APPLICATIONS, Application, find_skips
from training.networks.classifier import build_classifier
from training.networks.unet import build_unet
from training.networks.weights import WeightsError, start_from

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:keras", "ignore::FutureWarning:keras")


def _tiny(*, include_top: bool, weights: str | None, input_tensor: Any, input_shape: Any) -> Any:
    """Build a network in the manner of keras.applications, with all that has to be changed."""
    assert not include_top
    if weights == "imagenet":
        raise Exception("URL fetch failure on https://somewhere: no network")
    x = layers.Normalization()(input_tensor)
    for i in range(5):
        x = layers.Conv2D(4, 3, padding="valid", activation="relu")(x)
        left = layers.Conv2D(4, 1)(x)
        x = layers.Add()([layers.BatchNormalization()(left), x])
        x = layers.MaxPooling2D(3 if i % 2 else 2, 2, padding="same" if i % 2 else "valid")(x)
    return keras.Model(input_tensor, layers.Dropout(0.2)(x))


def _like_vgg(
    *, include_top: bool, weights: str | None, input_tensor: Any, input_shape: Any
) -> Any:
    x = input_tensor
    for _ in range(5):
        x = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    made = Application(_tiny, "https://somewhere/tiny_notop.h5")
    monkeypatch.setitem(APPLICATIONS, "tiny", made)
    return "tiny"


def test_a_multiple_of_32_gives_maps_that_the_decoder_joins(tiny: str) -> None:
    keras.utils.set_random_seed(0)
    model = build_unet(tiny, (8,) * 5)
    for height, width in ((64, 96), (32, 160)):
        assert model(np.zeros((1, height, width, 3), np.float32)).shape == (1, height, width, 2)
    kinds = {type(layer) for layer in model.layers}
    assert layers.Normalization not in kinds
    scaled = next(layer for layer in model.layers if isinstance(layer, layers.Rescaling))
    mean = np.array([0.485, 0.456, 0.406])
    np.testing.assert_allclose(
        np.array(scaled.scale) * mean + np.array(scaled.offset), 0, atol=1e-9
    )


def test_skips_are_the_last_tensors_that_all_else_goes_through(tiny: str) -> None:
    image = keras.Input((64, 64, 3))
    x = image
    joined = []
    for _ in range(5):
        x = layers.Conv2D(4, 3, strides=2, padding="same")(x)
        x = layers.Add()([layers.Conv2D(4, 1)(x), x])
        joined.append(x)
        # Branches of the next stage, of this resolution and deeper than the sum.
        a, b = layers.Conv2D(4, 3, padding="same")(x), layers.Conv2D(2, 1)(x)
        b = layers.Conv2D(4, 3, padding="same")(b)
        x = layers.Concatenate()([a, b]) if len(joined) == 5 else layers.Add()([a, b])
    found = find_skips(keras.Model(image, x))
    assert [t.shape[1] for t in found] == [32, 16, 8, 4, 2]
    assert found[4] is x
    assert all(t.shape[-1] in (4, 8) for t in found)
    assert not {id(t) for t in found[:4]} & {id(t) for t in joined}


def test_stochastic_depth_is_set_and_batch_normalisation_follows_faster(tiny: str) -> None:
    model = build_classifier(tiny, 3, stochastic_depth=0.1)
    encoder = [layer for layer in model.layers if layer.name.startswith("encoder_")]
    assert [layer.rate for layer in encoder if isinstance(layer, layers.Dropout)] == [0.1]
    norms = [layer for layer in encoder if isinstance(layer, layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.95}


def test_frozen_and_group_normalisation(tiny: str) -> None:
    frozen = build_unet(tiny, (8,) * 5, normalisation="frozen")
    for layer in frozen.layers:
        if isinstance(layer, layers.BatchNormalization):
            assert layer.trainable == layer.name.startswith("decoder_")
    group = build_unet(tiny, (8,) * 5, normalisation="group", dropout=0.1)
    decoder = {type(x).__name__ for x in group.layers if x.name.startswith("decoder_")}
    assert "GroupNormalization" in decoder
    assert "BatchNormalization" not in decoder
    with pytest.raises(ParameterError, match="choose batch or frozen"):
        build_classifier(tiny, 3, normalisation="group")
    with pytest.raises(ParameterError, match=r"no encoder 'resnet': known are lite0, "):
        build_unet("resnet")


def test_lite_networks_keep_their_layers() -> None:
    """Checkpoints of former runs must still fit."""
    unet = build_unet("lite0")
    names = [layer.name for layer in unet.layers]
    assert len(names) == 188
    assert names[:4] == ["image", "scale_input", "stem_conv", "stem_bn"]
    assert names[-4:] == ["decoder_4b_conv", "decoder_4b_bn", "decoder_4b_relu", "probability"]
    assert unet.count_params() == 5_239_490


def test_vgg_weights_say_of_rgb_what_they_said_of_bgr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """The weights' own network, on blue-green-red less the mean, is the reference."""
    vgg = APPLICATIONS["vgg16"]
    monkeypatch.setitem(
        APPLICATIONS, "small", Application(_like_vgg, vgg.url, vgg.scale, vgg.offset, True)
    )
    image = keras.Input((64, 64, 3))
    reference = _like_vgg(include_top=False, weights=None, input_tensor=image, input_shape=None)
    reference.save_weights(tmp_path / "small.weights.h5")
    model = build_classifier("small", 2)
    start_from(model, "small", str(tmp_path / "small.weights.h5"))
    rgb = rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    bgr = keras.applications.vgg16.preprocess_input(rgb.copy())
    expected = reference(bgr).numpy().mean(axis=(1, 2))
    np.testing.assert_allclose(model(rgb)["embedding"], expected, rtol=1e-3, atol=1e-3)


def test_weights_come_from_a_run_or_a_file_or_the_reason_is_one_sentence(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr("training.networks.weights.RUNS", tmp_path)
    image = rng.uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    first, second = build_classifier(tiny, 3), build_classifier(tiny, 3)
    (tmp_path / "before").mkdir()
    first.save(tmp_path / "before" / "model.keras")
    for given in ("before", str(tmp_path / "before" / "model.keras")):
        second = build_classifier(tiny, 3)
        start_from(second, tiny, given)
        np.testing.assert_array_equal(first(image)["logits"], second(image)["logits"])
    (tmp_path / "noise.h5").write_bytes(b"noise")
    for given, sentence in (
        ("imagenet", r"fetch https://somewhere/tiny_notop\.h5 .* put the file there"),
        ("nowhere", "neither 'imagenet', 'none', nor a file"),
        (str(tmp_path / "noise.h5"), "do not fit a network on tiny"),
    ):
        with pytest.raises(WeightsError, match=sentence):
            start_from(second, tiny, given)
    assert issubclass(WeightsError, LeukocyteError)


def test_the_command_line_says_which_weights_are_missing(tiny: str, tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text(f'encoder = "{tiny}"\ndatasets = []\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["segment", str(config), "--data-root", str(tmp_path)])
    assert result.exit_code == 2
    assert "tiny_notop.h5" in result.output
    assert "Traceback" not in result.output


def test_efficientnet_joins_its_decoder() -> None:
    """The one whole network of keras.applications that is built here: the others take longer."""
    model = build_unet("efficientnet-b2", (8,) * 5)
    assert model(np.zeros((1, 64, 96, 3), np.float32)).shape == (1, 64, 96, 2)
    joined = [layer for layer in model.layers if isinstance(layer, layers.Concatenate)]
    assert [layer.output.shape[-1] for layer in joined] == [1408 + 720, 8 + 288, 8 + 144, 8 + 96]
    assert not any(isinstance(layer, layers.Normalization) for layer in model.layers)


def test_what_replaces_a_normalization_can_be_exported(tiny: str, tmp_path: Path) -> None:
    """ONNX Runtime would refuse the graph with the layer itself."""
    keras.utils.set_random_seed(0)
    model = build_unet(tiny, (8,) * 5)
    last = model.get_layer("probability")
    last.set_weights([100 * last.get_weights()[0], last.get_weights()[1]])
    file = tmp_path / "tiny.onnx"
    to_onnx(model, file, float16=False)
    session = onnxruntime.InferenceSession(file.read_bytes())
    rgb = synthetic_smear((160, 160), 1, {"neutrophil": 1}, touching_pairs=0).image
    for height, width in ((64, 96), (128, 64)):
        batch = rgb[np.newaxis, :height, :width].astype(np.float32)
        expected = model(batch).numpy()
        assert expected.std() > 0.01
        found = session.run(None, {session.get_inputs()[0].name: batch})[0]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_every_application_has_a_url_that_names_its_file() -> None:
    for name, application in APPLICATIONS.items():
        assert application.url.startswith("https://storage.googleapis.com/")
        assert application.url.endswith("_notop.h5"), name
