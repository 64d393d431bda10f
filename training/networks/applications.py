"""Encoders of ``keras.applications``, made fit for a U-Net and for ONNX.

What is changed, and why:

- The input is RGB from 0 to 255 for every encoder; what the ImageNet weights were trained with
  (``preprocess_input``) is done inside the network. VGG's blue-green-red order is not done at all:
  the first kernel is turned round when ImageNet weights are loaded, which comes to the same.
- EfficientNet's Normalization layer becomes a Rescaling: ONNX Runtime refuses the graph that
  Keras exports with it.
- Layers with 'valid' padding (the stems and reductions of Xception, InceptionV3 and
  InceptionResNetV2) get 'same', so that every input of a multiple of 32 px gives feature maps of
  exactly 1/2 to 1/32 its size, which a decoder can join. Weights fit as before; near the border the
  network sees zeros where it saw nothing.
- Batch normalisation follows faster than by Keras' default, as in
  :mod:`napari_leukocyte.learning.keras_process.networks`: runs here are short.
- VGG has no batch normalisation: its kernels start as He and others proposed, or nineteen layers
  could hardly be trained from scratch.

References
----------
.. [1] Tan and Le, "EfficientNet", ICML 2019.
.. [2] Szegedy and others, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
   Learning", AAAI 2017; "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
.. [3] Chollet, "Xception", CVPR 2017.
.. [4] Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
   ICLR 2015.
.. [5] He and others, "Delving Deep into Rectifiers", ICCV 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers

from napari_leukocyte.learning.keras_process.networks import BATCH_NORM_MOMENTUM
from training.networks.packaged import fill

#: Layers are named after their place in the application: Keras' own names count up from one network
#: to the next.
PREFIX = "encoder_"
#: Side of the application's input while it is only a pattern; InceptionResNetV2 needs 75 px.
_PATTERN_SIDE = 128
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
#: VGG's mean colour, RGB; and what brings its input to about one.
_VGG_MEAN, _VGG_SCALE = np.array([123.68, 116.779, 103.939]), 58.0
#: Stochastic depth with which Keras builds the EfficientNets.
_KERAS_STOCHASTIC_DEPTH = 0.2

_SERVER = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclass(frozen=True)
class Application:
    """One network of ``keras.applications``.

    Attributes
    ----------
    build : callable
        Its builder.
    url : str
        Where its ImageNet weights without head come from.
    scale, offset : tuple of float
        Its input is ``x * scale + offset``; None if it scales itself.
    vgg : bool
        Whether it is one of the VGGs, see above.
    """

    build: Callable[..., keras.Model]
    url: str
    scale: float | None = None
    offset: tuple[float, ...] = ()
    vgg: bool = False


def _tf_scaled(build: Callable[..., keras.Model], folder: str) -> Application:
    file = f"{folder}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return Application(build, f"{_SERVER}{folder}/{file}", 1 / 127.5, (-1.0,) * 3)


def _vgg(build: Callable[..., keras.Model], folder: str) -> Application:
    file = f"{folder}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    offset = tuple(float(v) for v in -_VGG_MEAN / _VGG_SCALE)
    return Application(build, f"{_SERVER}{folder}/{file}", 1 / _VGG_SCALE, offset, True)


def _efficientnet(build: Callable[..., keras.Model], letter: str) -> Application:
    server = "https://storage.googleapis.com/keras-applications/"
    return Application(build, f"{server}efficientnet{letter}_notop.h5")


APPLICATIONS = {
    "efficientnet-b2": _efficientnet(keras.applications.EfficientNetB2, "b2"),
    "efficientnet-b7": _efficientnet(keras.applications.EfficientNetB7, "b7"),
    "inception-resnet-v2": _tf_scaled(keras.applications.InceptionResNetV2, "inception_resnet_v2"),
    "inception-v3": _tf_scaled(keras.applications.InceptionV3, "inception_v3"),
    "xception": _tf_scaled(keras.applications.Xception, "xception"),
    "vgg16": _vgg(keras.applications.VGG16, "vgg16"),
    "vgg19": _vgg(keras.applications.VGG19, "vgg19"),
}


def application_encoder(
    image: KerasTensor, name: str, stochastic_depth: float = 0.2
) -> tuple[KerasTensor, list[KerasTensor]]:
    """Build an encoder of ``keras.applications`` on an RGB image.

    Parameters
    ----------
    image : KerasTensor
        (N, H, W, 3), RGB, 0 to 255; H and W are multiples of 32.
    name : str
        One of `APPLICATIONS`.
    stochastic_depth : float
        Largest share of residual branches dropped in training, 0 to 1 (EfficientNet only).

    Returns
    -------
    features : KerasTensor
        (N, H/32, W/32, C): the last stage.
    skips : list of KerasTensor
        Feature maps at 1/2, 1/4, 1/8 and 1/16 of the input's size, see `find_skips`.
    """
    application = APPLICATIONS[name]
    pattern = _pattern(name)
    index = {layer.name: i for i, layer in enumerate(pattern.layers)}
    # EfficientNet's strided layers are padded by layers of their own.
    valid_is_meant = name.startswith("efficientnet")

    def adapt(layer: keras.Layer) -> keras.Layer:
        config = {**layer.get_config(), "name": f"{PREFIX}{index[layer.name]}"}
        if isinstance(layer, layers.Normalization):
            return layers.Rescaling(
                (1 / _DEVIATION).tolist(), (-_MEAN / _DEVIATION).tolist(), name=config["name"]
            )
        if isinstance(layer, layers.BatchNormalization):
            config["momentum"] = BATCH_NORM_MOMENTUM
        if isinstance(layer, layers.Dropout):
            config["rate"] *= stochastic_depth / _KERAS_STOCHASTIC_DEPTH
        if config.get("padding") == "valid" and not valid_is_meant:
            config["padding"] = "same"
        if application.vgg and isinstance(layer, layers.Conv2D):
            config["kernel_initializer"] = "he_normal"
        return layer.__class__.from_config(config)

    given = [image] if isinstance(pattern.input, list) else image
    encoder = keras.models.clone_model(pattern, input_tensors=given, clone_function=adapt)
    tensors = find_skips(encoder)
    return tensors[-1], tensors[:-1]


def _pattern(name: str, weights: str | Path | None = None) -> keras.Model:
    """Return the application as Keras builds it, without head, on its scaled input."""
    application = APPLICATIONS[name]
    image = keras.Input((_PATTERN_SIDE, _PATTERN_SIDE, 3))
    x = image
    if application.scale is not None:
        x = layers.Rescaling(application.scale, list(application.offset))(x)
    made = application.build(
        include_top=False,
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=x,
        input_shape=(_PATTERN_SIDE, _PATTERN_SIDE, 3),
    )
    if isinstance(weights, Path) and weights.suffix == ".npz":
        fill(made, weights)
    elif isinstance(weights, Path):
        made.load_weights(weights)
    return made


def find_skips(encoder: keras.Model) -> list[KerasTensor]:
    """Find where a decoder joins an encoder: by its graph, not by names of layers.

    Parameters
    ----------
    encoder : keras.Model
        A graph of layers that halves the resolution five times.

    Returns
    -------
    list of KerasTensor
        For 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's size, the last tensor of that size through
        which all that follows goes: no branch of a block that happens to come last.
    """
    reduction: dict[int, float] = {}
    uses: dict[int, int] = {}
    for layer in encoder.layers:
        for source in _inputs(layer):
            uses[id(source)] = uses.get(id(source), 0) + 1
    found: dict[float, KerasTensor] = {}
    alive: set[int] = set()
    for layer in encoder.layers:  # in topological order
        sources = _inputs(layer)
        output = layer.output
        stride = getattr(layer, "strides", 1)
        factor = int(stride if isinstance(stride, int) else stride[0])
        reduction[id(output)] = factor * max((reduction.get(id(s), 1) for s in sources), default=1)
        for source in sources:
            uses[id(source)] -= 1
            if not uses[id(source)]:
                alive.discard(id(source))
        alive.add(id(output))
        # A layer that only pads is no feature map, and has another size.
        if alive == {id(output)} and not isinstance(layer, layers.ZeroPadding2D):
            found[reduction[id(output)]] = output
    return [found[r] for r in (2, 4, 8, 16, 32)]


def _inputs(layer: keras.Layer) -> list[Any]:
    if isinstance(layer, layers.InputLayer):
        return []
    given = layer.input
    return list(given) if isinstance(given, (list, tuple)) else [given]


def load_application(model: keras.Model, name: str, weights: Path | None) -> int:
    """Copy weights of an application into a network that was built on it.

    Parameters
    ----------
    model : keras.Model
        Contains the layers of :func:`application_encoder`.
    name : str
        One of `APPLICATIONS`.
    weights : Path or None
        A file of the application's weights without head, as Keras writes and downloads them or as
        :mod:`training.networks.packaged` converts them; None for ImageNet weights from Keras'
        cache or its server.

    Returns
    -------
    int
        Number of layers that were filled.

    Raises
    ------
    OSError
        If they can't be downloaded.
    ValueError
        If the file holds another network's weights.
    """
    try:
        pattern = _pattern(name, weights or "imagenet")
    except (ValueError, OSError):
        raise
    except Exception as error:  # what Keras raises if it can't download
        raise OSError(str(error)) from error
    source = [
        layer
        for layer in pattern.layers
        if layer.weights and not isinstance(layer, layers.Normalization)
    ]
    own = {layer.name: layer for layer in model.layers if layer.weights}
    numbers = sorted(int(n.removeprefix(PREFIX)) for n in own if n.startswith(PREFIX))
    for position, (number, layer) in enumerate(zip(numbers, source, strict=True)):
        values = layer.get_weights()
        if APPLICATIONS[name].vgg and position == 0:
            # From blue-green-red to red-green-blue, and from values of about 58 to about one.
            values[0] = values[0][:, :, ::-1] * _VGG_SCALE
        own[f"{PREFIX}{number}"].set_weights(values)
    return len(numbers)
