"""Losses and metrics of segmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import keras
from keras import KerasTensor, ops

from napari_leukocyte.errors import ParameterError

Loss: TypeAlias = Callable[[KerasTensor, KerasTensor], KerasTensor]
#: Keeps the Dice and the Jaccard of an empty crop defined; in pixels.
DICE_SMOOTHING = 50.0


@keras.saving.register_keras_serializable("napari_leukocyte")
def dice_cross_entropy(truth: KerasTensor, probability: KerasTensor) -> KerasTensor:
    """Return the soft Dice loss over each batch and output, plus binary cross-entropy.

    Both arguments are (N, H, W, C) from 0 to 1.

    References
    ----------
    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016 (soft Dice).
    """
    axes = (0, 1, 2)
    overlap = 2 * ops.sum(truth * probability, axes) + DICE_SMOOTHING
    total = ops.sum(truth, axes) + ops.sum(probability, axes) + DICE_SMOOTHING
    dice = 1 - ops.mean(overlap / total)
    return dice + ops.mean(keras.losses.binary_crossentropy(truth, probability))


@keras.saving.register_keras_serializable("napari_leukocyte")
def jaccard_cross_entropy(truth: KerasTensor, probability: KerasTensor) -> KerasTensor:
    """Return the soft Jaccard loss over each batch and output, plus binary cross-entropy.

    Both arguments are (N, H, W, C) from 0 to 1. It falls faster than the Dice near the truth, where
    the IoU, which is measured in the end, does as well.

    References
    ----------
    Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image
    Segmentation", ISVC 2016 (soft Jaccard).
    """
    axes = (0, 1, 2)
    both = ops.sum(truth * probability, axes)
    either = ops.sum(truth, axes) + ops.sum(probability, axes) - both
    jaccard = 1 - ops.mean((both + DICE_SMOOTHING) / (either + DICE_SMOOTHING))
    return jaccard + ops.mean(keras.losses.binary_crossentropy(truth, probability))


#: Losses of segmentation by the name that a configuration gives them.
LOSSES: dict[str, Loss] = {"dice": dice_cross_entropy, "jaccard": jaccard_cross_entropy}


def find_loss(name: str) -> Loss:
    """Return a loss of `LOSSES`.

    Raises
    ------
    ParameterError
        If there is none of that name.
    """
    if name not in LOSSES:
        raise ParameterError(f"There is no loss {name!r}: known are {', '.join(LOSSES)}.")
    return LOSSES[name]


@keras.saving.register_keras_serializable("napari_leukocyte")
def cell_iou(truth: KerasTensor, probability: KerasTensor) -> KerasTensor:
    """Return the foreground IoU of the cell output over the batch's pixels, at 0.5."""
    inside, found = truth[..., 0] > 0.5, probability[..., 0] > 0.5
    both = ops.sum(ops.cast(ops.logical_and(inside, found), "float32"))
    either = ops.sum(ops.cast(ops.logical_or(inside, found), "float32"))
    return (both + 1.0) / (either + 1.0)
