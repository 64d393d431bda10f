"""Train one member of the segmentation ensemble."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.learning.keras_process.networks import cell_iou, find_loss
from napari_leukocyte.learning.keras_process.onnx_files import rebuild
from napari_leukocyte.models.registry import find_model
from training.agree import photographs_with_agreed_masks
from training.augment import AppearanceParams, GeometryParams, crop_with_geometry
from training.batches import CachedCell, NegativeParams, SegmentationBatches
from training.config import read_config
from training.data.photographs import SEGMENTED, DatasetName, Photograph, load
from training.data.splits import select
from training.fitting import RUNS, Schedule, fit, optimizer
from training.networks.unet import build_unet
from training.networks.weights import WeightsError, start_from

#: Begins the weights of an experiment that goes on from a shipped member.
MEMBER = "member:"


@dataclass(frozen=True)
class SegmentationConfig:
    """An experiment of segmentation: the TOML files in ``configs/`` fill it.

    Attributes
    ----------
    name : str
        Names the run and the member.
    encoder : str
        One of :data:`training.networks.encoders.ENCODERS`.
    encoder_weights : str
        ``"imagenet"``, ``"none"``, an experiment or a file, see
        :func:`training.networks.weights.start_from`; or ``"member:NAME"``: a shipped member as it
        was exported, its normalisation folded into the convolutions.
    normalisation : {"batch", "frozen", "group"}
        See :data:`training.networks.encoders.Normalisation`.
    loss : {"dice", "jaccard"}
        Each with cross-entropy, see :mod:`napari_leukocyte.learning.keras_process.networks`.
    stochastic_depth, dropout : float
        Regularisation, see :func:`training.networks.unet.build_unet`; weight decay is the
        schedule's.
    datasets : tuple of str
        Sets to train on.
    agreed : tuple of str
        Sets whose masks are those that earlier members agree on; see :mod:`training.agree`.
    agreed_by : str
        The model of these members.
    empty : tuple of str
        Sets of fields without leukocytes.
    side, diameter : int, float
        Side of the crops and diameter of a leukocyte in them, px.
    paste_share : float
        Share of crops with a touching cell pasted in.
    negatives : NegativeParams
        How often crops without leukocytes are shown, and at which scales.
    restained : float
        Share of crops whose colours are moved to statistics of the sources, see
        :mod:`training.stains`.
    ema : float
        Momentum of the weights' moving average, which is what is validated and kept; 0 for none.
    seed : int
        Seed of weights and crops.
    """

    name: str = "unet"
    encoder: str = "lite0"
    encoder_weights: str = "imagenet"
    normalisation: str = "batch"
    loss: str = "dice"
    stochastic_depth: float = 0.2
    dropout: float = 0.0
    datasets: tuple[DatasetName, ...] = SEGMENTED
    agreed: tuple[DatasetName, ...] = ()
    agreed_by: str = "unet-lite"
    empty: tuple[DatasetName, ...] = ()
    side: int = 160
    diameter: float = 64.0
    paste_share: float = 0.2
    restained: float = 0.0
    ema: float = 0.0
    seed: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    geometry: GeometryParams = field(default_factory=GeometryParams)
    appearance: AppearanceParams = field(default_factory=AppearanceParams)
    negatives: NegativeParams = field(default_factory=NegativeParams)


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


def _start(config: SegmentationConfig) -> keras.Model:
    if config.encoder_weights.startswith(MEMBER):
        wanted = config.encoder_weights.removeprefix(MEMBER)
        members = {m.name: m for m in find_model("segmentation").members}
        if wanted not in members:
            raise WeightsError(
                f"There is no shipped member {wanted!r} to go on from: known are "
                f"{', '.join(members)}."
            )
        return rebuild(
            members[wanted].file, "segmentation", 0, config.stochastic_depth, config.dropout
        )
    model = build_unet(
        config.encoder,
        stochastic_depth=config.stochastic_depth,
        normalisation=config.normalisation,
        dropout=config.dropout,
    )
    start_from(model, config.encoder, config.encoder_weights)
    return model


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

    Raises
    ------
    WeightsError
        If the weights to start from can't be had.
    """
    config = read_config(config_file, SegmentationConfig)
    keras.utils.set_random_seed(config.seed)
    loss = find_loss(config.loss)
    # The photographs first: a wrong data root is said at once, whatever weights are there.
    photographs = [p for d in config.datasets for p in load(d, data_root) if p.mask]
    train = [p for d in config.datasets for p in select(photographs, d, "train")]
    for d in config.agreed:
        train += photographs_with_agreed_masks(d, data_root, config.agreed_by)
    validation = [p for d in config.datasets for p in select(photographs, d, "validation")]
    model = _start(config)
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
        [p for d in config.empty for p in select(load(d, data_root), d, "train")],
        config.negatives,
        config.restained,
    )
    model.compile(optimizer(s, config.ema), loss=loss, metrics=[cell_iou], jit_compile=False)
    fit(model, batches, _validation_crops(validation, config), s, config.name, config)
    model.save(RUNS / config.name / "model.keras")
    return model
