"""The gain from corrected cells of a set, for a classifier that has never seen that set.

The classifier is the one that was trained without the set; its head is fitted anew, as the plugin
does, on a few cells a class of the set together with shipped cells of the other sets, and asked
about the rest of the set.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features, features_of
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.learning.head.base import Base
from napari_leukocyte.learning.head.cells import Cells
from napari_leukocyte.learning.head.head import Head, HeadParams
from napari_leukocyte.learning.head.onnx_head import head_of
from napari_leukocyte.learning.head.retrain import fit_calibrated
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.cell_batches import ClassifierConfig
from training.config import read_config
from training.data.photographs import CLASSIFIED, DatasetName, load
from training.embeddings import base_of, cut, embed_cells
from training.fitting import RESULTS, RUNS
from training.leave_out import classifier_without, export_left_out
from training.metrics import calibration_error

#: The sets that are left out in turn; the fourth, Zheng 2, has 100 cells.
LEFT_OUT: tuple[DatasetName, ...] = ("bccd", "pbc", "zheng1")
#: Corrected cells a class.
NUMBERS = (5, 10, 25, 50)
#: Choices of the corrected cells for each number.
DRAWS = 3
#: Classes with fewer cells in a set are left out of its figures: at most half of a class's cells
#: are taken for correction, and recall is to be measured on five or more.
LEAST = 10
#: Most cells of a class that are looked at: more take time and change no figure.
MOST = 300


def measure_corrections(
    data_root: Path,
    datasets: Sequence[DatasetName] = LEFT_OUT,
    params: HeadParams | None = None,
) -> dict[str, Any]:
    """Measure the curve of every set whose classifier was trained.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    datasets : sequence of str
        Which sets.
    params : HeadParams, optional
        How heads are fitted.

    Returns
    -------
    dict
        By set: see :func:`curve_of`. Sets without a classifier that was trained without them are
        left out.
    """
    result: dict[str, Any] = {}
    for dataset in datasets:
        if not (RUNS / classifier_without(dataset) / "model.keras").is_file():
            print(f"{dataset}: {classifier_without(dataset)} has not been trained.")
            continue
        try:
            own, base, features = prepare(dataset, data_root)
        except ParameterError as error:
            print(f"{dataset}: {error}")
            continue
        result[dataset] = curve_of(own, base, features, params or HeadParams())
        print(as_text(dataset, result[dataset]))
    return result


def prepare(dataset: DatasetName, data_root: Path) -> tuple[Cells, Base, Features]:
    """Embed the cells of a set, and of the others, by the classifier that was trained without it.

    Returns
    -------
    own : Cells
        Of the set, at most `MOST` of a class.
    base : Base
        What would ship with that classifier.
    features : Features
        Of it.
    """
    features = features_of(_model(dataset, data_root))
    photographs = [p for p in load(dataset, data_root) if p.label]
    rng = np.random.default_rng(0)
    chosen = []
    for name in sorted({str(p.label) for p in photographs}):
        of_class = [p for p in photographs if p.label == name]
        chosen += [of_class[i] for i in rng.permutation(len(of_class))[:MOST]]
    own = embed_cells(cut(chosen, features), features)
    others = [d for d in CLASSIFIED if d != dataset]
    return own, base_of(features, others, data_root), features


def curve_of(own: Cells, base: Base, features: Features, params: HeadParams) -> dict[str, Any]:
    """Measure the curve of one set.

    Parameters
    ----------
    own, base, features
        As from :func:`prepare`.
    params : HeadParams
        How heads are fitted.

    Returns
    -------
    dict
        ``cells`` by class; ``too_few``, the classes that were left out; ``points``, one for each
        number of corrected cells, 0 (the classifier as it is) first: ``balanced_accuracy`` of the
        five classes and ``balanced_accuracy_all`` of all that the set has, each a list of draws;
        ``recall`` by class; ``cells_corrected`` by class; ``calibration_error``; ``shipped``, the
        balanced accuracy on the other sets' validation cells.
    """
    counts = {n: int(np.sum(own.classes == n)) for n in own.names()}
    known = own[np.isin(own.classes, [n for n, count in counts.items() if count >= LEAST])]
    shipped = base.only(frozenset(features.manifest.classes) | frozenset(known.names()))
    former = head_of(features)
    every = [(former, np.ones(len(known), bool))]
    points = [_point(0, known, shipped, every)]
    for number in NUMBERS:
        heads = []
        for draw in range(DRAWS):
            corrected = draw_corrections(known.classes, number, draw)
            head, *_ = fit_calibrated(known[corrected], shipped.fitting, params)
            heads.append((head, ~corrected))
        points.append(_point(number, known, shipped, heads))
    return {
        "cells": counts,
        "too_few": [n for n, count in counts.items() if count < LEAST],
        "points": points,
    }


def draw_corrections(classes: NDArray[np.str_], number: int, draw: int) -> NDArray[np.bool_]:
    """Choose cells of each class, at most half of them; return (N,) bool."""
    chosen = np.zeros(len(classes), bool)
    rng = np.random.default_rng([draw, number])
    for name in np.unique(classes):
        of_class = rng.permutation(np.flatnonzero(classes == name))
        chosen[of_class[: min(number, len(of_class) // 2)]] = True
    return chosen


def _point(
    number: int, own: Cells, base: Base, heads: list[tuple[Head, NDArray[np.bool_]]]
) -> dict[str, Any]:
    recalls: dict[str, list[float]] = {n: [] for n in own.names()}
    errors, shipped = [], []
    for head, rest in heads:
        asked = own[rest]
        probability = head.probabilities(asked.embeddings)
        said = np.array(head.classes, dtype=str)[probability.argmax(axis=1)]
        for name, values in recalls.items():
            values.append(float(np.mean(said[asked.classes == name] == name)))
        errors.append(calibration_error(probability.max(axis=1), said == asked.classes))
        known = base.measuring
        right = head.predict(known.embeddings) == known.classes
        shipped.append(float(np.mean([right[known.classes == n].mean() for n in known.names()])))
    five = [n for n in recalls if n in LEUKOCYTE_NAMES]
    corrected = {n: int(np.sum(own.classes[~heads[0][1]] == n)) for n in recalls}
    return {
        "number": number,
        "cells_corrected": corrected,
        "balanced_accuracy": np.mean([recalls[n] for n in five], axis=0).tolist(),
        "balanced_accuracy_all": np.mean(list(recalls.values()), axis=0).tolist(),
        "recall": {n: float(np.mean(v)) for n, v in recalls.items()},
        "calibration_error": float(np.mean(errors)),
        "shipped": shipped,
    }


def as_text(dataset: str, curve: dict[str, Any]) -> str:
    """Return a curve as lines of text."""
    lines = [f"{dataset}, left out of training: " + json.dumps(curve["cells"])]
    if curve["too_few"]:
        lines.append(f"  fewer than {LEAST} cells, left out: {', '.join(curve['too_few'])}")
    for point in curve["points"]:
        five, everything = (
            f"{np.mean(point[k]):.3f} ({min(point[k]):.3f} to {max(point[k]):.3f})"
            for k in ("balanced_accuracy", "balanced_accuracy_all")
        )
        few = {n: c for n, c in point["cells_corrected"].items() if c < point["number"]}
        lines.append(
            f"  {point['number']:3d} a class: {five}; all classes {everything}; shipped cells "
            f"{np.mean(point['shipped']):.3f}; calibration error {point['calibration_error']:.3f}"
            + (f"; of {', '.join(f'{n} only {c}' for n, c in few.items())}" if few else "")
        )
    last = curve["points"][-1]["recall"]
    lines.append("  recall at the end: " + ", ".join(f"{n} {v:.2f}" for n, v in last.items()))
    return "\n".join(lines)


def _model(dataset: DatasetName, data_root: Path) -> str:
    """Export the classifier that was trained without a set.

    Only if its configuration is still what it was trained with: crops of another size than in
    training would be measured without a word.
    """
    from training.ship_config import CONFIGS

    name = classifier_without(dataset)
    config = read_config(CONFIGS / "lodo" / f"{name}.toml", ClassifierConfig)
    refuse_other_crops(config, RESULTS / name / "training.json")
    return export_left_out(name, "classification", data_root)


def refuse_other_crops(config: ClassifierConfig, record: Path) -> None:
    """Refuse a network whose record is missing or says that it was trained on other crops.

    Raises
    ------
    ParameterError
        With one sentence.
    """
    try:
        trained = json.loads(record.read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ParameterError(
            f"{record} does not say what {config.name} was trained with: train it anew."
        ) from error
    for key in ("side", "diameter", "nucleus_density", "classes"):
        now = getattr(config, key)
        then = trained.get(key)
        if (tuple(then) if isinstance(then, list) else then) != now:
            raise ParameterError(
                f"{config.name} was trained with {key} = {then}, and its configuration says {now}: "
                "train it anew."
            )
