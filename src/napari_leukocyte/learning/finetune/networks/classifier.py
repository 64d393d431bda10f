"""The classifier's end, on the feature maps of any encoder: average pooling and a dense layer."""

from __future__ import annotations

import keras
from keras import KerasTensor, layers


def classifier_on(
    image: KerasTensor, features: KerasTensor, n_classes: int, dropout: float = 0.3
) -> keras.Model:
    """Build a classifier with two outputs on an encoder.

    Parameters
    ----------
    image : KerasTensor
        (N, H, W, 3) RGB, 0 to 255.
    features : KerasTensor
        (N, h, w, E).
    n_classes : int
        Number of classes.
    dropout : float
        Share of the embedding dropped in training, 0 to 1.

    Returns
    -------
    keras.Model
        (N, H, W, 3) -> ``logits`` (N, n_classes) and ``embedding`` (N, E), on which a new head can
        be fitted in seconds.
    """
    embedding = layers.GlobalAveragePooling2D(name="embedding")(features)
    x = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(n_classes, dtype="float32", name="logits")(x)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="classifier")
