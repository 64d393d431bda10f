"""Figures that the papers report, and the experiments here that stand beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.cell_batches import ClassifierConfig
from training.config import read_config
from training.fitting import RUNS
from training.segment import SegmentationConfig
from training.ship_config import CONFIGS

SOURCE_2024 = (
    'Chernykh, Mikhelev and others 2024, "Solving the problem of segmentation and classification '
    "of leukocytes in images using transfer learning and an ensemble of convolutional neural "
    'networks": ImageNet transfer, its own composite sets, 90/10'
)
SOURCE_2019 = (
    '"A computer system for leukocyte classification on blood cell images", 2019: two classes of '
    "the Kaggle set, 80/20"
)
#: IoU of its weighted ensemble.
ENSEMBLE_2024 = 0.9949
#: Accuracy of its binary network.
BINARY_2019 = 0.97


@dataclass(frozen=True)
class Experiment:
    """A row of a table.

    Attributes
    ----------
    config : str
        Its file in ``configs/``, without suffix.
    title : str
        Of the row.
    paper : float or None
        What the paper of 2024 reports for it: IoU, or accuracy.
    """

    config: str
    title: str
    paper: float | None = None

    @property
    def file(self) -> Path:
        """The configuration file."""
        return CONFIGS / f"{self.config}.toml"

    @property
    def command(self) -> str:
        """What trains it."""
        verb = "segment" if "unet" in self.config else "classify"
        return f"python -m training {verb} training/configs/{self.config}.toml"

    def read(self) -> Any:
        """Return its configuration."""
        kind = SegmentationConfig if "unet" in self.config else ClassifierConfig
        return read_config(self.file, kind)

    @property
    def trained(self) -> bool:
        """Whether its run is complete."""
        run: Path = RUNS / self.read().name
        return (run / "model.keras").is_file()


#: The members of the paper's ensemble.
UNETS = (
    Experiment("papers/unet-b2", "U-Net on EfficientNetB2, from scratch", 0.9921),
    Experiment("papers/unet-b7", "U-Net on EfficientNetB7, from scratch", 0.9942),
    Experiment("papers/unet-irv2", "U-Net on InceptionResNetV2, from scratch", 0.9922),
)
#: Not in the paper: the plugin's smallest encoder on the same budget.
SMALL_UNET = Experiment("papers/unet-lite0", "U-Net on EfficientNet-Lite0, from scratch")
#: Table 1 of the paper, then the plugin's smallest encoder on the same budget.
CLASSIFIERS = (
    Experiment("papers/classifier-xception", "Xception, from scratch", 0.9011),
    Experiment("papers/classifier-vgg16", "VGG16, from scratch", 0.9279),
    Experiment("papers/classifier-vgg19", "VGG19, from scratch", 0.8973),
    Experiment("papers/classifier-inceptionv3", "InceptionV3, from scratch", 0.9231),
    Experiment("papers/classifier-irv2", "InceptionResNetV2, from scratch", 0.9269),
    Experiment("papers/classifier-lite0", "EfficientNet-Lite0, from scratch"),
    Experiment("papers/classifier-lite0-imagenet", "EfficientNet-Lite0, ImageNet transfer"),
    Experiment("papers/classifier-vgg16-imagenet", "VGG16, transfer, larger budget", 0.9279),
    Experiment(
        "papers/classifier-inceptionv3-imagenet", "InceptionV3, transfer, larger budget", 0.9231
    ),
)
