"""The binary network of 2019, trained, measured and made a model of the plugin.

Mononuclear leukocytes (lymphocyte, monocyte) against polymorphonuclear ones (neutrophil,
eosinophil, basophil), as in the paper: 20 epochs, 80 % of the photographs for training and 20 % for
the test. The last epoch is kept, so that nothing is chosen on the photographs that the figures come
from.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.learning.keras_process.onnx_files import to_onnx
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest, read_manifest, write_manifest
from napari_leukocyte.models.registry import SHIPPED
from napari_leukocyte.vocabulary import (
    BASOPHIL,
    EOSINOPHIL,
    LYMPHOCYTE,
    MONOCYTE,
    MONONUCLEAR,
    NEUTROPHIL,
    POLYMORPHONUCLEAR,
)
from training.cell_batches import CellBatches, ClassifierConfig, plain_crops, targets
from training.cells import Cell, load_cells
from training.config import read_config
from training.data.photographs import Photograph, load
from training.data.splits import Side, select
from training.fitting import RESULTS, RUNS, fit, optimizer
from training.metrics import classification_summary
from training.networks.nine_layer import build_nine_layer
from training.predictions import NOT_FOUND
from training.ship import check_export

#: The group of each class.
GROUP_OF = {
    **{c.name: MONONUCLEAR.name for c in (LYMPHOCYTE, MONOCYTE)},
    **{c.name: POLYMORPHONUCLEAR.name for c in (NEUTROPHIL, EOSINOPHIL, BASOPHIL)},
}
#: The sides of the committed split that together are the paper's 20 %.
HELD_OUT: tuple[Side, ...] = ("validation", "test")
TITLE = "Nine-layer network of 2019: mononuclear or polymorphonuclear"
LICENCE = (
    "BSD-3-Clause (weights); trained on PBC (CC BY 4.0), Zheng 2018 (GPL-3 repository) and "
    "BCCD (MIT)"
)
#: What is known of its errors, for the manifest.
FAILS = (
    "It knows no third class: platelets, erythroblasts, smudge cells and artefacts become one of "
    "the two.",
    "Three in ten basophils look mononuclear to it: their granules hide the lobes of the nucleus.",
    "It is a small network from scratch, kept for comparison: use the default model to count.",
)


def group_photographs(photographs: list[Photograph]) -> list[Photograph]:
    """Keep the photographs of the five classes, with the group in place of the class."""
    return [
        dataclasses.replace(p, label=GROUP_OF[p.label]) for p in photographs if p.label in GROUP_OF
    ]


def _photographs(config: ClassifierConfig, data_root: Path, *sides: Side) -> list[Photograph]:
    return group_photographs(
        [p for d in config.datasets for p in select(load(d, data_root), d, *sides)]
    )


def train_binary(config_file: Path, data_root: Path) -> keras.Model:
    """Train the network as a TOML file says; an interrupted run goes on.

    Parameters
    ----------
    config_file : Path
        An experiment, of the classifier's keys.
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    keras.Model
        After the last epoch; it also lies in ``runs/<name>/model.keras``. The curves of loss and
        accuracy on both sides are in ``results/<name>/training.json``.
    """
    config = read_config(config_file, ClassifierConfig)
    keras.utils.set_random_seed(config.seed)
    model = build_nine_layer(config.side, config.dropout)
    train, held_out = (
        load_cells(_photographs(config, data_root, *sides), config.side, config.diameter)
        for sides in (("train",), HELD_OUT)
    )
    trained = keras.Model(model.inputs[0], model.output["logits"])
    trained.compile(
        optimizer(config.schedule),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=config.label_smoothing
        ),
        metrics=["categorical_accuracy"],
        jit_compile=False,
    )
    fit(
        trained,
        CellBatches(train, config),
        _plain(held_out, config),
        config.schedule,
        config.name,
        config,
        keep_best=False,
    )
    model.save(RUNS / config.name / "model.keras")
    return model


def _plain(cells: list[Cell], config: ClassifierConfig) -> tuple[Any, Any]:
    return plain_crops(cells, config), targets(cells, config.classes)


def ship_binary(config_file: Path, data_root: Path, root: Path = SHIPPED) -> Path:
    """Export the trained network as a model of the plugin, and measure it there.

    Parameters
    ----------
    config_file : Path
        The experiment.
    data_root : Path
        Folder of the data sets.
    root : Path
        Folder in which the model's folder is made.

    Returns
    -------
    Path
        The model's folder; the figures are also in ``results/<name>/held-out.json``.
    """
    config = read_config(config_file, ClassifierConfig)
    model = keras.models.load_model(RUNS / config.name / "model.keras", compile=False)
    folder = root / config.name
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{config.name}.onnx"
    member = {
        "name": config.name,
        "file": file,
        "sha256": to_onnx(model, folder / file, ("logits", "embedding")),
        "weight": 1.0,
        "diameter_px": config.diameter,
    }
    manifest = {
        "kind": "classification",
        "name": config.name,
        "title": TITLE,
        "licence": LICENCE,
        "members": [member],
        "classes": list(config.classes),
        "side_px": config.side,
        "outputs": ["logits", "embedding"],
        "input": "RGB, 0 to 255, background balanced to white, surroundings faded",
        "training_data": list(config.datasets),
        "fails": list(FAILS),
    }
    if config.nucleus_density:
        manifest["nucleus_density"] = config.nucleus_density
    write_manifest(folder, manifest)
    photographs = _photographs(config, data_root, *HELD_OUT)
    cells = load_cells(photographs, config.side, config.diameter)
    crops = plain_crops(cells, config)
    check_export(model, member, folder, crops[:64])
    held_out = measure_binary(read_manifest(folder), photographs, cells, crops)
    write_manifest(folder, {**manifest, "figures": {"held_out": _short(held_out)}})
    result = {"sha256": member["sha256"], "sets": held_out}
    path = RESULTS / config.name / "held-out.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return folder


def measure_binary(
    manifest: Manifest,
    photographs: list[Photograph],
    cells: list[Cell],
    crops: NDArray[np.float32],
) -> dict[str, dict[str, Any]]:
    """Measure the exported network set by set.

    Parameters
    ----------
    manifest : Manifest
        The model.
    photographs : list of Photograph
        Held out, with groups for classes.
    cells : list of Cell
        Those found on them: true masks where a set has them, the plugin's own for the others.
    crops : ndarray
        (N, side, side, 3) float32, one for each cell.

    Returns
    -------
    dict
        By set: ``photographs``, ``not_found`` (counted as wrong), and the figures of
        :func:`training.metrics.classification_summary`.
    """
    logits = runtime.run(manifest.members[0], crops)[0]
    said = {
        c.photograph.name: manifest.classes[i]
        for c, i in zip(cells, logits.argmax(axis=1), strict=True)
    }
    figures = {}
    for dataset in dict.fromkeys(p.dataset for p in photographs):
        shown = [p for p in photographs if p.dataset == dataset]
        told = [said.get(p.name, NOT_FOUND) for p in shown]
        figures[str(dataset)] = {
            "photographs": len(shown),
            "not_found": told.count(NOT_FOUND),
            **classification_summary([str(p.label) for p in shown], told, manifest.classes),
        }
    return figures


def _short(sets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what a manifest tells the user."""
    names = ("photographs", "accuracy", "balanced_accuracy", "macro_f1", "majority_class_accuracy")
    return {
        dataset: {
            **{n: s[n] if n == "photographs" else round(s[n], 4) for n in names},
            "accuracy_95": [round(v, 4) for v in s["accuracy_95"]],
            "recall": {c: round(s[f"recall_{c}"], 4) for c in s["cells"] if s["cells"][c]},
        }
        for dataset, s in sets.items()
    }
