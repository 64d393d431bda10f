"""EfficientNet-Lite encoders in Keras.

EfficientNet-Lite is EfficientNet without squeeze-and-excitation and with ReLU6, made for
integer hardware and therefore fast on plain CPUs as well.

References
----------
.. [1] Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
   Networks", ICML 2019.
.. [2] Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from keras import KerasTensor, layers

#: ImageNet checkpoints of the Lite family were trained with this epsilon.
BATCH_NORM_EPSILON = 1e-3
#: Fine-tuning sees a few thousand steps at most: Keras' default of 0.99 lags behind.
BATCH_NORM_MOMENTUM = 0.95
#: The input is scaled as (x - 127) / 128 (reference [2]).
INPUT_OFFSET, INPUT_SCALE = -127.0 / 128.0, 1.0 / 128.0


@dataclass(frozen=True)
class Stage:
    """One stage of inverted-residual blocks before depth scaling."""

    kernel: int
    expansion: int
    filters: int
    repeats: int
    stride: int


STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 6, 24, 2, 2),
    Stage(5, 6, 40, 2, 2),
    Stage(3, 6, 80, 3, 2),
    Stage(5, 6, 112, 3, 1),
    Stage(5, 6, 192, 4, 2),
    Stage(3, 6, 320, 1, 1),
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
    x: KerasTensor, stage: Stage, stride: int, filters: int, drop: float, name: str, folded: bool
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
