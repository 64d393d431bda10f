"""A command line in the test's process, and networks that see cells by their colour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import ArrayLike, NDArray
from typer.testing import CliRunner, Result

from napari_leukocyte.analysis import pipeline
from napari_leukocyte.classification import inference
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.cli.main import app
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

PALE, STAINED = (250, 240, 230), (120, 60, 140)

Cli = Callable[..., Result]
Draw = Callable[..., Path]


@pytest.fixture
def cli() -> Cli:
    """Return the command line: called with its arguments, it gives status, stdout and stderr."""

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)

    return call


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Return a function that writes a pale field with square cells of 30 px in a row."""

    def field(name: str, cells: int = 2) -> Path:
        image = np.full((80, 240, 3), PALE, np.uint8)
        for i in range(cells):
            image[20:50, 20 + 50 * i : 50 + 50 * i] = STAINED
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".tif":
            tifffile.imwrite(path, image, photometric="rgb")
        else:
            encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
            path.write_bytes(encoded.tobytes())
        return path

    return field


@pytest.fixture
def quick_networks(monkeypatch: pytest.MonkeyPatch, all_convincing: None) -> None:
    """Put rules in the networks' place; everything around them is real."""

    def segment_members(
        image: NDArray[np.uint8], model: str, diameter: Any, progress: Any
    ) -> MemberMaps:
        cell = (image[..., 1] < 128).astype(np.float32)[np.newaxis]
        return MemberMaps(cell, cell, ("rule",), (1.0,), 34.0, "rule", ("00" * 32,))

    def classify(
        image: ArrayLike, labels: NDArray[np.int32], model: str, *, nucleus: Any, progress: Any
    ) -> pd.DataFrame:
        measured = measure(labels, nucleus)
        kinds = [LEUKOCYTE_NAMES[(n - 1) % 5] for n in measured["label"]]
        table = pd.DataFrame({"label": measured["label"], "class": pd.Series(kinds, dtype="str")})
        table["confidence"] = 1.0
        for name in LEUKOCYTE_NAMES:
            table[f"p_{name}"] = (table["class"] == name).astype(float)
        return pd.concat([table, measured.drop(columns="label")], axis=1)

    monkeypatch.setattr(pipeline, "segment_members", segment_members)
    monkeypatch.setattr(inference, "classify", classify)
