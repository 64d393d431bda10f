"""The classifier: an encoder, global average pooling, and one dense layer."""

from __future__ import annotations

import keras

from napari_leukocyte.learning.keras_process.networks import COEFFICIENTS, classifier_on, lite_head
from training.networks.encoders import (
    build_encoder,
    check_normalisation,
    freeze_batch_normalisation,
)


def build_classifier(
    encoder: str,
    n_classes: int,
    dropout: float = 0.3,
    stochastic_depth: float = 0.2,
    normalisation: str = "batch",
) -> keras.Model:
    """Build a classifier with two outputs.

    Parameters
    ----------
    encoder : str
        One of :data:`training.networks.encoders.ENCODERS`.
    n_classes : int
        Number of classes.
    dropout : float
        Share of the embedding dropped in training, 0 to 1.
    stochastic_depth : float
        See :func:`training.networks.encoders.build_encoder`.
    normalisation : {"batch", "frozen"}
        See :data:`training.networks.encoders.Normalisation`.

    Returns
    -------
    keras.Model
        (N, H, W, 3) RGB 0 to 255 -> ``logits`` (N, n_classes) and ``embedding`` (N, E), on which
        a new head can be fitted in seconds. E is 1280 for EfficientNet-Lite, 512 for the VGGs,
        1408 and 2560 for EfficientNetB2 and B7, 1536 for InceptionResNetV2, else 2048.

    Raises
    ------
    ParameterError
        If there is no such encoder or normalisation.
    """
    check_normalisation(normalisation, "batch", "frozen")
    image = keras.Input((None, None, 3), name="image")
    features, _ = build_encoder(image, encoder, stochastic_depth)
    if encoder in COEFFICIENTS:
        features = lite_head(features)
    model = classifier_on(image, features, n_classes, dropout)
    if normalisation == "frozen":
        freeze_batch_normalisation(model)
    return model
