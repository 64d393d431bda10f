"""Encoders out of packages: small made-up packages in their formats."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from typer.testing import CliRunner

from training.__main__ import app
from training.networks import packaged
from training.networks.applications import APPLICATIONS, Application
from training.networks.classifier import build_classifier
from training.networks.packaged import PACKAGED, Packaged, fill, from_unit_range, read_keras3
from training.networks.weights import WeightsError, start_from

WIDTHS = (3, 4, 5)


def _blocks() -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    rng = np.random.default_rng(3)
    return [
        (rng.normal(size=(3, 3, before, after)).astype("f4"), rng.normal(size=after).astype("f4"))
        for before, after in zip((3, *WIDTHS), WIDTHS, strict=False)
    ]


def _edges() -> bytes:
    """Make a Keras 3 file like the edge detector's: two blocks, and heads that are not wanted."""
    stored = io.BytesIO()
    names = ("block1/layers/conv2d", "block2/layers/conv2d", "block2/layers/conv2d_1")
    with h5py.File(stored, "w") as file:
        for name, (kernel, bias) in zip(names, _blocks(), strict=True):
            file[f"{name}/vars/0"], file[f"{name}/vars/1"] = kernel, bias
        file.create_group("block2/layers/max_pooling2d/vars")
        file["dsn1/vars/0"] = np.zeros((1, 1, 3, 1), "f4")
    return stored.getvalue()


def _script(value: str) -> str:
    """Wrap a value as the package's scripts do."""
    return (
        f'!function(a){{"object"==typeof exports}}({{1:[function(a,n,i){{n.exports={value}}}]}});'
    )


def _browser() -> tuple[list[bytes], dict[str, NDArray[np.float32]]]:
    """Make scripts of eleven convolutions with normalisations and a dense layer, in 8 bits."""
    rng = np.random.default_rng(5)
    entries, data, expected = [], b"", {}
    for layer in (*(f"conv2d_{n}" for n in (1, 10, 11, *range(2, 10))), "dense_1"):
        shape = (3, 3, 3, 3) if layer != "dense_1" else (4, 2)
        parts: dict[str, tuple[int, ...]] = {f"{layer}/kernel": shape}
        if layer != "dense_1":
            norm = layer.replace("conv2d", "batch_normalization")
            parts |= {f"{norm}/{p}": (3,) for p in ("beta", "moving_mean", "moving_variance")}
        for name, size in parts.items():
            values = rng.integers(0, 256, size, dtype=np.uint8)
            low, scale = -0.25, 0.0625
            kept = {"min": low, "scale": scale, "dtype": "uint8"}
            entries.append({"name": name, "shape": size, "dtype": "float32", "quantization": kept})
            data += values.tobytes()
            number = int(re.findall(r"\d+", name.partition("/")[0])[-1]) - 1
            if layer != "dense_1":
                expected[f"{number:03}/{name.partition('/')[2]}"] = values * scale + low
    text = json.dumps([{"paths": ["a", "b"], "weights": entries}], separators=(",", ":"))
    text = re.sub(r'"(\w+)":', r"\1:", text).replace("0.", ".")
    model = _script(f"{{modelTopology:{{sparse:!1}},weightsManifest:{text}}}")
    half = len(data) // 2
    shards = [_script(f'"{base64.b64encode(d).decode()}"') for d in (data[:half], data[half:])]
    return [s.encode() for s in (model, *shards)], expected


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Packaged]:
    """Put small packages in the place of the real ones, packed by npm and in node_modules."""
    monkeypatch.setenv("LEUKOCYTE_IMAGENET", str(tmp_path / "cache"))
    scripts, _ = _browser()
    given = {
        "vgg16": ([_edges()], ("a.h5",), 3),
        "inception-v3": (scripts, ("m.js", "1.js", "2.js"), 11),
    }
    for encoder, (files, names, count) in given.items():
        digest = hashlib.sha256(b"".join(files)).hexdigest()
        small = dataclasses.replace(
            PACKAGED[encoder], files=names, sha256=digest, layers=count, package=f"made-{encoder}"
        )
        monkeypatch.setitem(packaged.PACKAGED, encoder, small)
        if encoder == "vgg16":
            folder = tmp_path / "node_modules" / small.package
            folder.mkdir(parents=True)
            (folder / names[0]).write_bytes(files[0])
            continue
        with tarfile.open(tmp_path / f"{small.package}-{small.version}.tgz", "w:gz") as archive:
            for name, data in zip(names, files, strict=True):
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return packaged.PACKAGED


def _call(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["imagenet", *map(str, arguments)])


