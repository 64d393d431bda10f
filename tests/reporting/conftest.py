"""An analysis with known objects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.analysis.pipeline import Analysis
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES


@pytest.fixture
def result() -> Analysis:
    """Return three square cells on white: 3 and 7 are neutrophils, 12 is a monocyte."""
    labels = np.zeros((120, 200), np.int32)
    image = np.full((120, 200, 3), 255, np.uint8)
    for number, (y, x) in {3: (20, 20), 7: (20, 120), 12: (70, 60)}.items():
        labels[y : y + 30, x : x + 30] = number
        image[y : y + 30, x : x + 30] = (120, 60, 140)
    measured = measure(labels)
    table = pd.DataFrame({"label": measured["label"]})
    table["class"] = pd.Series(["neutrophil", "neutrophil", "monocyte"], dtype="str")
    table["confidence"] = 0.9
    for name in LEUKOCYTE_NAMES:
        table[f"p_{name}"] = np.where(table["class"] == name, 0.9, 0.025)
    table = pd.concat([table, measured.drop(columns="label")], axis=1)
    cell = (labels > 0).astype(np.float32)[np.newaxis]
    maps = MemberMaps(cell, cell, ("only",), (2.0,), 34.0, "test", ("ab" * 32,))
    nothing = np.zeros_like(labels)
    return Analysis(image, maps, labels, nothing, table, count(table), ("A note.",))
