"""A shipped classifier to train on from, with its batch normalisation put back.

An exported network has its normalisation folded into the convolutions, and trains badly without
it. Put back with the statistics that its own feature maps have on some crops, it says what it said
before, and learns as a network does that was never exported.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from napari_leukocyte.errors import ModelError
from napari_leukocyte.learning.keras_process.onnx_files import rebuild
from napari_leukocyte.models.manifest import Manifest

#: Crops that are looked at together, so that the feature maps of a network fit in memory.
_BATCH = 16


def warm_start(
    model: keras.Model, shipped: Manifest, crops: NDArray[np.float32], bias: NDArray[np.float64]
) -> None:
    """Give a new classifier the weights of a shipped one, in place.

    Parameters
    ----------
    model : keras.Model
        From :func:`training.networks.classifier.build_classifier`, of the same encoder and classes.
    shipped : Manifest
        A classifier of one member.
    crops : ndarray
        (N, side, side, 3) float32 RGB 0 to 255, as it will be trained on: the statistics of the
        normalisation are theirs.
    bias : ndarray
        (C,) added to the logits, such as what an export took off.

    Raises
    ------
    ModelError
        If the networks differ.
    """
    folded = rebuild(shipped.members[0].file, "classification", len(shipped.classes))
    pairs = list(_normalised(model))
    named = {layer.name for layer in folded.layers}
    shapes = model.get_layer("logits").kernel.shape == folded.get_layer("logits").kernel.shape
    if not shapes or any(convolution.name not in named for convolution, _ in pairs):
        raise ModelError(f"{shipped.name} is no network of the same encoder and classes.")
    maps = keras.Model(folded.input, [folded.get_layer(c.name).output for c, _ in pairs])
    means, variances = _statistics(maps, crops)
    for (convolution, normalisation), mean, variance in zip(pairs, means, variances, strict=True):
        kernel, offset = folded.get_layer(convolution.name).get_weights()
        convolution.set_weights([kernel])
        spread = np.sqrt(variance + normalisation.epsilon)
        normalisation.set_weights([spread, mean, mean - offset, variance])
    kernel, offset = folded.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, offset + bias])


def _normalised(model: keras.Model) -> Iterator[tuple[layers.Layer, layers.Layer]]:
    """Yield each convolution with the batch normalisation that follows it."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            yield layer.input._keras_history.operation, layer


def _statistics(
    maps: keras.Model, crops: NDArray[np.float32]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return mean and variance of every channel of each of the maps."""
    sums: list[NDArray[np.float64]] = []
    squares: list[NDArray[np.float64]] = []
    sizes: list[int] = []
    for start in range(0, len(crops), _BATCH):
        found = [np.asarray(m, np.float64) for m in maps(crops[start : start + _BATCH])]
        flat = [m.reshape(-1, m.shape[-1]) for m in found]
        if not sums:
            sums = [np.zeros(m.shape[1]) for m in flat]
            squares, sizes = [np.zeros(m.shape[1]) for m in flat], [0] * len(flat)
        for i, values in enumerate(flat):
            sums[i] += values.sum(axis=0)
            squares[i] += np.square(values).sum(axis=0)
            sizes[i] += len(values)
    means = [total / size for total, size in zip(sums, sizes, strict=True)]
    variances = [
        np.maximum(square / size - np.square(mean), 0.0)
        for square, size, mean in zip(squares, sizes, means, strict=True)
    ]
    return means, variances
