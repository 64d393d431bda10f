"""A small field whose cells are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.session.session import Session
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

#: Side of the square that each cell has to itself, px.
PITCH = 40


def field(n: int, columns: int = 4) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw cells 1 to `n`, each larger and darker than the one before."""
    rows = -(-n // columns)
    rgb = np.full((rows * PITCH, columns * PITCH, 3), (230, 220, 200), np.uint8)
    labels = np.zeros(rgb.shape[:2], np.int32)
    y, x = np.mgrid[:PITCH, :PITCH] - PITCH // 2
    for i in range(n):
        disc = y**2 + x**2 <= (8 + 8 * i / max(1, n)) ** 2
        row, column = divmod(i, columns)
        place = np.s_[row * PITCH : (row + 1) * PITCH, column * PITCH : (column + 1) * PITCH]
        labels[place][disc] = i + 1
        rgb[place][disc] = (170 - 5 * i, 90, 180 - 5 * i)
    return rgb, labels


def predictions(classes: list[str], confidences: list[float]) -> pd.DataFrame:
    """Make up what a classifier says of cells 1, 2, ..."""
    table = pd.DataFrame({"label": np.arange(1, len(classes) + 1)})
    table["class"] = pd.Series(classes, dtype="str")
    table["confidence"] = confidences
    for name in LEUKOCYTE_NAMES:
        rest = (1 - table["confidence"]) / (len(LEUKOCYTE_NAMES) - 1)
        table[f"p_{name}"] = rest.where(table["class"] != name, table["confidence"])
    return table


#: What the classifier says of the eight cells of `session`.
CLASSES = [
    "neutrophil",
    "neutrophil",
    "eosinophil",
    "lymphocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "basophil",
]
CONFIDENCES = [0.95, 0.5, 0.8, 0.9, 0.6, 0.7, 0.99, 0.4]


def session() -> Session:
    """Return a session of eight classified cells."""
    rgb, labels = field(len(CLASSES))
    result = Session(rgb, "field")
    result.accept_edit(labels)
    result.set_predictions(predictions(CLASSES, CONFIDENCES), "made up")
    return result
