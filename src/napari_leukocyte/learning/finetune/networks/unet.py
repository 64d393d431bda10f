"""The U-Net's decoder, on the feature maps of any encoder.

It doubles the resolution five times and joins the encoder's feature map of the same size each time.
Batch normalisation is the default rather than group normalisation: at inference its statistics are
constants, so that overlapping tiles agree where they meet.

References
----------
.. [1] Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
   Segmentation", MICCAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, layers

from napari_leukocyte.learning.finetune.networks.lite import BATCH_NORM_MOMENTUM

#: Filters of the decoder from the deepest level up.
DECODER_FILTERS = (256, 128, 64, 32, 16)
#: Order of the network's output channels.
OUTPUTS = ("cell", "nucleus")
#: Groups of the decoder's group normalisation (Wu and He, ECCV 2018, find 8 to 32 alike).
GROUPS = 8


def unet_on(
    image: KerasTensor,
    features: KerasTensor,
    skips: Sequence[KerasTensor],
    name: str,
    decoder_filters: tuple[int, ...] = DECODER_FILTERS,
    normalisation: str = "batch",
    dropout: float = 0.0,
) -> keras.Model:
    """Build a U-Net with two sigmoid outputs on an encoder.

    Parameters
    ----------
    image : KerasTensor
        (N, H, W, 3) RGB, 0 to 255.
    features : KerasTensor
        (N, H/32, W/32, C): the encoder's last stage.
    skips : sequence of KerasTensor
        Its feature maps at 1/2, 1/4, 1/8 and 1/16 of the input's size.
    name : str
        Of the model.
    decoder_filters : tuple of int
        Filters of the five decoder levels, deepest first; multiples of `GROUPS` for group
        normalisation.
    normalisation : str
        ``"group"``: group normalisation. ``"folded"``: none, but convolutions with a bias. Else
        batch normalisation.
    dropout : float
        Share of the deepest feature maps dropped in training, 0 to 1.

    Returns
    -------
    keras.Model
        (N, H, W, 3) RGB 0 to 255 -> (N, H, W, 2) probabilities of cell and nucleus;
        H and W are multiples of 32.
    """
    x: Any = features
    if dropout > 0:
        x = layers.SpatialDropout2D(dropout, name="decoder_dropout")(x)
    for level, filters in enumerate(decoder_filters):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"decoder_{level}_up")(x)
        if level < len(skips):
            skip = skips[-1 - level]
            x = layers.Concatenate(name=f"decoder_{level}_skip")([x, skip])
        x = _conv(x, filters, f"decoder_{level}a", normalisation)
        x = _conv(x, filters, f"decoder_{level}b", normalisation)
    probability = layers.Conv2D(
        len(OUTPUTS), 1, activation="sigmoid", dtype="float32", name="probability"
    )(x)
    return keras.Model(image, probability, name=name)


def _conv(x: KerasTensor, filters: int, name: str, normalisation: str) -> KerasTensor:
    bias = normalisation == "folded"
    x = layers.Conv2D(filters, 3, padding="same", use_bias=bias, name=f"{name}_conv")(x)
    if normalisation == "group":
        x = layers.GroupNormalization(GROUPS, name=f"{name}_gn")(x)
    elif not bias:
        x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
