"""Small real networks, written byte by byte: only training has the package that writes ONNX."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from napari_leukocyte.models import registry

#: Called with weights (3, C): a network that multiplies colours with them, as ONNX. With
#: `external`, its weights lie in the file of that name.
Network = Callable[..., bytes]
#: Called with a folder's name and changes of the manifest: writes a model.
WriteModel = Callable[..., Path]


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*result, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    """Encode a field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value_info(name: str, dimensions: tuple[str | int, ...]) -> bytes:
    shape = b"".join(_field(1, _field(2 if isinstance(d, str) else 1, d)) for d in dimensions)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, shape)))


@pytest.fixture(scope="session")
def network() -> Network:
    """Return a function that makes a network; see `Network`."""

    def make(weights: ArrayLike, external: str | None = None) -> bytes:
        array = np.asarray(weights, "<f4")
        tensor = b"".join(_field(1, n) for n in array.shape) + _field(2, 1) + _field(8, "w")
        if external is None:
            tensor += _field(9, array.tobytes())
        else:
            tensor += _field(13, _field(1, "location") + _field(2, external)) + _field(14, 1)
        node = _field(1, "x") + _field(1, "w") + _field(2, "y") + _field(4, "MatMul")
        graph = (
            _field(1, node)
            + _field(2, "colours")
            + _field(5, tensor)
            + _field(11, _value_info("x", ("n", "h", "w", 3)))
            + _field(12, _value_info("y", ("n", "h", "w", array.shape[1])))
        )
        return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))

    return make


@pytest.fixture
def write_model(tmp_path: Path, network: Network) -> WriteModel:
    """Return a function that writes a model; see `WriteModel`."""

    def write(name: str, /, **changes: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        data = network([[0, 0], [-1 / 255, 0], [0, -1 / 255]])
        (folder / "net.onnx").write_bytes(data)
        member = {
            "name": "net",
            "file": "net.onnx",
            "sha256": hashlib.sha256(data).hexdigest(),
            "weight": 2,
            "diameter_px": 64,
        }
        manifest = {
            "schema": 1,
            "kind": "segmentation",
            "name": name,
            "title": "A model of colours",
            "members": [member],
        }
        (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the models that `write_model` writes be the user's own."""
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path
