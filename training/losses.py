"""Losses and metrics of segmentation."""

from __future__ import annotations

import keras
from keras import KerasTensor, ops

#: Keeps the Dice of an empty crop defined; in pixels.
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
def cell_iou(truth: KerasTensor, probability: KerasTensor) -> KerasTensor:
    """Return the foreground IoU of the cell output over the batch's pixels, at 0.5."""
    inside, found = truth[..., 0] > 0.5, probability[..., 0] > 0.5
    both = ops.sum(ops.cast(ops.logical_and(inside, found), "float32"))
    either = ops.sum(ops.cast(ops.logical_or(inside, found), "float32"))
    return (both + 1.0) / (either + 1.0)
