"""Turn trained networks into a model of the plugin: fit the vote or the temperature, export."""

from __future__ import annotations

import itertools
import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import softmax, turned
from napari_leukocyte.learning.keras_process.onnx_files import to_onnx
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest, read_manifest, write_manifest
from napari_leukocyte.models.registry import SHIPPED
from napari_leukocyte.segmentation.ensemble import segment_members
from training.cell_batches import ClassifierConfig, balance_weights, plain_crops, targets
from training.classify import cells_of
from training.config import read_config
from training.data.photographs import load
from training.data.splits import select
from training.fitting import RUNS
from training.metrics import foreground_iou
from training.segment import SegmentationConfig
from training.ship_config import CONFIGS, ShipConfig, priors

#: Steps of the grid on which the vote's weights are fitted.
GRID = 10
#: ONNX and Keras must agree to these, in the mean and at worst, on probabilities or (relative
#: to the largest) on logits. float16 weights shift a probability of 0.5 by 0.03 in the worst
#: pixel of a steep edge, and by 0.0002 in the mean; a wrong graph is off by far more in both.
MEAN_TOLERANCE, WORST_TOLERANCE = 2e-3, 0.05


def ship(config: ShipConfig, data_root: Path, models: Path = SHIPPED) -> Path:
    """Export a model into the package, or into another folder of models.

    Parameters
    ----------
    config : ShipConfig
        Which.
    data_root : Path
        Folder of the data sets; the validation photographs fit weights and temperature.
    models : Path
        Folder of models; the default model is only ever set in the package's own.

    Returns
    -------
    Path
        The model's folder.
    """
    folder = models / config.name
    folder.mkdir(parents=True, exist_ok=True)
    make = _segmentation if config.kind == "segmentation" else _classification
    manifest = {
        "kind": config.kind,
        "name": config.name,
        "title": config.title,
        "licence": config.licence,
        **make(config, folder, data_root),
    }
    write_manifest(folder, manifest)
    members = {member.file for member in read_manifest(folder).members}
    for file in set(folder.glob("*.onnx")) - members:
        file.unlink()  # of a former version
    if config.default and models == SHIPPED:
        path = SHIPPED / "defaults.json"
        defaults = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        defaults[config.kind] = config.name
        path.write_text(json.dumps(defaults, indent=2) + "\n", encoding="utf-8")
    return folder


def ship_once(config: ShipConfig, data_root: Path, models: Path) -> Manifest:
    """Export a model, unless the same was exported since its networks were trained.

    Parameters
    ----------
    config, data_root, models
        See :func:`ship`.

    Returns
    -------
    Manifest
    """
    runs = [RUNS / _name_of(member) / "model.keras" for member in config.members]
    made = {"config": asdict(config), "runs": [run.stat().st_mtime_ns for run in runs]}
    made = json.loads(json.dumps(made))  # as it is read again
    folder = models / config.name
    note = folder / "made.json"
    if not (note.is_file() and json.loads(note.read_text(encoding="utf-8")) == made):
        ship(config, data_root, models)
        note.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return read_manifest(folder)


