"""Prediction sets: what ships with the classifier, and how well the sets keep their level."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import clopper_pearson
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.uncertainty.calibration import EVERY, Calibration, Score, SetSettings, lac
from napari_leukocyte.uncertainty.persistence import write_shipped
from napari_leukocyte.uncertainty.recalibration import recalibrated
from training.data.photographs import CLASSIFIED
from training.scores import SCORES
from training.seen_cells import SeenCells, cells_of_set, classifiers_left_out, join

LEVELS = (0.8, 0.9, 0.95)
#: Parts of the held-out photographs, each of which is tried with the others calibrating.
FOLDS = 10
#: Reviewed cells of each class of a set that was left out, and how often they are drawn anew.
REVIEWED, DRAWS = 25, 200
#: What the cells that ship may count for beside them; 0 replaces them.
WEIGHTS = (0.0, 10.0, 25.0, 50.0)
SOURCE = "Cells on photographs held out from training, masks by the plugin's own segmentation."


def held_out(classifier: Manifest, data_root: Path, without: str = "") -> SeenCells:
    """Return the held-out cells, of the classifier's classes, of all sets or all but one."""
    parts = [cells_of_set(d, classifier, data_root) for d in CLASSIFIED if d != without]
    return join(parts).side("validation", "test").of(classifier.classes)


def calibrate(data_root: Path) -> Path:
    """Write the default classifier's calibration and confusions beside its manifest.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    Path
        The file.
    """
    classifier = find_model("classification")
    cells = held_out(classifier, data_root)
    known = _calibration(cells, classifier)
    return write_shipped(
        classifier,
        known,
        confusion_of(known.truth, cells.probability),
        left_out_confusion(classifier, data_root),
        SOURCE,
    )


