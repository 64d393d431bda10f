"""The nine-layer binary network of 2019.

Three times convolution and pooling, then two dense layers and a binary output, on pixels scaled to
0..1. The paper names the layers and not their widths; these keep the file below a megabyte.

References
----------
"A computer system for leukocyte classification on blood cell images", 2019, by the group in
Belgorod that wrote the paper of 2024.
"""

from __future__ import annotations

import keras
from keras import layers

#: Filters of the three convolutions, and units of the two dense layers.
FILTERS = (32, 64, 64)
UNITS = (64, 32)


def build_nine_layer(side: int, dropout: float = 0.0) -> keras.Model:
    """Build the network.

    Parameters
    ----------
    side : int
        Side of the crops, px; fixed, since dense layers follow the feature maps.
    dropout : float
        Share of the feature maps' values dropped in training, 0 to 1.

    Returns
    -------
    keras.Model
        (N, side, side, 3) RGB 0 to 255 -> ``logits`` (N, 2), of which the second class has the
        binary output's probability, and ``embedding`` (N, 32).
    """
    image = keras.Input((side, side, 3), name="image")
    x = layers.Rescaling(1 / 255, name="scale_input")(image)
    for i, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"convolution_{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pooling_{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    if dropout > 0:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(UNITS[0], activation="relu", name="dense_1")(x)
    embedding = layers.Dense(UNITS[1], activation="relu", name="embedding")(x)
    score = layers.Dense(1, dtype="float32", name="score")(embedding)
    # The plugin takes a logit for each class: the softmax of these two is the sigmoid of the score.
    halves = [layers.Rescaling(f, name=n)(score) for f, n in ((-0.5, "first"), (0.5, "second"))]
    logits = layers.Concatenate(name="logits")(halves)
    return keras.Model(image, {"logits": logits, "embedding": embedding}, name="nine_layer")
