"""Train one member of the segmentation ensemble."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.augment import AppearanceParams, GeometryParams, crop_with_geometry
from training.batches import CachedCell, SegmentationBatches
from training.config import read_config
from training.data.photographs import SEGMENTED, DatasetName, Photograph, load
from training.data.splits import select
from training.fitting import RUNS, Schedule, fit, optimizer
from training.losses import cell_iou, dice_cross_entropy
from training.networks.imagenet import load_imagenet
from training.networks.unet import build_unet


@dataclass(frozen=True)
class SegmentationConfig:
    """An experiment of segmentation: the TOML files in ``configs/`` fill it.

    Attributes
    ----------
    name : str
        Names the run and the member.
    encoder : str
        See :func:`training.networks.unet.build_unet`.
    encoder_weights : str
        ``"imagenet"`` or ``"none"``.
    datasets : tuple of str
        Sets to train on.
    side, diameter : int, float
        Side of the crops and diameter of a leukocyte in them, px.
    paste_share : float
        Share of crops with a touching cell pasted in.
    seed : int
        Seed of weights and crops.
    """

    name: str = "unet"
    encoder: str = "lite0"
    encoder_weights: str = "imagenet"
    datasets: tuple[DatasetName, ...] = SEGMENTED
    side: int = 160
    diameter: float = 64.0
    paste_share: float = 0.2
    seed: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    geometry: GeometryParams = field(default_factory=GeometryParams)
    appearance: AppearanceParams = field(default_factory=AppearanceParams)


def _validation_crops(
    photographs: list[Photograph], config: SegmentationConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One crop a photograph, at its true scale, without augmentation but rotation."""
    still = GeometryParams(scale_sigma=0.0, wide_scale_share=0.0, stretch=0.0, shift=0.1)
    rng = np.random.default_rng(0)
    images, masks = [], []
    for photograph in photographs:
        cell = CachedCell(photograph)
        if cell.centres:
            image, mask = crop_with_geometry(
                cell.image,
                cell.mask,
                cell.centres[0],
                config.diameter / cell.diameter,
                config.side,
                rng,
                still,
            )
            images.append(image)
            masks.append(mask)
    return np.stack(images).astype(np.float32), np.stack(masks).astype(np.float32)


def train_member(config_file: Path, data_root: Path) -> keras.Model:
    """Train a U-Net as a TOML file says.

    Parameters
    ----------
    config_file : Path
        An experiment.
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    keras.Model
        With the best weights, which also lie in ``runs/<name>/model.keras``.
    """
    config = read_config(config_file, SegmentationConfig)
    keras.utils.set_random_seed(config.seed)
    model = build_unet(config.encoder)
    if config.encoder_weights == "imagenet":
        load_imagenet(model, config.encoder)
    photographs = [p for d in config.datasets for p in load(d, data_root) if p.mask]
    train = [p for d in config.datasets for p in select(photographs, d, "train")]
    validation = [p for d in config.datasets for p in select(photographs, d, "validation")]
    s = config.schedule
    batches = SegmentationBatches(
        train,
        config.side,
        config.diameter,
        s.batch_size,
        s.steps,
        config.seed,
        config.geometry,
        config.appearance,
        config.paste_share,
    )
    model.compile(optimizer(s), loss=dice_cross_entropy, metrics=[cell_iou], jit_compile=False)
    fit(model, batches, _validation_crops(validation, config), s, config.name, config)
    model.save(RUNS / config.name / "model.keras")
    return model
