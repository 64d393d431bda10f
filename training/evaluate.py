"""Measure the plugin on photographs that its models were not trained on."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import predict
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.ensemble import MemberMaps, segment_members
from napari_leukocyte.segmentation.objects import find_objects
from napari_leukocyte.segmentation.parameters import PostprocessParams, Vote
from napari_leukocyte.segmentation.postprocess import postprocess
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.cells import main_region, truth_labels
from training.data.photographs import CLASSIFIED, SEGMENTED, DatasetName, Photograph, load
from training.data.splits import select
from training.fitting import RESULTS
from training.metrics import (
    Estimate,
    ObjectScore,
    bootstrap_balanced,
    bootstrap_calibration,
    bootstrap_mean,
    calibration_error,
    classification_summary,
    foreground_iou,
    match_objects,
    mean_iou,
)
from training.predictions import NOT_FOUND, segment_photograph

#: Cells from which a class's recall says something of a set.
COMMON = 10

Method = Callable[[NDArray[np.uint8], MemberMaps], NDArray[np.int32]]
#: Finds the cells of a photograph with these pixels.
Segment = Callable[[Photograph, NDArray[np.uint8]], NDArray[np.int32]]


def disc_baseline(rgb: NDArray[np.uint8], maps: MemberMaps) -> NDArray[np.int32]:
    """Guess a centred disc of six tenths of the smaller side: what a crop's layout gives."""
    height, width = rgb.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    cv2.circle(labels, (width // 2, height // 2), round(0.3 * min(height, width)), 1, -1)
    return labels.astype(np.int32)


def threshold_baseline(rgb: NDArray[np.uint8], maps: MemberMaps) -> NDArray[np.int32]:
    """Threshold saturation by Otsu's method, then the plugin's own post-processing."""
    saturation = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 1], (0, 0), 2)
    level, _ = cv2.threshold(saturation, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return postprocess((saturation > level).astype(np.float32))


def _methods(names: tuple[str, ...]) -> dict[str, Method]:
    default = PostprocessParams()

    def ensemble(weights: tuple[float, ...] | None, params: PostprocessParams = default) -> Method:
        return lambda rgb, maps: find_objects(maps, params, weights).labels

    rules: dict[str, Vote] = {"geometric mean": "geometric", "weighted mean": "mean"}

    methods: dict[str, Method] = {
        "centred disc": disc_baseline,
        "threshold and watershed": threshold_baseline,
    }
    for i, name in enumerate(names):
        methods[name] = ensemble(tuple(float(i == j) for j in range(len(names))))
    mean = replace(default, vote="mean")
    methods["ensemble, equal weights"] = ensemble((1.0,) * len(names), mean)
    for title, rule in rules.items():
        methods[f"ensemble, {title}"] = ensemble(None, replace(default, vote=rule))
    # The paper's rule: the weighted mean, and areas against their median.
    methods["ensemble, by area as in 0.1.0"] = ensemble(None, PostprocessParams.as_in_0_1_0())
    methods["ensemble"] = ensemble(None)
    return methods


def held_out(dataset: DatasetName, data_root: Path) -> list[Photograph]:
    """Return the photographs of a set's test side."""
    return select(load(dataset, data_root), dataset, "test")


def evaluate_segmentation(data_root: Path, model: str = "default") -> dict[str, Any]:
    """Measure a segmentation model on the test photographs of every set with masks.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    model : str
        Which.

    Returns
    -------
    dict
        Figures by set; see :func:`segmentation_of`.
    """
    members = find_model("segmentation", model).members
    result = {d: segmentation_of(held_out(d, data_root), model) for d in SEGMENTED}
    return {"model": model, "sha256": [m.sha256 for m in members], "sets": result}


def segmentation_of(photographs: list[Photograph], model: str) -> dict[str, Any]:
    """Measure a segmentation model on photographs with masks.

    Parameters
    ----------
    photographs : list of Photograph
        Those without a mask are passed over.
    model : str
        Which.

    Returns
    -------
    dict
        Figures by method: mean foreground IoU a photograph with its interval and 5th percentile,
        mean IoU over both classes, F1 of objects at IoU 0.5; and the estimated diameter over the
        true one.
    """
    names = tuple(m.name for m in find_model("segmentation", model).members)
    scores: dict[str, list[tuple[float, float, ObjectScore]]] = {}
    ratios = []
    for photograph in (p for p in photographs if p.mask):
        rgb, truth = photograph.read(), truth_labels(photograph)
        maps = segment_members(rgb, model)
        areas = np.bincount(truth.ravel())[1:]
        ratios.append(maps.diameter / float(np.sqrt(4 * np.median(areas) / np.pi)))
        for name, method in _methods(names).items():
            found = method(rgb, maps)
            scores.setdefault(name, []).append(
                (
                    foreground_iou(truth > 0, found > 0),
                    mean_iou(truth > 0, found > 0),
                    match_objects(truth, found),
                )
            )
    return {
        "photographs": len(ratios),
        "diameter_ratio_percentiles_5_50_95": np.percentile(ratios, [5, 50, 95]).tolist(),
        "methods": {name: _summary(values) for name, values in scores.items()},
    }


def _summary(values: list[tuple[float, float, ObjectScore]]) -> dict[str, Any]:
    ious = np.array([v[0] for v in values])
    estimate: Estimate = bootstrap_mean(ious)
    objects = sum((v[2] for v in values), ObjectScore(0, 0, 0))
    return {
        "foreground_iou": estimate.mean,
        "foreground_iou_95": [estimate.low, estimate.high],
        "foreground_iou_5th_percentile": float(np.percentile(ious, 5)),
        "mean_iou_both_classes": float(np.mean([v[1] for v in values])),
        "object_f1_at_0.5": objects.f1,
    }


def evaluate_fields(data_root: Path, n_fields: int = 20) -> dict[str, Any]:
    """Run the command line on held-out BCCD fields and compare its files with the masks.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    n_fields : int
        How many test fields, in the order of their names.

    Returns
    -------
    dict
        Mean foreground IoU with its interval, and F1 of objects at IoU 0.5.
    """
    fields = [p for p in select(load("bccd", data_root), "bccd", "test") if p.mask][:n_fields]
    ious, objects = [], ObjectScore(0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "napari_leukocyte", "run"]
        command += [str(p.image) for p in fields] + ["--out", str(out)]
        subprocess.run(command, check=True)  # noqa: S603 - a fixed program
        for field in fields:
            truth = truth_labels(field)
            found = tifffile.imread(out / field.image.stem / "labels.tif").astype(np.int32)
            ious.append(foreground_iou(truth > 0, found > 0))
            objects = objects + match_objects(truth, found)
    estimate = bootstrap_mean(np.array(ious))
    return {
        "fields": [f.image.name for f in fields],
        "foreground_iou": estimate.mean,
        "foreground_iou_95": [estimate.low, estimate.high],
        "object_f1_at_0.5": objects.f1,
        "objects": [objects.true_positives, objects.false_positives, objects.false_negatives],
    }


def default_labels(photograph: Photograph, rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the label image that the plugin gives by default; kept in ``runs/segmented``."""
    return segment_photograph(photograph, rgb).labels


def _cell_labels(
    photograph: Photograph, rgb: NDArray[np.uint8], segment: Segment
) -> NDArray[np.int32] | None:
    """Return a label image of the one cell that the photograph's class speaks of."""
    labels = segment(photograph, rgb)
    region = main_region(labels, central=photograph.dataset != "bccd")
    return None if region is None else np.where(labels == region.label, labels, np.int32(0))


def evaluate_classification(data_root: Path, model: str = "default") -> dict[str, Any]:
    """Measure a classifier on the test photographs of every set, masks by the plugin itself.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    model : str
        Which classifier.

    Returns
    -------
    dict
        ``sets``: figures by set, see :func:`classification_of`. ``together``: those of the five
        classes over the cells of all sets; with 7 to 32 cells of a set, a calibration error says
        little of it alone.
    """
    manifest = find_model("classification", model)
    answers = {d: _ask(held_out(d, data_root), manifest, default_labels) for d in CLASSIFIED}
    return {
        "model": model,
        "sha256": [m.sha256 for m in manifest.members],
        "sets": {d: _figures(answer, manifest.classes) for d, answer in answers.items()},
        "together": _five_classes([a for answer in answers.values() for a in answer]),
    }


@dataclass(frozen=True)
class _Answer:
    """A classifier's answer for a photograph's cell; confidence is NaN if none was found."""

    photograph: str
    truth: str
    said: str
    confidence: float


def classification_of(
    photographs: list[Photograph], model: str, segment: Segment = default_labels
) -> dict[str, Any]:
    """Measure a classifier on photographs, masks by the plugin itself.

    Parameters
    ----------
    photographs : list of Photograph
        Those without one of the classifier's classes are passed over.
    model : str
        Which classifier.
    segment : callable
        Returns the label image of a photograph and its pixels.

    Returns
    -------
    dict
        Over the five classes: photographs, cells not found (counted as wrong), the figures of
        :func:`training.metrics.classification_summary`, the interval of the balanced accuracy, and
        the expected calibration error over the cells found, with its interval. Then
        ``common_classes``, the balanced accuracy over the classes with at least `COMMON` cells; the
        confusion matrix (rows truth) over all classes; ``further``, the recall of the classes
        beyond the five; and ``wrong``, the photographs that were told wrongly.
    """
    manifest = find_model("classification", model)
    return _figures(_ask(photographs, manifest, segment), manifest.classes)


def _ask(photographs: list[Photograph], manifest: Manifest, segment: Segment) -> list[_Answer]:
    answers = []
    for photograph in (p for p in photographs if p.label in manifest.classes):
        rgb = photograph.read()
        labels = _cell_labels(photograph, rgb, segment)
        said, confidence = NOT_FOUND, math.nan
        if labels is not None:
            probability = predict(rgb, labels, manifest)[0]
            said = manifest.classes[int(probability.argmax())]
            confidence = float(probability.max())
        answers.append(_Answer(photograph.name, str(photograph.label), said, confidence))
    return answers


def _figures(answers: list[_Answer], classes: tuple[str, ...]) -> dict[str, Any]:
    truth = np.array([a.truth for a in answers])
    said = np.array([a.said for a in answers])
    counts = {name: int(np.sum(truth == name)) for name in classes}
    return {
        **_five_classes(answers),
        "further": {
            name: {"cells": n, "recall": float(np.mean(said[truth == name] == name))}
            for name, n in counts.items()
            if n and name not in LEUKOCYTE_NAMES
        },
        "confusion": {
            t: {s: int(np.sum((truth == t) & (said == s))) for s in (*classes, NOT_FOUND)}
            for t in classes
            if counts[t] or t in LEUKOCYTE_NAMES
        },
        "wrong": [
            {"name": a.photograph, "truth": a.truth, "said": a.said}
            for a in answers
            if a.truth != a.said
        ],
    }


def _five_classes(answers: list[_Answer]) -> dict[str, Any]:
    five = [a for a in answers if a.truth in LEUKOCYTE_NAMES]
    truth = np.array([a.truth for a in five])
    said = np.array([a.said for a in five])
    right = truth == said
    found = said != NOT_FOUND
    confidence = np.array([a.confidence for a in five])[found]
    common = [n for n in LEUKOCYTE_NAMES if np.sum(truth == n) >= COMMON]
    return {
        "photographs": len(truth),
        "not_found": int(np.sum(~found)),
        **classification_summary(truth.tolist(), said.tolist(), LEUKOCYTE_NAMES),
        "balanced_accuracy_95": list(bootstrap_balanced(truth, said)),
        "common_classes": {
            "classes": common,
            "balanced_accuracy": float(np.mean([np.mean(right[truth == n]) for n in common]))
            if common
            else None,
        },
        "calibration_error": calibration_error(confidence, right[found]),
        "calibration_error_95": list(bootstrap_calibration(confidence, right[found])),
    }


def read_result(name: str) -> dict[str, Any] | None:
    """Return the figures in ``training/results/<name>.json``; None if nothing was measured yet."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return None
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures


def write_result(name: str, figures: dict[str, Any]) -> Path:
    """Write figures to ``training/results/<name>.json``."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return path
