"""A Keras network brought into the form in which the plugin runs networks.

Segmentation: (N, H, W, 3) RGB from 0 to 255, of any H and W that are multiples of 32 -> (N, H, W, 1
or 2), the probabilities of a cell and its nucleus. Classification: (N, S, S, 3) -> logits (N, C),
and where the last layer is dense, what goes into it, on which another head can be fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from napari_leukocyte.errors import ModelError

#: Sizes of the random images that networks are tried on, px: neither square nor all alike.
SEGMENTATION_SIZES = ((64, 96), (128, 64))
#: Side of a classifier's random images where its input has no fixed size, px.
ANY_SIDE = 128
#: Probabilities may overstep 0 and 1, and their sum miss 1, by rounding.
ROUNDING = 1e-3
#: Least probability that a logarithm is taken of.
_LEAST = 1e-7


@dataclass(frozen=True)
class Prepared:
    """A network ready for export.

    Attributes
    ----------
    model : keras.Model
        Its outputs are one tensor, or a list of logits and embedding.
    sizes : tuple of (int, int)
        Height and width of images to try it on, px.
    notes : tuple of str
        What was changed, a sentence each.
    """

    model: keras.Model
    sizes: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]


def random_images(height: int, width: int, n: int = 2) -> NDArray[np.float32]:
    """Return (n, height, width, 3) float32 noise, 0 to 255, always the same."""
    rng = np.random.default_rng(height * 10_000 + width)
    return rng.uniform(0, 255, (n, height, width, 3)).astype(np.float32)


def prepare_segmentation(model: keras.Model) -> Prepared:
    """Prepare a network that maps cells.

    Parameters
    ----------
    model : keras.Model
        With one output of one or two channels, or outputs named ``cell`` and ``nucleus``.

    Returns
    -------
    Prepared

    Raises
    ------
    ModelError
        If its input or output is another one.
    """
    notes: list[str] = []
    _check_input(model)
    model = _rebuilt(model, None, notes)
    output = _output(model)
    if isinstance(output, dict) and set(output) == {"cell", "nucleus"}:
        maps = ops.concatenate([output["cell"], output["nucleus"]], axis=-1)
    else:
        maps = _only(output)
    if len(maps.shape) != 4 or maps.shape[-1] not in (1, 2):
        raise ModelError(
            f"The network gives {_shape(maps)} where (N, H, W, 1) or (N, H, W, 2), the "
            "probabilities of a cell and of its nucleus, were expected."
        )
    model = keras.Model(model.inputs, maps)
    for size in SEGMENTATION_SIZES:
        given = run(model, random_images(*size))
        if given.shape[1:3] != size:
            raise ModelError(
                f"The network gives maps of {given.shape[1:3]} px for images of {size} px: they "
                "must have the same size."
            )
        if not (given.min() >= -ROUNDING and given.max() <= 1 + ROUNDING):
            raise ModelError(
                f"The network gives values from {given.min():.3g} to {given.max():.3g} where "
                "probabilities from 0 to 1 were expected: end it with a sigmoid."
            )
    if maps.shape[-1] == 1:
        notes.append("It maps no nuclei, so cells can't be parted by them.")
    return Prepared(model, SEGMENTATION_SIZES, tuple(notes))


def prepare_classification(model: keras.Model, classes: int) -> Prepared:
    """Prepare a network that tells classes apart.

    Parameters
    ----------
    model : keras.Model
        With logits or probabilities as its only output, its first one, or one named ``logits``;
        for two classes one probability, that of the second, will do.
    classes : int
        Number of classes.

    Returns
    -------
    Prepared

    Raises
    ------
    ModelError
        If its input or output is another one.
    """
    notes: list[str] = []
    height, width = _check_input(model)
    if height != width:
        raise ModelError(
            f"The network takes images of {height} x {width} px; crops of cells are square."
        )
    model = _rebuilt(model, height, notes)
    output, embedding = _output(model), None
    if isinstance(output, dict) and "logits" in output:
        scores, embedding = output["logits"], output.get("embedding")
    elif isinstance(output, (list, tuple)):
        scores, embedding = output[0], (*output, None)[1]
    else:
        scores = _only(output)
    # One probability says as much as two that add up to 1.
    single = classes == 2 and tuple(scores.shape[1:]) == (1,)
    if len(scores.shape) != 2 or not (single or scores.shape[-1] == classes):
        raise ModelError(
            f"The network gives {_shape(scores)} where (N, {classes}), a value for each of the "
            f"{classes} classes, was expected."
        )
    side = height or ANY_SIDE
    given = run(keras.Model(model.inputs, scores), random_images(side, side, 8))
    positive = given.min() >= -ROUNDING and given.max() <= 1 + ROUNDING
    if single:
        if not positive:
            raise ModelError(
                "The network gives one value that is not a probability: add a sigmoid."
            )
        scores = _logarithm(ops.concatenate([1 - scores, scores], axis=-1))
        notes.append("Its one probability was taken for that of the second class.")
    elif positive and np.allclose(given.sum(axis=1), 1, atol=ROUNDING):
        scores = _logarithm(scores)
        notes.append("It gives probabilities, whose logarithms are the logits.")
    embedding = _dense_input(model) if embedding is None else embedding
    outputs = scores
    if embedding is not None and len(embedding.shape) == 2:
        outputs = [scores, embedding]
    return Prepared(keras.Model(model.inputs, outputs), ((side, side),), tuple(notes))


def run(model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a network's first output for images.

    Raises
    ------
    ModelError
        If it can't take them, or gives numbers that are none.
    """
    size = f"{images.shape[1]} x {images.shape[2]} px"
    try:
        given = model(images, training=False)
    except Exception as error:
        # TensorFlow's own classes, by what does not fit.
        raise ModelError(
            f"The network can't be run on images of {size}: sides must only have to be multiples "
            "of 32."
        ) from error
    first = np.asarray(given[0] if isinstance(given, (list, tuple)) else given, np.float32)
    if not np.isfinite(first).all():
        raise ModelError(f"The network gives values that are not numbers on images of {size}.")
    return first


