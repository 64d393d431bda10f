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


#: Called with what a decoder looks like: writes one level of it as Keras exports it.
Doubling = Callable[..., bytes]


@pytest.fixture(scope="session")
def doubling() -> Doubling:
    """Return a function that makes a network which doubles a map and convolves it."""
    from onnx import TensorProto, helper, numpy_helper

    def make(
        *,
        beside: int = 1,
        half: bool = False,
        times: int = 2,
        kernel: int = 3,
        step: int = 1,
        used_twice: bool = False,
    ) -> bytes:
        chance = np.random.default_rng(0)
        constants: dict[str, Any] = {}
        nodes: list[Any] = []

        def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
            nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
            return output

        def whole(name: str, *values: int) -> str:
            constants[name] = np.array(values, np.int64)
            return name

        def conv(source: str, name: str, out: int, given: int, side: int, step: int) -> str:
            weights = chance.normal(size=(out, given, side, side)).astype(np.float32)
            constants[f"{name}_w"] = weights.astype(np.float16) if half else weights
            constants[f"{name}_b"] = chance.normal(size=out).astype(np.float32)
            named = f"{name}_w"
            if half:
                named = node("Cast", [named], f"{name}_cast", to=TensorProto.FLOAT)
            pads = [side // 2, side // 2, side // 2, side // 2]
            return node("Conv", [source, named, f"{name}_b"], name, pads=pads, strides=[step, step])

        colours = node("Transpose", ["x"], "colours", perm=[0, 3, 1, 2])
        coarse = node("Relu", [conv(colours, "coarse", 4, 3, 3, 2)], "relu")
        shape = node("Shape", [coarse], "shape")
        dims = {
            axis: node("Slice", [shape, whole(f"{axis}0", i), whole(f"{axis}1", i + 1)], axis)
            for i, axis in enumerate("nchw")
        }
        by = whole("by", times)
        high = node("Mul", [dims["h"], by], "high")
        wide = node("Mul", [dims["w"], by], "wide")
        first = node("Concat", [dims["n"], high, dims["w"], dims["c"]], "first", axis=0)
        second = node("Concat", [dims["n"], high, wide, dims["c"]], "second", axis=0)
        chain = node("Unsqueeze", [coarse, whole("three", 3)], "d1")
        chain = node("Tile", [chain, whole("rows", 1, 1, 1, times, 1)], "d2")
        chain = node("Transpose", [chain], "d3", perm=[0, 2, 3, 4, 1])
        chain = node("Reshape", [chain, first], "d4")
        chain = node("Unsqueeze", [chain, whole("also_three", 3)], "d5")
        chain = node("Tile", [chain, whole("columns", 1, 1, 1, times, 1)], "d6")
        chain = node("Reshape", [chain, second], "d7")
        chain = doubled = node("Transpose", [chain], "d8", perm=[0, 3, 1, 2])
        skips = [conv(colours, f"skip{i}", 2, 3, 1, 1) for i in range(beside)]
        if skips:
            chain = node("Concat", [chain, *skips], "joined", axis=1)
        chain = conv(chain, "fine", 5, 4 + 2 * beside, kernel, step)
        if used_twice:
            chain = node("Concat", [chain, doubled], "also", axis=1)
        node("Transpose", [chain], "y", perm=[0, 2, 3, 1])
        graph = helper.make_graph(
            nodes,
            "decoder",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "h", "w", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "a", "b", "c"])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        opset = [helper.make_opsetid("", 15)]
        return bytes(
            helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
        )

    return make
