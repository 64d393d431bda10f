"""One U-Net builder for every encoder; the decoder is the plugin's own."""

from __future__ import annotations

import keras

from napari_leukocyte.learning.keras_process.networks import DECODER_FILTERS, unet_on
from training.networks.encoders import (
    build_encoder,
    check_normalisation,
    freeze_batch_normalisation,
)


def build_unet(
    encoder: str = "lite0",
    decoder_filters: tuple[int, ...] = DECODER_FILTERS,
    stochastic_depth: float = 0.2,
    normalisation: str = "batch",
    dropout: float = 0.0,
) -> keras.Model:
    """Build a U-Net with two sigmoid outputs.

    Parameters
    ----------
    encoder : str
        One of :data:`training.networks.encoders.ENCODERS`.
    decoder_filters : tuple of int
        Filters of the five decoder levels, deepest first; multiples of `GROUPS` for group
        normalisation.
    stochastic_depth : float
        See :func:`training.networks.encoders.build_encoder`.
    normalisation : {"batch", "frozen", "group"}
        See :data:`training.networks.encoders.Normalisation`.
    dropout : float
        Share of the deepest feature maps dropped in training, 0 to 1.

    Returns
    -------
    keras.Model
        (N, H, W, 3) RGB 0 to 255 -> (N, H, W, 2) probabilities of cell and nucleus;
        H and W are multiples of 32.

    Raises
    ------
    ParameterError
        If there is no such encoder or normalisation.
    """
    check_normalisation(normalisation)
    image = keras.Input((None, None, 3), name="image")
    features, skips = build_encoder(image, encoder, stochastic_depth)
    name = f"unet_{encoder.replace('-', '_')}"
    model = unet_on(image, features, skips, name, decoder_filters, normalisation, dropout)
    if normalisation == "frozen":
        freeze_batch_normalisation(model)
    return model