def _check_input(model: keras.Model) -> tuple[int | None, int | None]:
    """Return the height and width that a network asks for."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ModelError("The network was saved before it was built: run it on an image first.")
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[-1] != 3:
        raise ModelError(
            f"The network takes {', '.join(_shape(i) for i in inputs)} where (N, H, W, 3), an RGB "
            "image, was expected."
        )
    return inputs[0].shape[1], inputs[0].shape[2]


def _rebuilt(model: keras.Model, side: int | None, notes: list[str]) -> keras.Model:
    """Return the network for images of a side, or of any; without what ONNX can't hold.

    Keras exports the constants of Normalization layers, which its own EfficientNets have, as
    inputs; a Rescaling layer does the same arithmetic and keeps them.
    """
    normalises = any(isinstance(layer, layers.Normalization) for layer in _all_layers(model))
    fixed = side is None and model.inputs[0].shape[1:3] != (None, None)
    if not (normalises or fixed):
        return model

    def clone(layer: Any) -> Any:
        if not isinstance(layer, layers.Normalization):
            return layer.__class__.from_config(layer.get_config())
        mean, variance = (np.ravel(ops.convert_to_numpy(v)) for v in (layer.mean, layer.variance))
        deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
        scale = (1 / deviation).astype(float)
        return layers.Rescaling(
            scale.tolist(), offset=(-mean * scale).astype(float).tolist(), name=layer.name
        )

    try:
        image = keras.Input((side, side, 3), name="image")
        twin = keras.models.clone_model(
            model, input_tensors=image, clone_function=clone, recursive=True
        )
        _copy_weights(model, twin)
    except Exception as error:
        # Whatever layer it is that can't be built for another size.
        if fixed:
            raise ModelError(
                "The network is built for images of one size and can't be rebuilt for any size, "
                "which tiles need: build it on Input((None, None, 3))."
            ) from error
        raise
    if fixed:
        notes.append("It was built for images of one size and was rebuilt for any size.")
    return twin


def _all_layers(model: keras.Model) -> list[Any]:
    inner = [_all_layers(m) for m in model.layers if isinstance(m, keras.Model)]
    return [*model.layers, *(layer for each in inner for layer in each)]


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    for layer in source.layers:
        if isinstance(layer, keras.Model):
            _copy_weights(layer, target.get_layer(layer.name))
        elif layer.weights and not isinstance(layer, layers.Normalization):
            target.get_layer(layer.name).set_weights(layer.get_weights())


def _dense_input(model: keras.Model) -> Any:
    """Return what goes into the dense layer that a network ends with; None if it has none."""
    for layer in reversed(model.layers):
        if isinstance(layer, layers.Dense):
            try:
                return layer.input
            except (AttributeError, ValueError):  # used more than once
                return None
        if not isinstance(layer, (layers.Activation, layers.Softmax)):
            return None
    return None


def _logarithm(probability: Any) -> Any:
    return ops.log(ops.maximum(probability, _LEAST))


def _output(model: keras.Model) -> Any:
    """Return what a network gives: a tensor, or a list or dictionary of them."""
    if isinstance(model, keras.Sequential):  # which has no `output` until it is part of another
        return model.outputs[0]
    return model.output


def _only(output: Any) -> Any:
    """Return the output of a network that has one."""
    values = list(output.values()) if isinstance(output, dict) else output
    if isinstance(values, (list, tuple)):
        if len(values) != 1:
            raise ModelError(f"The network has {len(values)} outputs where one was expected.")
        return values[0]
    return values


def _shape(tensor: Any) -> str:
    return f"({', '.join('N' if i == 0 else str(n or 'any') for i, n in enumerate(tensor.shape))})"
