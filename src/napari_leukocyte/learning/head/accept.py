"""Make a head a model of the user's: the classifier's network with its last layer replaced."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from napari_leukocyte.classification.embedding import Features
from napari_leukocyte.learning.head.comparison import Comparison, Share
from napari_leukocyte.learning.head.errors import RetrainingError
from napari_leukocyte.learning.head.last_layer import replace_last_layer
from napari_leukocyte.learning.head.retrain import Retrained
from napari_leukocyte.models.adding import NewModel, add_model
from napari_leukocyte.models.manifest import Manifest


def accept(
    result: Retrained,
    features: Features,
    name: str,
    source: str,
    folder: Path | None = None,
) -> Manifest:
    """Write a head as a model.

    Parameters
    ----------
    result : Retrained
        The head, with what was measured.
    features : Features
        Of the classifier that it was fitted on.
    name : str
        Of the new model.
    source : str
        Where the reader's cells are from: a dataset's version and checksum, in words.
    folder : Path, optional
        Folder of models; the user's by default.

    Returns
    -------
    Manifest

    Raises
    ------
    RetrainingError
        If it must not be taken; the message is the first reason.
    ModelError, OutputError
        If the name is taken or can't be one, or the model can't be written.
    """
    if result.refusals:
        raise RetrainingError(f"The head was not taken. {result.refusals[0]}")
    former = features.manifest
    new = NewModel(
        name=name,
        kind="classification",
        classes=result.head.classes,
        diameter_px=features.member.diameter_px,
        side_px=former.side_px,
        title=f"{former.name} with a head fitted on {result.own.cells} reviewed cells",
        licence=former.licence,
        training_data=(*former.training_data, "reviewed cells of its user"),
    )
    further = {
        "temperature": result.head.temperature,
        "nucleus_density": former.nucleus_density,
        "views": features.views,
        "figures": figures(result),
        "fails": list(former.fails),
        "made_from": {
            "model": former.name,
            "sha256": features.member.sha256,
            "features_sha256": features.sha256,
            "dataset": source,
        },
    }
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "head.onnx"
        replace_last_layer(features.member, result.head.weights, result.head.bias, file)
        manifest, _ = add_model(file, new, folder, further=further)
    return manifest


def figures(result: Retrained) -> dict[str, Any]:
    """Return what was measured, as a manifest holds it."""
    return {
        "held_out": {
            "your photographs": _of(result.own, "after"),
            "shipped cells": _of(result.shipped, "after"),
        },
        "before": {
            "your photographs": _of(result.own, "before"),
            "shipped cells": _of(result.shipped, "before"),
        },
    }


def _of(comparison: Comparison, when: str) -> dict[str, Any]:
    balanced: Share = getattr(comparison, when)
    found: dict[str, Any] = {
        "cells": comparison.cells,
        "photographs": comparison.photographs,
        "balanced_accuracy": round(balanced.value, 4),
        "balanced_accuracy_95": [round(balanced.low, 4), round(balanced.high, 4)],
        "calibration_error": round(getattr(comparison, f"calibration_{when}"), 4),
    }
    for row in comparison.rows:
        if row.measured:
            recall: Share = getattr(row, when)
            found[f"recall, {row.name}"] = round(recall.value, 4)
            found[f"recall, {row.name}_95"] = [round(recall.low, 4), round(recall.high, 4)]
    return found