def confusion_of(truth: NDArray[np.intp], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count cells by truth (rows) and by what was said."""
    size = probability.shape[1]
    counts = np.zeros((size, size))
    np.add.at(counts, (truth, probability.argmax(axis=1)), 1.0)
    return counts


def left_out_confusion(classifier: Manifest, data_root: Path) -> NDArray[np.float64] | None:
    """Return the confusion on sets that classifiers had not seen; each set's row counts alike.

    A row is the mean of the sets' shares, times the mean number of cells: what is expected of one
    more set, with about as much known of it as of one of these.
    """
    classes = classifier.classes
    rows: dict[str, list[NDArray[np.float64]]] = {name: [] for name in classes}
    for dataset, other in classifiers_left_out().items():
        if not set(other.classes) <= set(classes):
            # Of its further classes the shipped one knows nothing: they are taken away.
            keep = [i for i, name in enumerate(other.classes) if name in classes]
        else:
            keep = list(range(len(other.classes)))
        names = [other.classes[i] for i in keep]
        cells = cells_of_set(dataset, other, data_root).of(names)
        said = np.array(names)[cells.probability[:, keep].argmax(axis=1)]
        for name in names:
            answers = said[cells.truth == name]
            if len(answers):
                rows[name].append(np.array([float(np.sum(answers == c)) for c in classes]))
    if not any(rows.values()):
        return None
    result = np.zeros((len(classes), len(classes)))
    for i, name in enumerate(classes):
        if rows[name]:
            found = np.array(rows[name])
            shares = found / found.sum(axis=1, keepdims=True)
            result[i] = shares.mean(axis=0) * min(REVIEWED, float(found.sum(axis=1).mean()))
    return result


def evaluate(data_root: Path) -> dict[str, Any]:
    """Measure coverage on held-out photographs, and on sets left out before and after reviewing.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    dict
        ``held_out`` and ``left_out``, see `_held_out` and `_left_out`.
    """
    classifier = find_model("classification")
    return {
        "model": classifier.name,
        "sha256": [m.sha256 for m in classifier.members],
        "held_out": _held_out(held_out(classifier, data_root), classifier),
        "left_out": {
            dataset: _left_out(dataset, other, data_root)
            for dataset, other in classifiers_left_out().items()
        },
    }


def _calibration(cells: SeenCells, classifier: Manifest) -> Calibration:
    return Calibration.of(classifier.classes, cells.truth, cells.probability, cells.datasets)


def _held_out(cells: SeenCells, classifier: Manifest) -> dict[str, Any]:
    """Try each tenth of the held-out photographs with the others calibrating.

    ``validation_to_test`` calibrates on the validation side and tries on the test side, once.
    """
    rng = np.random.default_rng(0)
    fold = rng.permutation(np.arange(len(cells)) % FOLDS)
    everything = _calibration(cells, classifier)
    validation, test = cells.sides == "validation", cells.sides == "test"
    result: dict[str, Any] = {"cells": len(cells), "by_level": {}}
    for level in LEVELS:
        rows = {}
        for name, score in SCORES.items():
            for by_class in (False, True):
                settings = SetSettings(level, by_class)
                inside = _in_turn(everything, cells.probability, fold, settings, score)
                row = _figures(inside, everything.truth, cells.datasets)
                once = everything[validation].sets(cells.probability[test], settings, score)
                row["validation_to_test"] = _coverage(once, everything.truth[test])
                rows[_title(name, by_class)] = row
        rows["lac, like its own set"] = _like(cells, everything, fold, level)
        widest = SetSettings(level, like=EVERY)
        inside = _in_turn(everything, cells.probability, fold, widest)
        rows["lac, every set"] = _figures(inside, everything.truth, cells.datasets)
        result["by_level"][str(level)] = rows
    return result


def _in_turn(
    everything: Calibration,
    probability: NDArray[np.float64],
    fold: NDArray[np.intp],
    settings: SetSettings,
    score: Score = lac,
) -> NDArray[np.bool_]:
    """Return each cell's set, with the other folds calibrating."""
    inside = np.zeros_like(probability, bool)
    for part in range(FOLDS):
        tried = fold == part
        inside[tried] = everything[~tried].sets(probability[tried], settings, score)
    return inside


def _like(
    cells: SeenCells, everything: Calibration, fold: NDArray[np.intp], level: float
) -> dict[str, Any]:
    """Compare each cell with those of its own set alone."""
    inside = np.zeros_like(cells.probability, bool)
    for part in range(FOLDS):
        for dataset in np.unique(cells.datasets):
            tried = (fold == part) & (cells.datasets == dataset)
            if tried.any():
                settings = SetSettings(level, like=str(dataset))
                known = everything[fold != part]
                inside[tried] = known.sets(cells.probability[tried], settings)
    return _figures(inside, everything.truth, cells.datasets)


def _left_out(dataset: str, classifier: Manifest, data_root: Path) -> dict[str, Any]:
    """Measure coverage on a set left out: as calibrated on the other sets, then on reviewed cells.

    The reviewed cells are drawn at random, as many of each class, anew for each draw; coverage is
    of all other cells, and the interval is over the draws.
    """
    known = _calibration(held_out(classifier, data_root, dataset), classifier)
    everyone = cells_of_set(dataset, classifier, data_root)  # type: ignore[arg-type]
    cells = everyone.of(classifier.classes)
    there = Calibration.of(classifier.classes, cells.truth, cells.probability)
    enough = [i for i in range(len(there.classes)) if np.sum(there.truth == i) > 2 * REVIEWED]
    result: dict[str, Any] = {
        "cells": len(there),
        "of_unknown_classes": len(everyone) - len(cells),
        "classes_with_reviewed_cells": [there.classes[i] for i in enough],
        "by_level": {},
    }
    rng = np.random.default_rng(0)
    draws = [_draw(there.truth, rng) for _ in range(DRAWS)]
    for level in LEVELS:
        rows: dict[str, Any] = {}
        for title, settings in (
            ("before", SetSettings(level)),
            ("before, every set", SetSettings(level, like=EVERY)),
            ("before, by class", SetSettings(level, by_class=True)),
        ):
            inside = known.sets(there.probability, settings)
            rows[title] = _figures(inside, there.truth)
        for weight in WEIGHTS:
            for by_class in (False, True):
                settings = SetSettings(level, by_class=by_class)
                title = f"after, shipped cells worth {weight:g}" + (", by class" * by_class)
                rows[title] = _over_draws(known, there, draws, weight, settings)
        result["by_level"][str(level)] = rows
    return result


def _draw(truth: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose reviewed cells: as many of each class, at most half of those there are."""
    chosen = np.zeros(len(truth), bool)
    for i in np.unique(truth):
        places = rng.permutation(np.flatnonzero(truth == i))
        chosen[places[: min(REVIEWED, len(places) // 2)]] = True
    return chosen


def _over_draws(
    known: Calibration,
    there: Calibration,
    draws: Iterable[NDArray[np.bool_]],
    weight: float,
    settings: SetSettings,
) -> dict[str, Any]:
    found = []
    for chosen in draws:
        calibration = recalibrated(known, there[chosen], weight)
        rest = there[~chosen]
        inside = calibration.sets(rest.probability, settings)
        figures = _figures(inside, rest.truth)
        found.append([figures[k] for k in _KEYS])
    values = np.array(found, np.float64)
    low, high = np.percentile(values[:, 0], [2.5, 97.5])
    # Where no set of any draw has a single class, there is no share of wrong ones.
    means = [float(np.nanmean(v)) if np.isfinite(v).any() else None for v in values.T]
    return {
        **dict(zip(_KEYS, means, strict=True)),
        "coverage_95": [float(low), float(high)],
    }


_KEYS = ("coverage", "coverage_mean_of_classes", "size", "empty", "single", "single_wrong")


def _figures(
    inside: NDArray[np.bool_],
    truth: NDArray[np.intp],
    datasets: NDArray[np.str_] | None = None,
) -> dict[str, Any]:
    """Return coverage with its 95 % limits, sizes, and how often single-class sets are wrong."""
    held = inside[np.arange(len(inside)), truth]
    size = inside.sum(axis=1)
    single = size == 1
    figures: dict[str, Any] = {
        **_coverage(inside, truth),
        "coverage_mean_of_classes": float(np.mean([held[truth == i].mean() for i in set(truth)])),
        "size": float(size.mean()),
        "empty": float(np.mean(size == 0)),
        "single": float(single.mean()),
        "single_wrong": float(1 - held[single].mean()) if single.any() else None,
    }
    if datasets is not None:
        figures["sets"] = {
            str(d): _coverage(inside[datasets == d], truth[datasets == d])
            for d in np.unique(datasets)
        }
    return figures


def _coverage(inside: NDArray[np.bool_], truth: NDArray[np.intp]) -> dict[str, Any]:
    held = inside[np.arange(len(inside)), truth]
    return {
        "coverage": float(held.mean()),
        "coverage_95": list(clopper_pearson(int(held.sum()), len(held))),
        "of": len(held),
    }


def _title(score: str, by_class: bool) -> str:
    return f"{score}, by class" if by_class else score
