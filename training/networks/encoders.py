"""Every encoder by its name, and how its normalisation is treated."""

from __future__ import annotations

from typing import Literal, get_args

import keras
from keras import KerasTensor, layers

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.learning.keras_process.networks import COEFFICIENTS, lite_encoder
from training.networks.applications import APPLICATIONS, application_encoder

#: Names of all encoders; the U-Net and the classifier take any of them.
ENCODERS = (*COEFFICIENTS, *APPLICATIONS)
#: ``"batch"``: batch normalisation throughout. ``"frozen"``: the encoder's statistics and factors
#: stay those of the weights that it starts from, so that a small set cannot spoil them.
#: ``"group"``: the U-Net's decoder has group normalisation, which knows no statistics of a set.
Normalisation = Literal["batch", "frozen", "group"]


def build_encoder(
    image: KerasTensor, name: str, stochastic_depth: float
) -> tuple[KerasTensor, list[KerasTensor]]:
    """Build an encoder on an RGB image.

    Parameters
    ----------
    image : KerasTensor
        (N, H, W, 3), RGB, 0 to 255; H and W are multiples of 32.
    name : str
        One of `ENCODERS`.
    stochastic_depth : float
        Largest share of residual branches dropped in training, 0 to 1; for those of the
        EfficientNet family.

    Returns
    -------
    features : KerasTensor
        (N, H/32, W/32, C): the last stage.
    skips : list of KerasTensor
        Feature maps at 1/2, 1/4, 1/8 and 1/16 of the input's size.

    Raises
    ------
    ParameterError
        If there is no such encoder.
    """
    if name in COEFFICIENTS:
        return lite_encoder(image, name, stochastic_depth)
    if name in APPLICATIONS:
        return application_encoder(image, name, stochastic_depth)
    raise ParameterError(f"There is no encoder {name!r}: known are {', '.join(ENCODERS)}.")


def check_normalisation(normalisation: str, *allowed: Normalisation) -> None:
    """Refuse a normalisation that a network does not have, with one sentence."""
    known = allowed or get_args(Normalisation)
    if normalisation not in known:
        raise ParameterError(
            f"normalisation = {normalisation!r} is not possible here: choose {' or '.join(known)}."
        )


def freeze_batch_normalisation(model: keras.Model) -> None:
    """Keep the encoder's batch normalisation as it is; the decoder's goes on learning."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization) and not layer.name.startswith("decoder_"):
            layer.trainable = False
