"""Shipped networks rebuilt in Keras say what their ONNX files say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.errors import ModelError
from napari_leukocyte.learning.keras_process.onnx_files import rebuild, to_onnx
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Kind, Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear
from training.data.photographs import CLASSIFIED, load
from training.data.splits import select
from training.fitting import RESULTS
from training.networks.unet import build_unet

KINDS: tuple[Kind, ...] = ("segmentation", "classification")


def assert_agrees(kind: Kind, batch: NDArray[np.float32]) -> None:
    manifest = find_model(kind)
    for member in manifest.members:
        assert hashlib.sha256(member.file.read_bytes()).hexdigest() == member.sha256
        model = rebuild(member.file, kind, len(manifest.classes))
        given = model(batch, training=False)
        given = given["logits"] if kind == "classification" else given
        expected = runtime.run(member, batch)[0]
        assert np.ptp(expected) > 0.5  # it has something to say
        assert np.abs(np.asarray(given) - expected).max() < 1e-3 * max(1, np.abs(expected).max())
        assert not [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_on_a_drawn_image(kind: Kind) -> None:
    side = find_model(kind).side_px or 192
    image = synthetic_smear((side, side), 3, {"neutrophil": 1}, diameter=70, touching_pairs=0).image
    assert_agrees(kind, image[np.newaxis].astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_on_photographs_of_every_set(kind: Kind, data_root: Path) -> None:
    side = find_model(kind).side_px or 192
    crops = []
    for dataset in CLASSIFIED:
        rgb = select(load(dataset, data_root), dataset, "test")[0].read()
        crops.append(cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA))
    assert_agrees(kind, np.stack(crops).astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_networks_are_the_ones_in_the_tables(kind: Kind) -> None:
    manifest = find_model(kind)
    measured = json.loads((RESULTS / f"{kind}.json").read_text(encoding="utf-8"))
    assert measured["sha256"] == [m.sha256 for m in manifest.members]
    compared = json.loads((RESULTS / "compare.json").read_text(encoding="utf-8"))
    if kind == "segmentation":
        members = compared["segmentation"]["default"]["members"]
        assert members == [[m.name, m.sha256, m.weight] for m in manifest.members]
        assert len(members) == 3
        assert sum(m.file.stat().st_size for m in manifest.members) < 45e6
    else:
        assert f"shipped: {manifest.name}" in compared["classification"]


def test_what_was_rebuilt_and_exported_is_rebuilt_again(tmp_path: Path) -> None:
    member = find_model("segmentation").members[0]
    model = rebuild(member.file, "segmentation")
    again = tmp_path / "again.onnx"
    sha256 = to_onnx(model, again)
    batch = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3)).astype(np.float32)
    other = np.asarray(rebuild(again, "segmentation")(batch, training=False))
    assert np.abs(other - np.asarray(model(batch, training=False))).max() < 0.02
    assert runtime.run(Member("a", again, sha256, 1.0, 64.0), batch)[0].shape == other.shape


def test_a_network_trained_with_batch_normalisation_is_rebuilt_without(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    trained = build_unet("lite0")
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            rng = np.random.default_rng(len(layer.name))
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    rng.uniform(0.8, 1.2, gamma.shape),
                    rng.normal(0, 0.1, beta.shape),
                    rng.normal(0, 0.1, mean.shape),
                    rng.uniform(0.8, 1.2, variance.shape),
                ]
            )
    to_onnx(trained, tmp_path / "trained.onnx", float16=False)
    batch = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3)).astype(np.float32)
    built = rebuild(tmp_path / "trained.onnx", "segmentation")
    difference = np.asarray(built(batch, training=False)) - np.asarray(trained(batch))
    assert np.abs(difference).max() < 1e-3


def test_another_network_is_refused_in_one_sentence() -> None:
    member = find_model("classification", "binary-2019").members[0]
    with pytest.raises(ModelError, match="only U-Nets and classifiers on EfficientNet-Lite"):
        rebuild(member.file, "classification", 2)
