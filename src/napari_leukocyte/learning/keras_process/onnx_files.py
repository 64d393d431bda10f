"""Keras networks written as ONNX, and rebuilt from the weights in an ONNX file.

Weights can be stored as float16 and cast back when the network is loaded: half the size, the same
arithmetic. The export folds batch normalisation into the convolutions, so a rebuilt network has
convolutions with a bias and nothing to normalise: it is trained on from exactly where the model
stands.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from napari_leukocyte.errors import ModelError
from napari_leukocyte.learning.keras_process.networks import (
    COEFFICIENTS,
    classifier_on,
    lite_encoder,
    lite_head,
    unet_on,
)
from napari_leukocyte.learning.keras_process.prepare import random_images
from napari_leukocyte.models.manifest import Kind

#: Smaller tensors are not worth a cast.
SMALLEST_CAST = 256
#: Side of the image that a network of any size is called with before its export, px.
_SIDE = 64
#: Rebuilt network and ONNX file must agree to this on random images, on probabilities or (relative
#: to the largest) on logits.
TOLERANCE = 1e-3


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


@dataclass(frozen=True)
class _Convolution:
    """Kernel (out, in, h, w) and bias (out,) of a convolution."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def rebuild(
    file: Path, kind: Kind, classes: int = 0, stochastic_depth: float = 0.0, dropout: float = 0.0
) -> keras.Model:
    """Rebuild a network.

    Parameters
    ----------
    file : Path
        The ONNX file of a member; its checksum was compared.
    kind : {"segmentation", "classification"}
        What it does.
    classes : int
        Number of a classifier's classes.
    stochastic_depth, dropout : float
        Regularisation of the training that is to follow.

    Returns
    -------
    keras.Model
        As from :func:`napari_leukocyte.learning.keras_process.networks.unet_on` or
        :func:`napari_leukocyte.learning.keras_process.networks.classifier_on`.

    Raises
    ------
    ModelError
        If it is none of the networks that can be rebuilt.
    """
    model = onnx.load(file, load_external_data=False)
    found = _convolutions(model)
    for variant in COEFFICIENTS:
        built = _build(variant, kind, classes, stochastic_depth, dropout)
        convolutions = [
            layer
            for layer in built.layers
            if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D))
        ]
        if [_shape(c) for c in convolutions] != [f.kernel.shape for f in found]:
            continue
        for layer, one in zip(convolutions, found, strict=True):
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
            layer.set_weights([one.kernel.transpose(axes), one.bias])
        if kind == "classification":
            _set_head(built, model, classes)
        _check(built, file, kind)
        return built
    raise ModelError(
        f"{file.name} can't be trained further: only U-Nets and classifiers on EfficientNet-Lite, "
        "as those that are shipped, can be rebuilt in Keras."
    )


def _build(
    variant: str, kind: Kind, classes: int, stochastic_depth: float, dropout: float
) -> keras.Model:
    image = keras.Input((None, None, 3), name="image")
    features, skips = lite_encoder(image, variant, stochastic_depth, folded=True)
    if kind == "segmentation":
        return unet_on(
            image, features, skips, f"unet_{variant}", normalisation="folded", dropout=dropout
        )
    return classifier_on(image, lite_head(features, folded=True), classes, dropout)


def _shape(layer: layers.Layer) -> tuple[int, ...]:
    """Return the shape that a layer's kernel has in ONNX."""
    height, width, first, second = layer.kernel.shape
    if isinstance(layer, layers.DepthwiseConv2D):
        return (first, second, height, width)
    return (second, first, height, width)


def _convolutions(model: onnx.ModelProto) -> list[_Convolution]:
    """Return the convolutions of a chain, each with what follows it on its channels alone."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
        for name in node.input:
            users.setdefault(name, []).append(node)
    found = []
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in constants:
            continue
        kernel = constants[node.input[1]].astype(np.float32)
        channels = len(kernel)
        bias = np.zeros(channels, np.float32)
        if len(node.input) > 2:
            bias = constants[node.input[2]].astype(np.float32)
        output = node.output[0]
        while len(users.get(output, [])) == 1:
            (then,) = users[output]
            other = [n for n in then.input if n != output]
            if then.op_type not in ("Mul", "Add") or len(other) != 1 or other[0] not in constants:
                break
            value = np.broadcast_to(constants[other[0]].astype(np.float32).ravel(), (channels,))
            if then.op_type == "Mul":
                kernel = kernel * value[:, np.newaxis, np.newaxis, np.newaxis]
                bias = bias * value
            else:
                bias = bias + value
            output = then.output[0]
        found.append(_Convolution(kernel, bias))
    return found


def _set_head(built: keras.Model, model: onnx.ModelProto, classes: int) -> None:
    from napari_leukocyte.learning.head.onnx_head import last_layer_of

    weights, bias = last_layer_of(model)
    if weights.shape[1] != classes:
        raise ModelError(f"The network gives {weights.shape[1]} logits for {classes} classes.")
    built.get_layer("logits").set_weights([weights.astype(np.float32), bias.astype(np.float32)])


def _check(built: keras.Model, file: Path, kind: Kind) -> None:
    """Compare with what ONNX Runtime says."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    fixed = [n for n in shape[1:3] if isinstance(n, int)]
    images = random_images(fixed[0], fixed[-1]) if fixed else random_images(96, 64)
    expected = session.run(None, {session.get_inputs()[0].name: images})[0]
    given = built(images, training=False)
    given = np.asarray(given["logits"] if kind == "classification" else given)
    difference = np.abs(given - expected).max() / max(1.0, float(np.abs(expected).max()))
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{file.name} can't be trained further: rebuilt in Keras it differs by "
            f"{difference:.2g} from what ONNX Runtime says."
        )
