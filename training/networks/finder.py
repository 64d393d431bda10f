"""A small network that says where leukocytes are in a coarse image, and how large.

It is the encoder of a segmentation member with a light decoder down to a quarter of the input's
resolution. Every output pixel tells three things: whether it is a leukocyte's, how near it is to
that one's centre, and how large the whole leukocyte is. A size for each pixel, not for each object,
needs no objects to be found first, and a cell that the border cuts says how large it would be.

References
----------
.. [1] Zhou, Wang and Krähenbühl, "Objects as Points", 2019 (centres as a heat map).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, layers, ops

#: Output pixels are this many px of the input apart.
STRIDE = 4
#: Order of the output's channels: probability that a pixel is a leukocyte's, nearness to its centre
#: (1 at the centre), and the base-2 logarithm of the leukocyte's diameter in px of the input.
OUTPUTS = ("cell", "centre", "log2_diameter")
#: Filters of the decoder at a sixteenth, an eighth and a quarter of the input's resolution.
FILTERS = (96, 64, 32)
#: Diameters in px of the input that the network is trained on.
SMALLEST, LARGEST = 6.0, 170.0
#: Where the logarithm's output begins, so that the first steps need not learn it: 2 ** 5 is 32 px.
_MIDDLE = 5.0
#: Smooths the Dice of a batch without leukocytes; in output pixels.
_SMOOTHING = 20.0
#: Keeps the logarithms of the cross-entropy finite.
_LEAST = 1e-4
#: Share of the size in the loss: an error of one octave weighs as much as a pixel told wrongly.
_SIZE_WEIGHT = 1.0


def finder_on(
    image: KerasTensor, features: KerasTensor, skips: Sequence[KerasTensor]
) -> keras.Model:
    """Build the network on an encoder.

    Parameters
    ----------
    image : KerasTensor
        (N, H, W, 3) RGB, 0 to 255.
    features : KerasTensor
        (N, H/32, W/32, C): the encoder's last stage.
    skips : sequence of KerasTensor
        Its feature maps at 1/2, 1/4, 1/8 and 1/16 of the input's size.

    Returns
    -------
    keras.Model
        (N, H, W, 3) -> (N, H/4, W/4, 3), see `OUTPUTS`; H and W are multiples of 32.
    """
    x: Any = features
    for level, filters in enumerate(FILTERS):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"finder_{level}_up")(x)
        x = layers.Concatenate(name=f"finder_{level}_skip")([x, skips[-1 - level]])
        for part in "ab":
            x = layers.Conv2D(filters, 3, padding="same", name=f"finder_{level}{part}_conv")(x)
            x = layers.ReLU(name=f"finder_{level}{part}_relu")(x)
    shown = layers.Conv2D(2, 1, activation="sigmoid", dtype="float32", name="finder_cells")(x)
    size = layers.Conv2D(1, 1, dtype="float32", name="finder_size")(x)
    size = layers.Rescaling(1.0, offset=_MIDDLE, dtype="float32", name="finder_middle")(size)
    return keras.Model(image, layers.Concatenate(name="finder_found")([shown, size]), name="finder")


@keras.saving.register_keras_serializable("napari_leukocyte")
def finder_loss(truth: KerasTensor, found: KerasTensor) -> KerasTensor:
    """Return the loss: cross-entropy and Dice of the cells, of the centres, and the sizes' error.

    Both arguments are (N, H, W, 3), see `OUTPUTS`. The size counts where the truth has a leukocyte,
    and each leukocyte alike, large or small.
    """
    cell, centre, size = truth[..., 0], truth[..., 1], truth[..., 2]
    said = found[..., 0]
    dice = 1 - (2 * ops.sum(cell * said) + _SMOOTHING) / (
        ops.sum(cell) + ops.sum(said) + _SMOOTHING
    )
    # Added to the probabilities rather than clipped at: 1 less a little is 1 in bfloat16.
    shown, told = truth[..., :2], found[..., :2]
    entropy = -ops.mean(shown * ops.log(told + _LEAST) + (1 - shown) * ops.log(1 - told + _LEAST))
    # Pixels of a leukocyte of diameter d number as d squared: so each is given its share. Squares
    # of small leukocytes are held up, since a pixel of theirs may be half background.
    weight = cell * ops.power(2.0, -1.5 * (size - _MIDDLE)) * ops.cast(centre > 0.05, "float32")
    error = ops.abs(found[..., 2] - size)
    smooth = ops.where(error < 0.25, 2 * error**2, error - 0.125)
    sizes = ops.sum(weight * smooth) / (ops.sum(weight) + 1e-3)
    return dice + 2 * entropy + _SIZE_WEIGHT * sizes


@keras.saving.register_keras_serializable("napari_leukocyte")
def size_error(truth: KerasTensor, found: KerasTensor) -> KerasTensor:
    """Return the mean error of the sizes over the leukocytes' pixels, in octaves."""
    cell = truth[..., 0]
    return ops.sum(cell * ops.abs(found[..., 2] - truth[..., 2])) / (ops.sum(cell) + 1e-3)
