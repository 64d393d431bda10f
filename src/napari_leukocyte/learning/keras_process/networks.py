"""Networks in Keras that can be trained further, those of the shipped models, and their losses.

EfficientNet-Lite encoders, that is EfficientNet without squeeze-and-excitation and with ReLU6, made
for integer hardware and therefore fast on plain CPUs as well [1]_ [2]_; on them a U-Net's decoder
[3]_, or a classifier's pooling and dense layer. The decoder doubles the resolution five times and
joins the encoder's feature map of the same size each time. Batch normalisation is its default
rather than group normalisation: at inference its statistics are constants, so that overlapping
tiles agree where they meet.

References
----------
.. [1] Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
   Networks", ICML 2019.
.. [2] Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020.
.. [3] Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
   Segmentation", MICCAI 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import KerasTensor, layers, ops

from napari_leukocyte.errors import ParameterError

#: ImageNet checkpoints of the Lite family were trained with this epsilon.
BATCH_NORM_EPSILON = 1e-3
#: Fine-tuning sees a few thousand steps at most: Keras' default of 0.99 lags behind.
BATCH_NORM_MOMENTUM = 0.95
#: The input is scaled as (x - 127) / 128 (reference [2]).
INPUT_OFFSET, INPUT_SCALE = -127.0 / 128.0, 1.0 / 128.0
#: Filters of the decoder from the deepest level up.
DECODER_FILTERS = (256, 128, 64, 32, 16)
#: Order of the network's output channels.
OUTPUTS = ("cell", "nucleus")
#: Groups of the decoder's group normalisation (Wu and He, ECCV 2018, find 8 to 32 alike).
GROUPS = 8


@dataclass(frozen=True)
class BlockStage:
    """One stage of inverted-residual blocks before depth scaling."""

    kernel: int
    expansion: int
    filters: int
    repeats: int
    stride: int


STAGES = (
    BlockStage(3, 1, 16, 1, 1),
    BlockStage(3, 6, 24, 2, 2),
    BlockStage(5, 6, 40, 2, 2),
    BlockStage(3, 6, 80, 3, 2),
    BlockStage(5, 6, 112, 3, 1),
    BlockStage(5, 6, 192, 4, 2),
    BlockStage(3, 6, 320, 1, 1),
)
#: (width, depth) coefficients of the three members of the family used here.
COEFFICIENTS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
#: Stages whose output has half the resolution of the next one: the U-Net's skips (/2 .. /16).
SKIP_STAGES = (0, 1, 2, 4)


def _round_filters(filters: int, width: float, divisor: int = 8) -> int:
    scaled = filters * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


def _batch_norm(x: KerasTensor, name: str, folded: bool) -> KerasTensor:
    if folded:
        return x
    return layers.BatchNormalization(
        epsilon=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM, name=name
    )(x)


def _relu6(x: KerasTensor, name: str) -> KerasTensor:
    return layers.ReLU(max_value=6.0, name=name)(x)


def _block(
    x: KerasTensor,
    stage: BlockStage,
    stride: int,
    filters: int,
    drop: float,
    name: str,
    folded: bool,
) -> KerasTensor:
    inputs = x
    channels = int(x.shape[-1])
    if stage.expansion != 1:
        x = layers.Conv2D(
            channels * stage.expansion, 1, use_bias=folded, name=f"{name}_expand_conv"
        )(x)
        x = _relu6(_batch_norm(x, f"{name}_bn0", folded), f"{name}_expand_relu")
    x = layers.DepthwiseConv2D(
        stage.kernel, stride, padding="same", use_bias=folded, name=f"{name}_depthwise_conv"
    )(x)
    x = _relu6(_batch_norm(x, f"{name}_bn1", folded), f"{name}_depthwise_relu")
    x = layers.Conv2D(filters, 1, use_bias=folded, name=f"{name}_project_conv")(x)
    x = _batch_norm(x, f"{name}_bn2", folded)
    if stride == 1 and channels == filters:
        if drop > 0:
            # Stochastic depth: the whole branch is dropped for a share of the batch.
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
        x = layers.Add(name=f"{name}_add")([x, inputs])
    return x


def lite_encoder(
    image: KerasTensor, variant: str, stochastic_depth: float = 0.2, folded: bool = False
) -> tuple[KerasTensor, list[KerasTensor]]:
    """Build an EfficientNet-Lite encoder on an RGB image.

    Parameters
    ----------
    image : KerasTensor
        (N, H, W, 3), RGB, 0 to 255.
    variant : {"lite0", "lite1", "lite2"}
        Size of the network.
    stochastic_depth : float
        Largest share of residual branches dropped in training, 0 to 1; it grows with depth.
    folded : bool
        Whether convolutions have a bias instead of batch normalisation, as in exported networks.

    Returns
    -------
    features : KerasTensor
        (N, H/32, W/32, 320 or 352): the last stage, before the classification head.
    skips : list of KerasTensor
        Feature maps at 1/2, 1/4, 1/8 and 1/16 of the input's size.
    """
    width, depth = COEFFICIENTS[variant]
    x: Any = layers.Rescaling(INPUT_SCALE, offset=INPUT_OFFSET, name="scale_input")(image)
    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=folded, name="stem_conv")(x)
    x = _relu6(_batch_norm(x, "stem_bn", folded), "stem_relu")
    # The Lite family leaves the first and last stages unscaled in depth.
    last = len(STAGES) - 1
    repeats = [
        s.repeats if i in (0, last) else math.ceil(s.repeats * depth) for i, s in enumerate(STAGES)
    ]
    total, index = sum(repeats), 0
    skips = []
    for i, stage in enumerate(STAGES):
        filters = _round_filters(stage.filters, width)
        for r in range(repeats[i]):
            drop = stochastic_depth * index / total
            x = _block(
                x, stage, stage.stride if r == 0 else 1, filters, drop, f"blocks_{index}", folded
            )
            index += 1
        if i in SKIP_STAGES:
            skips.append(x)
    return x, skips


def lite_head(features: KerasTensor, filters: int = 1280, folded: bool = False) -> KerasTensor:
    """Add the ImageNet head's 1x1 convolution, so that its weights can be transferred too."""
    x = layers.Conv2D(filters, 1, use_bias=folded, name="head_conv")(features)
    return _relu6(_batch_norm(x, "head_bn", folded), "head_relu")


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
