"""Train the network that finds leukocytes in a coarse image and tells their size."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

import napari_leukocyte
from napari_leukocyte.learning.keras_process.networks import lite_encoder
from napari_leukocyte.learning.keras_process.onnx_files import rebuild, to_onnx
from napari_leukocyte.learning.keras_process.prepare import random_images
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member
from napari_leukocyte.models.registry import find_model
from training.agree import photographs_with_agreed_masks
from training.augment import AppearanceParams
from training.config import read_config
from training.data.photographs import SEGMENTED, DatasetName, Photograph, load
from training.data.splits import Side, select
from training.fitting import RUNS, Schedule, fit, optimizer
from training.networks.finder import (
    LARGEST,
    OUTPUTS,
    SMALLEST,
    STRIDE,
    finder_loss,
    finder_on,
    size_error,
)
from training.networks.weights import copy_layers
from training.ship import MEAN_TOLERANCE, WORST_TOLERANCE
from training.size_batches import SizeBatches, ViewParams

#: Where the shipped finder lies.
SHIPPED = Path(napari_leukocyte.__file__).parent / "segmentation" / "shipped"
#: Batches of the validation views.
_VALIDATION_STEPS = 12


@dataclass(frozen=True)
class SizeConfig:
    """An experiment of the finder: the TOML files in ``configs/`` fill it.

    Attributes
    ----------
    name : str
        Names the run.
    encoder : str
        One of the Lite family.
    start : str
        ``"member"``: the encoder of the shipped segmentation member on this encoder, folded; or
        the name of an experiment of the same network, from whose best weights to go on.
    datasets : tuple of str
        Sets with masks.
    agreed : tuple of str
        Sets whose masks are those that earlier members agree on; see :mod:`training.agree`.
    agreed_by : str
        The model of these members.
    empty : tuple of str
        Sets without leukocytes.
    side : int
        Side of a view, px.
    seed : int
        Seed of weights and views.
    """

    name: str = "size"
    encoder: str = "lite0"
    start: str = "member"
    datasets: tuple[DatasetName, ...] = SEGMENTED
    agreed: tuple[DatasetName, ...] = ()
    agreed_by: str = "unet-lite-trio"
    empty: tuple[DatasetName, ...] = ()
    side: int = 192
    seed: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    views: ViewParams = field(default_factory=ViewParams)
    appearance: AppearanceParams = field(default_factory=AppearanceParams)


def build_finder(encoder: str) -> keras.Model:
    """Build the finder on an encoder without normalisation, as exported members are."""
    image = keras.Input((None, None, 3), name="image")
    return finder_on(image, *lite_encoder(image, encoder, 0.0, folded=True))


def photographs_of(config: SizeConfig, data_root: Path, side: Side) -> list[Photograph]:
    """Return the photographs of a side."""
    found: list[Photograph] = []
    for d in config.datasets:
        found += [p for p in select(load(d, data_root), d, side) if p.mask]
    for d in config.agreed:
        found += photographs_with_agreed_masks(d, data_root, config.agreed_by, side)
    for d in config.empty:
        found += select(load(d, data_root), d, side)
    return found


def train_finder(config_file: Path, data_root: Path) -> keras.Model:
    """Train the finder as a TOML file says; the best weights lie in ``runs/<name>/model.keras``."""
    config = read_config(config_file, SizeConfig)
    keras.utils.set_random_seed(config.seed)
    model = build_finder(config.encoder)
    if config.start == "member":
        member = next(
            m for m in find_model("segmentation").members if m.name.endswith(config.encoder)
        )
        copy_layers(rebuild(member.file, "segmentation"), model, fresh="finder_")
    else:
        model.load_weights(RUNS / config.start / "best.weights.h5")
    s = config.schedule
    views, look = config.views, config.appearance
    train = SizeBatches(
        photographs_of(config, data_root, "train"),
        config.side,
        s.batch_size,
        s.steps,
        config.seed,
        views,
        look,
    )
    held = SizeBatches(
        photographs_of(config, data_root, "validation"),
        config.side,
        s.batch_size,
        _VALIDATION_STEPS,
        0,
        views,
        look,
    )
    model.compile(optimizer(s), loss=finder_loss, metrics=[size_error], jit_compile=False)
    batches = [held[i] for i in range(len(held))]
    validation = tuple(np.concatenate([b[i] for b in batches]) for i in range(2))
    fit(model, train, validation, s, config.name, config)
    model.save(RUNS / config.name / "model.keras")
    return model


def ship_finder(config_file: Path, folder: Path = SHIPPED) -> Path:
    """Export a trained finder; the best weights so far, also of a run that goes on.

    Parameters
    ----------
    config_file : Path
        The experiment.
    folder : Path
        Where ``finder.onnx`` and ``finder.json`` are written.

    Returns
    -------
    Path
        The description.
    """
    config = read_config(config_file, SizeConfig)
    model = build_finder(config.encoder)
    model.load_weights(RUNS / config.name / "best.weights.h5")
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = to_onnx(model, folder / "finder.onnx")
    _check_export(model, folder / "finder.onnx", sha256)
    description = {
        "file": "finder.onnx",
        "sha256": sha256,
        "experiment": config.name,
        "input": "(N, H, W, 3) float32 RGB, 0 to 255, H and W multiples of 32",
        "outputs": list(OUTPUTS),
        "stride": STRIDE,
        "diameters_px": [SMALLEST, LARGEST],
        "training_data": [*config.datasets, *config.agreed, *config.empty],
        "licence": "BSD-3-Clause (weights)",
    }
    path = folder / "finder.json"
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return path


def _check_export(model: keras.Model, file: Path, sha256: str) -> None:
    """Refuse an ONNX file that does not say what Keras says."""
    member = Member("finder", file, sha256, 1.0, LARGEST / 2)
    images = random_images(96, 64)
    found = runtime.run(member, images)[0]
    difference = np.abs(found - np.asarray(model(images)))
    if difference.mean() > MEAN_TOLERANCE * 4 or difference.max() > WORST_TOLERANCE * 4:
        raise RuntimeError(
            f"The exported finder differs from the trained one by {difference.max():.2g} at worst."
        )
