"""Export Keras models to ONNX, with a manifest that the plugin reads.

Weights are stored as float16 and cast back when the model is loaded: half the size, the same
arithmetic.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from napari_leukocyte.models.manifest import FILE_NAME, SCHEMA_VERSION

#: Smaller tensors are not worth a cast.
SMALLEST_CAST = 256


def to_onnx(model: keras.Model, path: Path, outputs: tuple[str, ...] | None = None) -> str:
    """Write a Keras model as ONNX with float16 weights.

    Parameters
    ----------
    model : keras.Model
        With one input, (N, H, W, 3).
    path : Path
        The file to write.
    outputs : tuple of str, optional
        Order of the outputs, for models that return a dictionary.

    Returns
    -------
    str
        SHA-256 of the file, hexadecimal.
    """
    if outputs is not None:
        model = keras.Model(model.inputs, [model.output[name] for name in outputs])
    model(np.zeros((1, 64, 64, 3), np.float32))  # Keras exports only models that were called
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "model.onnx"
        model.export(raw, format="onnx", verbose=False)
        graph = onnx.load(raw)
    store_weights_as_float16(graph)
    onnx.checker.check_model(graph)
    data = graph.SerializeToString()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def store_weights_as_float16(model: onnx.ModelProto) -> None:
    """Replace large float32 constants by float16 ones and a cast, in place."""
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < SMALLEST_CAST:
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_float16")
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a model's manifest in the layout that the plugin reads."""
    text = json.dumps({"schema": SCHEMA_VERSION, **manifest}, indent=2)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")