def _name_of(member: str) -> str:
    text = (CONFIGS / f"{member}.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["name"])


def check_export(
    model: keras.Model, member: dict[str, Any], folder: Path, images: NDArray[Any]
) -> None:
    """Refuse an ONNX file that does not say what Keras says, on real images."""
    from napari_leukocyte.models.manifest import Member

    loaded = Member(
        member["name"], folder / member["file"], member["sha256"], 1.0, member["diameter_px"]
    )
    found = runtime.run(loaded, images)[0]
    expected = model(images)
    expected = expected["logits"] if isinstance(expected, dict) else expected
    size = max(1.0, float(np.abs(expected).max()))
    difference = np.abs(found - np.asarray(expected)) / size
    print(
        f"{member['name']}: ONNX - Keras {difference.mean():.2g} mean, {difference.max():.2g} worst"
    )
    if difference.mean() > MEAN_TOLERANCE or difference.max() > WORST_TOLERANCE:
        raise RuntimeError(f"{member['name']}: the exported network differs from the trained one.")


def _segmentation(config: ShipConfig, folder: Path, data_root: Path) -> dict[str, Any]:
    members: list[dict[str, Any]] = []
    experiments = [read_config(CONFIGS / f"{m}.toml", SegmentationConfig) for m in config.members]
    datasets = experiments[0].datasets
    photographs = [
        p for d in datasets for p in select(load(d, data_root), d, "validation") if p.mask
    ]
    for experiment in experiments:
        model = keras.models.load_model(RUNS / experiment.name / "model.keras", compile=False)
        file = f"{experiment.name}.onnx"
        member = {
            "name": experiment.name,
            "file": file,
            "sha256": to_onnx(model, folder / file),
            "weight": 1.0,
            "diameter_px": experiment.diameter,
        }
        crop = photographs[-1].read()[None, :256, :256].astype(np.float32)
        check_export(model, member, folder, crop)
        members.append(member)
    manifest = {
        "members": members,
        "outputs": ["cell", "nucleus"],
        "input": "RGB, 0 to 255, a leukocyte of diameter_px px",
        "training_data": list(
            dict.fromkeys(d for e in experiments for d in (*e.datasets, *e.agreed))
        ),
    }
    if len(members) > 1:
        fields = {"kind": "segmentation", "name": config.name, "title": config.title}
        write_manifest(folder, {**fields, **manifest})
        weights = fit_weights(folder, photographs)
        for member, weight in zip(members, weights, strict=True):
            member["weight"] = weight
    return manifest


def fit_weights(folder: Path, photographs: list[Any]) -> tuple[float, ...]:
    """Choose the vote's weights by the mean foreground IoU on validation photographs.

    Sets count alike, whatever their number of photographs. Among weights within 0.0002 of
    the best, the most even ones are taken: a difference that small is noise.
    """
    n = len(read_manifest(folder).members)
    grid = [
        np.array(w) / GRID for w in itertools.product(range(1, GRID), repeat=n) if sum(w) == GRID
    ]
    datasets = sorted({p.dataset for p in photographs})
    scores = np.zeros((len(datasets), len(grid)))
    for photograph in photographs:
        maps = segment_members(photograph.read(), str(folder))
        truth = photograph.read_mask()[..., 0] > 0
        of_set = datasets.index(photograph.dataset)
        size = sum(p.dataset == photograph.dataset for p in photographs)
        for i, weights in enumerate(grid):
            voted = np.tensordot(weights.astype(np.float32), maps.cell, axes=1)
            scores[of_set, i] += foreground_iou(truth, voted >= 0.5) / size
    means = scores.mean(axis=0)
    near = [i for i in range(len(grid)) if means[i] >= means.max() - 2e-4]
    best = min(near, key=lambda i: float(grid[i].std()))
    for i, weights in enumerate(grid):
        print(weights, f"{means[i]:.4f}", "*" if i == best else "")
    return tuple(float(w) for w in grid[best])


def _classification(config: ShipConfig, folder: Path, data_root: Path) -> dict[str, Any]:
    members: list[dict[str, Any]] = []
    experiments = [read_config(CONFIGS / f"{m}.toml", ClassifierConfig) for m in config.members]
    first = experiments[0]
    cells = cells_of(first, data_root, "validation")
    models = [
        keras.models.load_model(RUNS / e.name / "model.keras", compile=False) for e in experiments
    ]
    all_crops = [plain_crops(cells, experiment) for experiment in experiments]
    logits = [
        [
            model.predict(turned(crops, view), verbose=0, batch_size=16)["logits"]
            for view in range(config.views)
        ]
        for model, crops in zip(models, all_crops, strict=True)
    ]
    temperature = fit_temperature(
        np.array(logits), targets(cells, first.classes), balance_weights(cells, first)
    )
    for experiment, model, crops in zip(experiments, models, all_crops, strict=True):
        # Logits are divided by the temperature before they become probabilities.
        shift_biases(model, temperature * np.log(priors(config, first.classes)))
        file = f"{experiment.name}.onnx"
        member = {
            "name": experiment.name,
            "file": file,
            "sha256": to_onnx(model, folder / file, ("logits", "embedding")),
            "weight": 1.0,
            "diameter_px": experiment.diameter,
        }
        check_export(model, member, folder, crops[:8])
        members.append(member)
    return {
        "members": members,
        "classes": list(first.classes),
        "side_px": first.side,
        "temperature": temperature,
        "nucleus_density": first.nucleus_density or None,
        "views": config.views,
        "outputs": ["logits", "embedding"],
        "input": "RGB, 0 to 255, background balanced to white, surroundings faded",
        "training_data": list(first.datasets),
    }


def shift_biases(model: keras.Model, shift: NDArray[np.float64]) -> None:
    """Add (C,) numbers to the logits."""
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias + shift])


def fit_temperature(
    logits: NDArray[np.float32], truth: NDArray[np.float32], weights: NDArray[np.float64]
) -> float:
    """Return the temperature with the least cross-entropy (Guo and others, ICML 2017).

    Parameters
    ----------
    logits : ndarray
        (M, V, N, C): of every member and view; their probabilities are averaged, as the plugin
        does.
    truth : ndarray
        (N, C), one-hot.
    weights : ndarray
        (N,): of the cells, adding up to 1.

    Returns
    -------
    float
    """
    from scipy.optimize import minimize_scalar

    flat = logits.reshape(-1, logits.shape[-1])

    def loss(log_temperature: float) -> float:
        p = softmax(flat / np.exp(log_temperature)).reshape(logits.shape).mean(axis=(0, 1))
        return float(-np.sum(weights * np.log(np.sum(p * truth, axis=1) + 1e-12)))

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))
