"""Classifiers' predictions for the cells of photographs, through the plugin's own path.

Each photograph is segmented once, by the plugin with its default model and parameters; every
classifier then sees the same cells.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import predict
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.schema import NUCLEUS_THRESHOLD
from napari_leukocyte.segmentation.ensemble import segment_members
from napari_leukocyte.segmentation.objects import find_objects
from napari_leukocyte.segmentation.parameters import PostprocessParams
from training.cells import main_region
from training.data.photographs import Photograph
from training.fitting import RUNS

#: Stands in for a class where the segmentation found no cell; always wrong.
NOT_FOUND = "not found"
#: The measured morphology that a meta-model sees: shapes and ratios, no pixels.
MORPHOLOGY = (
    "relative_diameter",
    "circularity",
    "solidity",
    "nucleus_cell_ratio",
    "nucleus_circularity",
    "nucleus_solidity",
    "nucleus_parts",
)
#: Parts of a nucleus smaller than this share of it are noise.
_SMALLEST_PART = 0.03


@dataclass(frozen=True, eq=False)
class Segmented:
    """The plugin's segmentation of a photograph.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32.
    nucleus : ndarray
        (H, W) bool.
    diameter : float
        Estimated diameter of a leukocyte, px.
    """

    labels: NDArray[np.int32]
    nucleus: NDArray[np.bool_]
    diameter: float


def segment_photograph(photograph: Photograph, rgb: NDArray[np.uint8]) -> Segmented:
    """Segment a photograph with the plugin's defaults; kept in ``runs/segmented``."""
    path = RUNS / "segmented" / segmenter_key() / Path(photograph.name).with_suffix(".npz")
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Segmented(
                kept["labels"].astype(np.int32), kept["nucleus"], float(kept["diameter"])
            )
    maps = segment_members(rgb)
    nucleus = maps.combine_nucleus()
    labels = find_objects(maps, nucleus=nucleus).labels
    made = Segmented(labels, nucleus >= NUCLEUS_THRESHOLD, maps.diameter)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, labels=labels.astype(np.uint16), nucleus=made.nucleus, diameter=made.diameter
    )
    return made


@functools.cache
def segmenter_key() -> str:
    """Return a name for the default segmentation: its networks, weights and parameters."""
    manifest = find_model("segmentation")
    parts = [f"{m.sha256} {m.weight} {m.diameter_px}" for m in manifest.members]
    text = "\n".join([*parts, repr(PostprocessParams())])
    return f"{manifest.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def predict_cells(
    photographs: Iterable[Photograph], classifiers: Sequence[Manifest]
) -> pd.DataFrame:
    """Classify and measure the one cell that each photograph's class speaks of.

    Parameters
    ----------
    photographs : iterable of Photograph
        Each with a class.
    classifiers : sequence of Manifest
        Which classifiers; none to measure only.

    Returns
    -------
    pandas.DataFrame
        One row a photograph: ``dataset``, ``photograph`` (its name), ``truth``, ``found`` (bool),
        the columns of `MORPHOLOGY`, and the probabilities, as `probability_columns` names them.
        Numbers are NaN where the segmentation found no cell.
    """
    rows: list[dict[str, Any]] = []
    for photograph in photographs:
        rgb = photograph.read()
        segmented = segment_photograph(photograph, rgb)
        region = main_region(segmented.labels, central=photograph.dataset != "bccd")
        row: dict[str, Any] = {
            "dataset": photograph.dataset,
            "photograph": photograph.name,
            "truth": photograph.label,
            "found": region is not None,
        }
        if region is not None:
            cell = np.where(segmented.labels == region.label, np.int32(1), np.int32(0))
            row |= morphology(cell, segmented)
            for manifest in classifiers:
                probability = predict(rgb, cell, manifest)[0]
                row |= dict(zip(probability_columns(manifest), probability, strict=True))
        rows.append(row)
    columns = ["dataset", "photograph", "truth", "found", *MORPHOLOGY]
    columns += [c for m in classifiers for c in probability_columns(m)]
    return pd.DataFrame(rows, columns=columns)


def probability_columns(manifest: Manifest) -> list[str]:
    """Return the names of a classifier's columns, in the order of its classes."""
    return [f"{manifest.name}: {name}" for name in manifest.classes]


def morphology(cell: NDArray[np.int32], segmented: Segmented) -> dict[str, float]:
    """Measure a cell, its nucleus and their relation; the columns are `MORPHOLOGY`.

    Parameters
    ----------
    cell : ndarray
        (H, W) int32, 1 inside the cell.
    segmented : Segmented
        Of the same photograph.

    Returns
    -------
    dict
        The cell's diameter over the estimated one, circularity, solidity, nucleus-to-cell ratio;
        circularity and solidity of the whole nucleus, and the number of its parts. A nucleus
        that was not found leaves NaN.
    """
    from skimage.measure import label

    whole = measure(cell, segmented.nucleus).iloc[0]
    values = {
        "relative_diameter": float(whole["equivalent_diameter_px"]) / segmented.diameter,
        **{c: float(whole[c]) for c in ("circularity", "solidity", "nucleus_cell_ratio")},
        "nucleus_circularity": float("nan"),
        "nucleus_solidity": float("nan"),
        "nucleus_parts": 0.0,
    }
    inside = (segmented.nucleus & (cell > 0)).astype(np.int32)
    if inside.any():
        nucleus = measure(inside).iloc[0]
        parts = np.bincount(label(inside).ravel())[1:]
        values["nucleus_circularity"] = float(nucleus["circularity"])
        values["nucleus_solidity"] = float(nucleus["solidity"])
        values["nucleus_parts"] = float(np.sum(parts > _SMALLEST_PART * parts.sum()))
    return values


def verdicts(table: pd.DataFrame, manifest: Manifest) -> list[str]:
    """Return the likeliest class of every row, `NOT_FOUND` where there was no cell."""
    probability = table[probability_columns(manifest)].to_numpy(float)
    found = table["found"].to_numpy(bool)
    best = np.where(found[:, np.newaxis], probability, 0.0).argmax(axis=1)
    return [
        manifest.classes[i] if there else NOT_FOUND for i, there in zip(best, found, strict=True)
    ]
