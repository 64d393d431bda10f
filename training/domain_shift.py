"""Distribution shift: the reference that ships with the classifier, and a test of its warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import clopper_pearson
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.uncertainty.domain_shift.cells import (
    COMPONENTS,
    CellReference,
    ambiguity,
    fit_cells,
    scaled,
)
from napari_leukocyte.uncertainty.domain_shift.domain_match import OUT_OF_DISTRIBUTION, compare
from napari_leukocyte.uncertainty.domain_shift.image_profile import ImageProfile
from napari_leukocyte.uncertainty.domain_shift.training_domain import (
    SetProfile,
    TrainingDomain,
    fit_set,
    write_training_domain,
)
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.data.photographs import CLASSIFIED
from training.metrics import RESAMPLES
from training.seen_cells import SeenCells, cells_of_set, classifiers_left_out, join

#: Numbers of principal components that were tried.
TRIED = (4, 6, 8, 12, 16, 32)


def make_training_domain(data_root: Path) -> Path:
    """Write what ships with the default classifier.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    Path
        The file beside its manifest.
    """
    classifier = find_model("classification")
    cells = _all_sets(classifier, data_root)
    known = cells.side("validation", "test").of(LEUKOCYTE_NAMES)
    right = _said(known, classifier) == known.truth
    wrong, ood_errors = [], []
    for dataset, other in classifiers_left_out().items():
        reference, left_out = _without(dataset, other, data_root)
        seen = left_out.of(LEUKOCYTE_NAMES)
        said = _said(seen, other)
        score = reference.score(seen.embedding, seen.probability, said)
        wrong.append(_wrong_by_bin(reference, score, said != seen.truth))
        ood_errors.append(float(np.mean(said != seen.truth)))
    reference = _fit(cells, classifier)
    if wrong:
        reference = replace(reference, wrong=np.nanmean(np.array(wrong), axis=0))
    sets = _sets(cells)
    domain = TrainingDomain(
        sets,
        reference,
        tuple(float(1 - right[known.datasets == one.name].mean()) for one in sets),
        float(np.mean(ood_errors)) if ood_errors else float("nan"),
    )
    return write_training_domain(classifier, domain)


def evaluate(data_root: Path) -> dict[str, Any]:
    """Measure the warnings, one set left out at a time.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    dict
        ``images``: how often photographs are called out of distribution, of known sets (held out)
        and of the set that was left out. ``cells``: the area under the ROC curve of wrong against
        right cells of the set left out, by score, and with the score that was best on the others.
    """
    classifier = find_model("classification")
    cells = _all_sets(classifier, data_root)
    by_set = {
        dataset: _auroc_by_score(dataset, other, data_root)
        for dataset, other in classifiers_left_out().items()
    }
    return {
        "model": classifier.name,
        "sha256": [m.sha256 for m in classifier.members],
        "images": _images(cells),
        "cells": {d: by_set[d] | {"chosen": _chosen_elsewhere(d, by_set)} for d in by_set},
    }


def _all_sets(classifier: Manifest, data_root: Path) -> SeenCells:
    return join([cells_of_set(d, classifier, data_root) for d in CLASSIFIED])


def _sets(cells: SeenCells, without: str = "") -> tuple[SetProfile, ...]:
    train = cells.side("train")
    names = [d for d in CLASSIFIED if d != without and np.any(train.datasets == d)]
    return tuple(fit_set(d, train.look[train.datasets == d]) for d in names)


def _said(cells: SeenCells, classifier: Manifest) -> NDArray[np.str_]:
    return np.asarray(np.array(classifier.classes)[cells.probability.argmax(axis=1)])


def _fit(cells: SeenCells, classifier: Manifest, components: int = COMPONENTS) -> CellReference:
    known = cells.of(classifier.classes)
    train, held_out = known.side("train"), known.side("validation", "test")
    fitted = fit_cells(train.embedding, train.truth, components)
    said = _said(held_out, classifier)
    return scaled(fitted, held_out.embedding, held_out.probability, said)


def _without(
    dataset: str, classifier: Manifest, data_root: Path, components: int = COMPONENTS
) -> tuple[CellReference, SeenCells]:
    """Return the reference of a classifier that left a set out, and that set's cells."""
    parts = {d: cells_of_set(d, classifier, data_root) for d in CLASSIFIED}
    known = join([c for d, c in parts.items() if d != dataset])
    return _fit(known, classifier, components), parts[dataset]  # type: ignore[index]


