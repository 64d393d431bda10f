"""Export Keras networks to ONNX.

Weights can be stored as float16 and cast back when the network is loaded: half the size, the same
arithmetic.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Smaller tensors are not worth a cast.
SMALLEST_CAST = 256
#: Side of the image that a network of any size is called with before its export, px.
_SIDE = 64


def to_onnx(
    model: keras.Model, path: Path, outputs: tuple[str, ...] | None = None, *, float16: bool = True
) -> str:
    """Write a Keras model as ONNX.

    Parameters
    ----------
    model : keras.Model
        With one input, (N, H, W, 3).
    path : Path
        The file to write.
    outputs : tuple of str, optional
        Order of the outputs, for models that return a dictionary.
    float16 : bool
        Whether weights are stored as float16.

    Returns
    -------
    str
        SHA-256 of the file, hexadecimal.
    """
    if outputs is not None:
        model = keras.Model(model.inputs, [model.output[name] for name in outputs])
    height, width = (side or _SIDE for side in model.inputs[0].shape[1:3])
    # Keras exports only models that were called.
    model(np.zeros((1, height, width, 3), np.float32))
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "model.onnx"
        model.export(raw, format="onnx", verbose=False)
        graph = onnx.load(raw)
    if float16:
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