@pytest.mark.usefixtures("made_up")
def test_both_formats_become_plain_arrays(tmp_path: Path) -> None:
    done = _call("vgg16", "inception-v3", "--folder", tmp_path)
    assert done.exit_code == 0, done.output
    with np.load(tmp_path / "cache" / "vgg16.npz", allow_pickle=False) as arrays:
        for number, (kernel, bias) in enumerate(_blocks()):
            np.testing.assert_array_equal(arrays[f"{number:03}/kernel"], kernel)
            np.testing.assert_array_equal(arrays[f"{number:03}/bias"], bias)
    expected = from_unit_range(_browser()[1])
    with np.load(tmp_path / "cache" / "inception-v3.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(arrays[name], values, rtol=1e-6, err_msg=name)


@pytest.mark.usefixtures("made_up")
def test_what_is_missing_or_changed_is_one_sentence(tmp_path: Path) -> None:
    archive = next(tmp_path.glob("*.tgz"))
    for arguments, sentence in (
        (["inception-v3", "--folder", tmp_path / "elsewhere"], "run 'npm pack nsfwjs@4.3.0'"),
        (["resnet"], "known are lite0, lite1, lite2, vgg16, inception-v3"),
    ):
        done = _call(*arguments)
        assert done.exit_code == 2
        assert sentence in " ".join(done.output.split())
    folder = tmp_path / "node_modules" / "made-vgg16"
    (folder / "a.h5").write_bytes(b"something else")
    done = _call("vgg16", "--folder", tmp_path)
    assert done.exit_code == 2
    assert "are not those of version 2.0.0" in " ".join(done.output.split())
    assert archive.is_file()


def test_values_from_zero_to_one_and_from_minus_one_to_one_give_the_same() -> None:
    rng = np.random.default_rng(1)
    kernel, mean = rng.normal(size=(3, 3, 3, 4)).astype("f4"), rng.normal(size=4).astype("f4")
    moved = from_unit_range({"000/kernel": kernel, "000/moving_mean": mean})
    unit = rng.uniform(0, 1, (3, 3, 3)).astype("f4")
    before = np.tensordot(unit, kernel, 3) - mean
    after = np.tensordot(2 * unit - 1, moved["000/kernel"], 3) - moved["000/moving_mean"]
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_arrays_go_to_the_layers_they_were_made_for(tmp_path: Path) -> None:
    """Also where branches meet, so that a graph's order is another one."""
    image = keras.Input((8, 8, 3))
    names = ("conv2d", "conv2d_1", "conv2d_2", "conv2d_10")
    first, second, third, last = (layers.Conv2D(3, 1, use_bias=False, name=n) for n in names)
    norm = layers.BatchNormalization(scale=False, name="batch_normalization")
    long = third(second(norm(first(image))))
    model = keras.Model(image, layers.Add()([last(image), long]))
    arrays: dict[str, Any] = {f"{i:03}/kernel": np.full((1, 1, 3, 3), i, "f4") for i in range(4)}
    arrays |= {f"000/{part}": np.full(3, 7, "f4") for part in ("beta", "moving_mean")}
    arrays["000/moving_variance"] = np.full(3, 8, "f4")
    np.savez(tmp_path / "a.npz", **arrays)
    fill(model, tmp_path / "a.npz")
    assert [int(layer.get_weights()[0].max()) for layer in (first, second, third, last)] == [
        *range(4)
    ]
    assert [int(w.max()) for w in norm.get_weights()] == [7, 7, 8]
    arrays["004/kernel"] = np.zeros((1, 1, 3, 3), "f4")
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(ValueError, match="more layers than the network"):
        fill(model, tmp_path / "b.npz")


def _small(*, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any) -> Any:
    x = input_tensor
    for width in (*WIDTHS, 5, 5):
        x = layers.MaxPooling2D(2)(layers.Conv2D(width, 3, padding="same")(x))
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


@pytest.mark.usefixtures("made_up")
def test_a_network_starts_from_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vgg = APPLICATIONS["vgg16"]
    small = Application(_small, vgg.url, vgg.scale, vgg.offset, True)
    monkeypatch.setitem(APPLICATIONS, "vgg16", small)
    arrays = read_keras3([_edges()])
    for number in (3, 4):
        arrays |= {f"{number:03}/kernel": np.ones((3, 3, 5, 5), "f4")}
        arrays |= {f"{number:03}/bias": np.ones(5, "f4")}
    (tmp_path / "cache").mkdir()
    np.savez(tmp_path / "cache" / "vgg16.npz", **arrays)  # type: ignore[arg-type]
    model = build_classifier("vgg16", 2)
    start_from(model, "vgg16", "imagenet")
    kernels = [x.get_weights()[0] for x in model.layers if isinstance(x, layers.Conv2D)]
    np.testing.assert_allclose(kernels[0], _blocks()[0][0][:, :, ::-1] * 58, rtol=1e-5)
    np.testing.assert_array_equal(kernels[1], _blocks()[1][0])
    del arrays["004/bias"]
    np.savez(tmp_path / "cache" / "vgg16.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match="do not fit a network on vgg16"):
        start_from(model, "vgg16", "imagenet")
