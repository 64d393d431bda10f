"""One U-Net builder for every encoder.

The decoder doubles the resolution five times and joins the encoder's feature map of the same
size each time. Batch normalisation is used throughout rather than group normalisation: at
inference its statistics are constants, so that overlapping tiles agree where they meet.

References
----------
.. [1] Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
   Segmentation", MICCAI 2015.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, layers

from training.networks.lite import BATCH_NORM_MOMENTUM, lite_encoder

#: Filters of the decoder from the deepest level up.
DECODER_FILTERS = (256, 128, 64, 32, 16)
#: Order of the network's output channels.
OUTPUTS = ("cell", "nucleus")


def _conv(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def build_unet(
    encoder: str = "lite0",
    decoder_filters: tuple[int, ...] = DECODER_FILTERS,
    stochastic_depth: float = 0.2,
) -> keras.Model:
    """Build a U-Net with two sigmoid outputs.

    Parameters
    ----------
    encoder : str
        ``"lite0"``, ``"lite1"`` or ``"lite2"``.
    decoder_filters : tuple of int
        Filters of the five decoder levels, deepest first.
    stochastic_depth : float
        See :func:`training.networks.lite.lite_encoder`.

    Returns
    -------
    keras.Model
        (N, H, W, 3) RGB 0 to 255 -> (N, H, W, 2) probabilities of cell and nucleus;
        H and W are multiples of 32.
    """
    image = keras.Input((None, None, 3), name="image")
    x: Any
    x, skips = lite_encoder(image, encoder, stochastic_depth)
    for level, filters in enumerate(decoder_filters):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"decoder_{level}_up")(x)
        if level < len(skips):
            skip = skips[-1 - level]
            x = layers.Concatenate(name=f"decoder_{level}_skip")([x, skip])
        x = _conv(x, filters, f"decoder_{level}a")
        x = _conv(x, filters, f"decoder_{level}b")
    probability = layers.Conv2D(
        len(OUTPUTS), 1, activation="sigmoid", dtype="float32", name="probability"
    )(x)
    return keras.Model(image, probability, name=f"unet_{encoder}")