def _wrong_by_bin(
    reference: CellReference, score: NDArray[np.float64], wrong: NDArray[np.bool_]
) -> NDArray[np.float64]:
    place = np.searchsorted(reference.quantiles[1:-1], score, side="right")
    size = len(reference.quantiles) - 1
    counts = np.bincount(place, minlength=size).astype(float)
    sums = np.bincount(place, wrong.astype(float), size)
    # Half a cell right and half a cell wrong beside them: some bins hold few.
    return np.asarray((sums + 0.5) / (counts + 1))


def _images(cells: SeenCells) -> dict[str, Any]:
    result: dict[str, Any] = {
        "share_that_is_foreign": OUT_OF_DISTRIBUTION,
        "held_out": {},
        "left_out": {},
    }
    everything = _sets(cells)
    alarms = []
    for dataset in CLASSIFIED:
        own = cells[cells.datasets == dataset]
        raised = _out_of_distribution(own.side("validation", "test"), everything)
        alarms.append(raised)
        result["held_out"][dataset] = _share(raised)
        others = _sets(cells, dataset)
        looks = [compare(ImageProfile(row, 1), others) for row in own.look]
        nearest = [one.nearest.name for one in looks]
        result["left_out"][dataset] = {
            **_share(np.array([one.share < OUT_OF_DISTRIBUTION for one in looks])),
            "nearest": {name: nearest.count(name) for name in sorted(set(nearest))},
        }
    result["held_out"]["all"] = _share(np.concatenate(alarms))
    return result


def _out_of_distribution(cells: SeenCells, sets: tuple[SetProfile, ...]) -> NDArray[np.bool_]:
    return np.array(
        [compare(ImageProfile(row, 1), sets).share < OUT_OF_DISTRIBUTION for row in cells.look],
        bool,
    )


def _share(hit: NDArray[np.bool_]) -> dict[str, Any]:
    found = int(hit.sum())
    return {
        "warned": float(hit.mean()),
        "warned_95": list(clopper_pearson(found, len(hit))),
        "of": len(hit),
    }


def _auroc_by_score(dataset: str, classifier: Manifest, data_root: Path) -> dict[str, Any]:
    scores: dict[str, NDArray[np.float64]] = {}
    for components in TRIED:
        reference, cells = _without(dataset, classifier, data_root, components)
        said = _said(cells, classifier)
        scores[f"distance, {components} components"] = reference.ratios(cells.embedding, said)
        both = reference.score(cells.embedding, cells.probability, said)
        scores[f"distance and doubt, {components} components"] = both
    scores["doubt"] = ambiguity(cells.probability)
    p = np.clip(cells.probability, 1e-9, 1)
    scores["entropy"] = -np.sum(p * np.log(p), axis=1)
    scores["1 - confidence"] = 1 - cells.probability.max(axis=1)
    wrong = said != cells.truth
    five = np.isin(cells.truth, LEUKOCYTE_NAMES)
    shipped = scores[f"distance and doubt, {COMPONENTS} components"]
    return {
        "cells": int(five.sum()),
        "wrong": float(wrong[five].mean()),
        "auroc_five_classes": {name: auroc(s[five], wrong[five]) for name, s in scores.items()},
        "shipped": auroc(shipped[five], wrong[five]),
        "shipped_95": bootstrap_auroc(shipped[five], wrong[five]),
        "shipped_all_classes": auroc(shipped, wrong),
        "all_cells": len(cells),
    }


def _chosen_elsewhere(dataset: str, by_set: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    """Return the score that was best on the other sets, and what it gives here."""
    others = [s["auroc_five_classes"] for d, s in by_set.items() if d != dataset]
    here = by_set[dataset]["auroc_five_classes"]
    if not others:
        return {}
    best = max(here, key=lambda name: float(np.mean([o[name] for o in others])))
    return {"score": best, "auroc": here[best]}


def auroc(score: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    """Return the chance that a wrong cell scores higher than a right one."""
    from scipy.stats import rankdata

    bad = int(wrong.sum())
    good = len(wrong) - bad
    if not (bad and good):
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[wrong].sum() - bad * (bad + 1) / 2) / (bad * good))


def bootstrap_auroc(
    score: NDArray[np.float64], wrong: NDArray[np.bool_], seed: int = 0
) -> list[float]:
    """Return the 95 % percentile bootstrap interval, wrong and right cells drawn apart."""
    rng = np.random.default_rng(seed)
    bad, good = score[wrong], np.sort(score[~wrong])
    # Each wrong cell's share of right ones below it, for resampled right ones too.
    found = []
    for _ in range(min(RESAMPLES, 500)):
        right = np.sort(rng.choice(good, len(good)))
        drawn = rng.choice(bad, len(bad))
        below = np.searchsorted(right, drawn, "left") + np.searchsorted(right, drawn, "right")
        found.append(float(below.mean() / 2 / len(right)))
    low, high = np.percentile(found, [2.5, 97.5])
    return [float(low), float(high)]
