"""Networks: shapes, learning, ImageNet weights, and ONNX that says what Keras says."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from napari_leukocyte.learning.keras_process.networks import cell_iou, dice_cross_entropy
from napari_leukocyte.learning.keras_process.onnx_files import to_onnx
from training.config import read_config
from training.fitting import Schedule, fit, optimizer
from training.networks import imagenet
from training.networks.classifier import build_classifier
from training.networks.unet import build_unet
from training.segment import SegmentationConfig


def test_the_loss_is_least_for_the_truth(rng: np.random.Generator) -> None:
    truth = (rng.random((2, 32, 32, 2)) > 0.6).astype(np.float32)
    exact = float(dice_cross_entropy(truth, np.clip(truth, 1e-4, 1 - 1e-4)))
    vague = float(dice_cross_entropy(truth, 0.5 * np.ones_like(truth)))
    wrong = float(dice_cross_entropy(truth, np.clip(1 - truth, 1e-4, 1 - 1e-4)))
    assert exact < 0.01 < vague < wrong
    assert float(cell_iou(truth, truth)) == 1


@pytest.mark.filterwarnings("ignore::UserWarning:keras", "ignore::FutureWarning:keras")
def test_onnx_says_what_keras_says_at_any_size(tmp_path: Path, rng: np.random.Generator) -> None:
    keras.utils.set_random_seed(0)
    unet = build_unet("lite0")
    file = tmp_path / "unet.onnx"
    assert len(to_onnx(unet, file)) == 64
    session = onnxruntime.InferenceSession(file.read_bytes())
    for height, width in ((64, 96), (128, 64)):
        batch = rng.uniform(0, 255, (1, height, width, 3)).astype(np.float32)
        expected = unet(batch).numpy()
        assert expected.shape == (1, height, width, 2)
        found = session.run(None, {session.get_inputs()[0].name: batch})[0]
        # float16 weights: a few thousandths at most
        np.testing.assert_allclose(found, expected, atol=5e-3)
    assert file.stat().st_size < 2.2 * unet.count_params()


def test_lite_layers_take_imagenet_weights_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """A checkpoint in PyTorch's names and order of axes ends in the right layers."""
    model = build_classifier("lite0", 5)
    arrays = {}
    for layer in model.layers:
        if layer.name.startswith(("stem_", "blocks_", "head_")) and layer.weights:
            prefix = imagenet._torch_prefix(layer.name)
            shapes = [w.shape for w in layer.weights]
            if layer.name.endswith("conv"):
                axes = (2, 3, 0, 1) if "depthwise" in layer.name else (3, 2, 0, 1)
                kernel = rng.normal(size=shapes[0]).astype(np.float32)
                arrays[f"{prefix}.weight"] = kernel.transpose(axes)
            else:
                for name, shape in zip(
                    ("weight", "bias", "running_mean", "running_var"), shapes, strict=True
                ):
                    arrays[f"{prefix}.{name}"] = rng.uniform(0.5, 1, shape).astype(np.float32)
    np.savez(tmp_path / "efficientnet-lite0.npz", **arrays)
    monkeypatch.setenv("LEUKOCYTE_IMAGENET", str(tmp_path))
    assert imagenet.load_imagenet(model, "lite0") == 98
    stem = model.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(stem[1, 2, 0, 7], arrays["_conv_stem.weight"][7, 0, 1, 2])
    depthwise = model.get_layer("blocks_3_depthwise_conv").get_weights()[0]
    np.testing.assert_array_equal(
        depthwise[4, 1, 9, 0], arrays["_blocks.3._depthwise_conv.weight"][9, 0, 4, 1]
    )


def test_missing_imagenet_weights_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEUKOCYTE_IMAGENET", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m training imagenet lite0"):
        imagenet.load_imagenet(build_classifier("lite0", 5), "lite0")


class _Squares(keras.utils.PyDataset):
    """Batches of bright squares: something that a few steps can learn."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(index)
        truth = np.zeros((4, 32, 32, 1), np.float32)
        for plane in truth:
            y, x = rng.integers(4, 16, 2)
            plane[y : y + 12, x : x + 12] = 1
        return truth * 200 + rng.uniform(0, 40, (4, 32, 32, 3)).astype(np.float32), truth


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.fitting.RUNS", tmp_path / "runs")
    monkeypatch.setattr("training.fitting.RESULTS", tmp_path / "results")

    def run(epochs: int) -> dict[str, list[float]]:
        keras.utils.set_random_seed(1)
        schedule = Schedule(epochs=epochs, steps=3, batch_size=4, learning_rate=1e-2)
        image = keras.Input((None, None, 3))
        x = keras.layers.Rescaling(1 / 255)(image)
        model = keras.Model(
            image, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
        )
        model.compile(optimizer(schedule), loss=dice_cross_entropy, jit_compile=False)
        config = SegmentationConfig(name="squares", schedule=schedule)
        return fit(model, _Squares(), _Squares()[0], schedule, "squares", config)

    first = run(2)
    assert first["epoch"] == [0, 1]
    both = run(5)
    assert both["epoch"] == [0, 1, 2, 3, 4]
    assert both["loss"][:2] == first["loss"]
    assert both["val_loss"][-1] < both["val_loss"][0]
    assert (tmp_path / "results" / "squares" / "training.json").is_file()


def test_configs_are_sound_and_unknown_keys_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('name = "x"\n[schedule]\nepochs = 3\n', encoding="utf-8")
    config = read_config(file, SegmentationConfig)
    assert (config.name, config.schedule.epochs) == ("x", 3)
    file.write_text("[schedule]\nepoch = 3\n", encoding="utf-8")
    with pytest.raises(ValueError, match="unknown key 'epoch'"):
        read_config(file, SegmentationConfig)
