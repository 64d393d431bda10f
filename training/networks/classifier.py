"""The classifier: an encoder, global average pooling, and one dense layer."""

from __future__ import annotations

import keras
from keras import layers

from training.networks.lite import lite_encoder, lite_head


def build_classifier(
    encoder: str, n_classes: int, dropout: float = 0.3, stochastic_depth: float = 0.2
) -> keras.Model:
    """Build a classifier with two outputs.

    Parameters
    ----------
    encoder : str
        ``"lite0"``, ``"lite1"`` or ``"lite2"``.
    n_classes : int
        Number of classes.
    dropout : float
        Share of the embedding dropped in training, 0 to 1.
    stochastic_depth : float
        See :func:`training.networks.lite.lite_encoder`.

    Returns
    -------
    keras.Model
        (N, H, W, 3) RGB 0 to 255 -> ``logits`` (N, n_classes) and ``embedding`` (N, 1280), on which
        a new head can be fitted in seconds.
    """
    image = keras.Input((None, None, 3), name="image")
    features, _ = lite_encoder(image, encoder, stochastic_depth)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(lite_head(features))
    x = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(n_classes, dtype="float32", name="logits")(x)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="classifier")
