"""A folder of drawn fields, and networks that answer at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.reading import hold_session
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import silent
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

SHAPE = (180, 240)
RADIUS = 18
_PLACES = ((40, 40), (40, 120), (130, 60), (110, 130), (120, 200))


def draw(cells: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw a field: dark discs on a bright background that no other field has."""
    image = np.full((*SHAPE, 3), (235, 225, 220), np.uint8)
    image += np.random.default_rng(seed).integers(0, 8, image.shape, np.uint8)
    for y, x in _PLACES[:cells]:
        cv2.circle(image, (x, y), RADIUS, (120, 60, 150), -1)
    return image


def make_folder(folder: Path, cells: tuple[int, ...] = (3, 5, 2)) -> Path:
    """Write fields ``field 1.png`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, n in enumerate(cells, 1):
        write_png(folder / f"field {number}.png", draw(n, number))
    return folder


def find_dark(
    image: Any, model: str = "default", diameter: Any = "auto", progress: Any = None
) -> Any:
    """Stand for the segmentation: find what is dark."""
    (progress or silent)(0, 1, "Segmenting")
    dark = (normalise_image(image).rgb.mean(axis=2) < 160).astype(np.float32)
    cells = np.stack([cv2.GaussianBlur(dark, (0, 0), s) for s in (2, 3)])
    (progress or silent)(1, 1, "Segmenting")
    return MemberMaps(
        cell=cells,
        nucleus=cells**3,
        names=("sharp", "soft"),
        weights=(1.0, 1.0),
        diameter=2.0 * RADIUS,
        model=find_model("segmentation", model).name,
        sha256=("", ""),
    )


def name_in_turn(
    image: Any, labels: Any, model: str = "default", *, nucleus: Any = None, progress: Any = None
) -> pd.DataFrame:
    """Stand for the classifier: one class after the other."""
    (progress or silent)(0, 1, "Classifying")
    table = measure(labels, nucleus)
    classes = [LEUKOCYTE_NAMES[i % 5] for i in range(len(table))]
    table.insert(1, "class", pd.Series(classes, dtype="str"))
    table.insert(2, "confidence", 0.6)
    for name in LEUKOCYTE_NAMES:
        table[f"p_{name}"] = [0.6 if name == c else 0.1 for c in classes]
    return table


def approve_all(image: NDArray[Any], name: str = "field", reader: str = "Ada") -> None:
    """Confirm the class of every cell of a field, as a reader would in the gallery."""
    with hold_session(image, name) as session:
        session.reader = reader
        session.approve(session.table()["label"])
