"""What a loader yields: a photograph, where its mask is, and what it shows."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

DatasetName = Literal["zheng1", "zheng2", "bccd", "pbc"]
#: The sets that come with masks of nucleus and cytoplasm.
SEGMENTED: tuple[DatasetName, ...] = ("zheng1", "zheng2", "bccd")
#: Every set with one of the five classes for (most of) its photographs.
CLASSIFIED: tuple[DatasetName, ...] = ("zheng1", "zheng2", "bccd", "pbc")

# Zheng writes 128 for cytoplasm and 255 for nucleus, BCCD 161 and 255; edges are
# antialiased in BCCD, so each threshold lies half way between two values.
CELL_LEVEL = {"zheng1": 64, "zheng2": 64, "bccd": 81}
NUCLEUS_LEVEL = {"zheng1": 192, "zheng2": 192, "bccd": 208}
#: Codes of Zheng's class tables.
ZHENG_CLASSES = {
    "1": "neutrophil",
    "2": "lymphocyte",
    "3": "monocyte",
    "4": "eosinophil",
    "5": "basophil",
}


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
        The one class it shows; None where it is unknown or it shows several.
    """

    dataset: DatasetName
    name: str
    image: Path
    mask: Path | None
    label: str | None

    def read(self) -> NDArray[np.uint8]:
        """Return the image, (H, W, 3) uint8 RGB."""
        pixels = cv2.imread(str(self.image), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise OSError(f"{self.image} is not a readable image.")
        return np.asarray(pixels, np.uint8)

    def read_mask(self) -> NDArray[np.uint8]:
        """Return the truth, (H, W, 2) uint8, 0 or 1: cell (with its nucleus), nucleus."""
        levels = cv2.imread(str(self.mask), cv2.IMREAD_GRAYSCALE)
        if levels is None:
            raise OSError(f"{self.mask} is not a readable mask.")
        cell = levels >= CELL_LEVEL[self.dataset]
        nucleus = levels >= NUCLEUS_LEVEL[self.dataset]
        return np.dstack([cell, nucleus]).astype(np.uint8)


def _zheng(root: Path, number: int) -> list[Photograph]:
    folder = root / "zheng2018" / f"Dataset {number}"
    table = root / "zheng2018" / f"Class Labels of Dataset {number}.csv"
    with table.open(newline="", encoding="utf-8-sig") as f:
        labels = {row[0].strip(): ZHENG_CLASSES.get(row[1].strip()) for row in csv.reader(f)}
    dataset: DatasetName = "zheng1" if number == 1 else "zheng2"
    return [
        Photograph(
            dataset,
            image.relative_to(root).as_posix(),
            image,
            image.with_suffix(".png"),
            labels.get(str(int(image.stem))),
        )
        for image in sorted(folder.glob("*.bmp"))
    ]


def _bccd(root: Path) -> list[Photograph]:
    folder = root / "bccd"
    labels: dict[int, str | None] = {}
    with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as f:
        for row in csv.reader(f):
            if len(row) > 2 and row[1].strip().isdigit():
                name = row[2].strip().lower()
                labels[int(row[1])] = name if name in LEUKOCYTE_NAMES else None
    photographs = []
    for image in sorted((folder / "images").glob("*.jpg")):
        number = image.stem.rsplit("_", 1)[1]
        mask = folder / "masks" / f"BloodImage_Mask_{number}.png"
        photographs.append(
            Photograph(
                "bccd",
                image.relative_to(root).as_posix(),
                image,
                mask if mask.exists() else None,
                labels.get(int(number)),
            )
        )
    return photographs


def _pbc(root: Path) -> list[Photograph]:
    folder = root / "pbc" / "PBC_dataset_normal_DIB"
    return [
        Photograph("pbc", image.relative_to(root).as_posix(), image, None, image.parent.name)
        for image in sorted(folder.glob("*/*.jpg"))
    ]


def load(dataset: DatasetName, root: Path) -> list[Photograph]:
    """List the photographs of one set.

    Parameters
    ----------
    dataset : {"zheng1", "zheng2", "bccd", "pbc"}
        Which set.
    root : Path
        Data root; the README of ``training/`` describes its folders.

    Returns
    -------
    list of Photograph
        In the order of their names. PBC's also hold its further classes
        (``ig``, ``erythroblast``, ``platelet``).

    Raises
    ------
    FileNotFoundError
        If the set's folder holds no photograph.
    """
    if dataset == "bccd":
        found = _bccd(root)
    elif dataset == "pbc":
        found = _pbc(root)
    else:
        found = _zheng(root, 1 if dataset == "zheng1" else 2)
    if not found:
        raise FileNotFoundError(f"No photograph of {dataset} under {root}: see training/README.md.")
    return found
