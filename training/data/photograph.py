"""The record that a loader yields: a photograph, its mask's place, and its classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from training.data import masks

DatasetName = Literal[
    "zheng1",
    "zheng2",
    "bccd",
    "pbc",
    "raabin",
    "raabin_labelled",
    "bionet",
    "chula_rbc",
    "choi_marrow",
    "lisc",
    "kaggle",
    "own",
]


class DataError(LeukocyteError, FileNotFoundError):
    """A set that is missing, incomplete or not laid out as expected; one sentence."""


@dataclass(frozen=True)
class Photograph:
    """One photograph of a data set.

    Attributes
    ----------
    dataset : str
        Name of the set.
    name : str
        Path of the image under the data root, with ``/``: its identity in lists of names.
    image : Path
        The image file.
    mask : Path or None
        The mask file, where there is one.
    label : str or None
        The one class it shows, by its name in :mod:`napari_leukocyte.vocabulary`; None where it is
        unknown or it shows several.
    group : str or None
        What it must stay together with in every split, such as the photograph that it is an
        augmented copy of; None where that is the photograph alone.
    """

    dataset: DatasetName
    name: str
    image: Path
    mask: Path | None
    label: str | None
    group: str | None = None

    @property
    def key(self) -> str:
        """The name that decides on its side of a split."""
        return self.group or self.name

    @property
    def has_nucleus(self) -> bool:
        """Whether the mask tells the nucleus from the cytoplasm."""
        return self.mask is not None and self.dataset in masks.WITH_NUCLEUS

    def read(self) -> NDArray[np.uint8]:
        """Return the image, (H, W, 3) uint8 RGB."""
        if self.dataset == "own":  # whatever users have: grey, 16-bit, TIFF
            return normalise_image(read_image(self.image)).rgb
        pixels = cv2.imread(str(self.image), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise OSError(f"{self.image} is not a readable image.")
        return np.asarray(pixels, np.uint8)

    def read_mask(self) -> NDArray[np.uint8]:
        """Return the truth, (H, W, 2) uint8, 0 or 1: cell (with its nucleus), nucleus.

        Where `has_nucleus` is false, the second channel is 0 and says nothing.
        """
        if self.mask is None:
            raise OSError(f"{self.image} has no mask.")
        return masks.read_mask(self.dataset, self.mask, self.image)

    def read_labels(self) -> NDArray[np.int32]:
        """Return the truth as a label image, (H, W) int32.

        The plugin's own results tell touching cells apart; of all other sets, the connected
        regions of the mask are numbered.
        """
        if self.mask is not None and self.dataset == "own":
            return masks.read_label_image(self.mask)
        _, labels = cv2.connectedComponents(self.read_mask()[..., 0], ltype=cv2.CV_32S)
        return np.asarray(labels, np.int32)
