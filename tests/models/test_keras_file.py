"""Checks of Keras files, which do without Keras, so none is needed here."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import keras_file
from napari_leukocyte.models.keras_file import check_keras_file, convert

CONV = {
    "module": "keras.layers",
    "class_name": "Conv2D",
    "config": {
        "activation": "sigmoid",
        "kernel_initializer": {
            "module": "keras.initializers",
            "class_name": "GlorotUniform",
            "config": {"seed": None},
            "registered_name": None,
        },
    },
    "registered_name": None,
    "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {}}]}],
}
LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {}}}


def layer(module: str | None, name: Any, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": {}, "registered_name": registered}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def file(*layers: Any, extra: dict[str, bytes] | None = None, **top: Any) -> Path:
        model = layer("keras.src.models.functional", "Functional", "Functional")
        model["config"] = {"layers": [CONV, *layers]}
        members = {"config.json": json.dumps(model | top).encode(), "model.weights.h5": b""}
        path = tmp_path / "net.keras"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in (members | {"metadata.json": b"{}"} | (extra or {})).items():
                archive.writestr(name, data)
        return path

    return file


def test_network_of_keras_own_layers_passes(write: Callable[..., Path]) -> None:
    # The loss may be anybody's: it is never loaded.
    check_keras_file(write(compile_config={"loss": layer(None, "function", "my_loss")}))
    check_keras_file(write(layer("keras.src.ops.numpy", "TrueDivide", "TrueDivide")))


@pytest.mark.parametrize(
    ("foreign", "word"),
    [
        (LAMBDA, "Lambda layer"),
        ({"wrapped": [{"deep": LAMBDA}]}, "Lambda layer"),
        (layer(None, "__lambda__"), "Lambda layer"),
        (layer("keras.layers", "TFSMLayer"), "may run code or read files"),
        (layer("keras.layers", "StringLookup"), "may run code or read files"),
        (layer("keras.layers", ["Conv2D"]), "may run code or read files"),
        (layer(None, "Mine", "Custom>Mine"), "not one of Keras's own"),
        (layer("keras.layers", "Conv2D", "Custom>Conv2D"), "not one of Keras's own"),
        (layer("builtins", "function", "function"), "not one of Keras's own"),
        (layer("os", "system"), "not one of Keras's own"),
        (layer("keras.utils", "get_file"), "not one of Keras's own"),
        (layer("keras.saving", "load_model"), "not one of Keras's own"),
        (layer("keras.layersX", "Conv2D"), "not one of Keras's own"),
        (layer("subprocess", "__tensor__"), "not one of Keras's own"),
    ],
)
def test_what_could_run_code_is_refused(
    write: Callable[..., Path], foreign: dict[str, Any], word: str
) -> None:
    path = write(foreign)
    with pytest.raises(ModelError, match=rf"^[^\n]*net\.keras[^\n]*{word}[^\n]*\.$"):
        check_keras_file(path)


@pytest.mark.parametrize("name", ["assets/words.txt", "../../evil.py", "payload.pkl"])
def test_archive_holds_nothing_but_a_network(write: Callable[..., Path], name: str) -> None:
    with pytest.raises(ModelError, match="more than a network"):
        check_keras_file(write(extra={name: b"x"}))


def test_archive_that_unpacks_to_too_much_is_refused(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_file, "_LARGEST", 1000)
    with pytest.raises(ModelError, match="larger than any network"):
        check_keras_file(write(extra={"metadata.json": b" " * 1000}))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n", b"[" * 100_000])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged or not a \.keras file"):
        check_keras_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", content)
    with pytest.raises(ModelError, match=r"damaged or not a \.keras file"):
        check_keras_file(path)


def test_former_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.save\('net\.keras'\)"):
        check_keras_file(tmp_path / "net.h5")


def test_missing_tensorflow_is_said(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_file, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r'pip install "napari-leukocyte\[train\]"\.$'):
        convert(write(), tmp_path / "net.onnx", "segmentation", 0, float16=False)


def test_process_that_dies_is_one_sentence(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_file, "find_spec", lambda name: name)
    monkeypatch.setattr(keras_file, "_PROGRAM", "no_such_program")
    with pytest.raises(ModelError, match=r"stopped unexpectedly \(exit status 1\)[^\n]*\.$"):
        convert(write(), tmp_path / "net.onnx", "segmentation", 0, float16=False)
