"""Faithfulness of maps to the classifier that they explain, on cells held out from training.

Two tests. Deletion and insertion (V. Petsiuk, A. Das, K. Saenko: RISE, BMVC 2018): the places
that a map puts first are hidden, or shown on the hidden cell, step by step, and the area under the
curve of the class's probability is compared with that of maps that know nothing. And the check of
J. Adebayo and others (Sanity Checks for Saliency Maps, NeurIPS 2018): maps of a classifier whose
weights were shuffled must differ from those of the classifier.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.explanation import explain, most_important, random_map
from napari_leukocyte.interpretation.scoring import METHODS, ExplainSettings, Fill, Method, Scorer
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model
from training.data.photographs import CLASSIFIED
from training.explained import crops_of, held_out_cells
from training.metrics import bootstrap_mean

#: Steps of the curves.
STEPS = 12
#: Maps by chance for each cell; their mean area is what a map is compared with.
RANDOM_MAPS = 3
#: Cells of each set, and those of all sets for the check with shuffled weights.
EACH, SHUFFLED_CELLS = 10, 8
#: Images that networks may see for a default explanation: as many as the shipped classifier sees
#: in half a second (benchmarks/explain.py), whatever else a machine is doing.
MOST_RUNS = 36
#: Tensors with fewer weights are constants of the graph, and stay.
SMALLEST = 16
Shuffled = Literal["last layer", "all layers"]


@dataclass(frozen=True)
class Variant:
    """A method with its settings, under the name that tables give it."""

    name: str
    method: Method
    settings: ExplainSettings


def variants() -> tuple[Variant, ...]:
    """Return what is compared: every method as it is by default, occlusion with both fills."""
    plain = tuple(Variant(m, m, ExplainSettings()) for m in METHODS)
    other: Fill = "background" if ExplainSettings().fill == "blurred" else "blurred"
    return (
        *plain,
        Variant(f"occlusion, {other}", "occlusion", ExplainSettings(fill=other)),
    )


def curve(
    scorer: Scorer, target: int, values: NDArray[np.float32], *, insert: bool
) -> NDArray[np.float64]:
    """Return the class's probability as a map's first places are hidden or shown.

    Parameters
    ----------
    scorer : Scorer
        Of the cell.
    target : int
        The class, as its index.
    values : ndarray
        (S, S): the map.
    insert : bool
        Whether places are shown on the hidden crop, instead of hidden on the whole one.

    Returns
    -------
    ndarray
        (STEPS + 1,): with no place touched, then ever more, at last all of them.
    """
    shares = np.linspace(0, 1, STEPS + 1)
    chosen = np.stack([most_important(values, s) for s in shares]).astype(np.float32)
    return scorer.probabilities(chosen if insert else 1 - chosen)[:, target]


def area(probabilities: NDArray[np.float64]) -> float:
    """Return the area under a curve over shares from 0 to 1."""
    return float(np.trapezoid(probabilities, dx=1 / (len(probabilities) - 1)))


def measure_cell(
    crops: CellCrops, manifest: Manifest, tried: Iterable[Variant], seed: int
) -> dict[str, dict[str, float]]:
    """Return the areas of every method for one cell, and of maps by chance.

    Hidden is what is blurred for deletion and insertion alike, whatever a method hides.
    """
    scorer = Scorer(crops, manifest, "blurred")
    target = int(scorer.probabilities()[0].argmax())
    side = crops.crop.shape[0]
    result: dict[str, dict[str, float]] = {}
    for variant in tried:
        name = manifest.classes[target]
        found = explain(crops, manifest, name, variant.method, variant.settings)
        result[variant.name] = {
            "deletion": area(curve(scorer, target, found.map, insert=False)),
            "insertion": area(curve(scorer, target, found.map, insert=True)),
            "runtime": found.runtime,
            "runs": float(found.runs),
            "inside": found.sanity["inside"],
        }
    chance = [random_map((side, side), RANDOM_MAPS * seed + i) for i in range(RANDOM_MAPS)]
    result["random"] = {
        kind: float(
            np.mean([area(curve(scorer, target, m, insert=kind == "insertion")) for m in chance])
        )
        for kind in ("deletion", "insertion")
    }
    return result


def shuffle_weights(member: Member, folder: Path, which: Shuffled, seed: int = 0) -> Member:
    """Write a member's network with its weights in random order within each tensor.

    Parameters
    ----------
    member : Member
        The classifier's.
    folder : Path
        Where to write.
    which : {"last layer", "all layers"}
        Only the tensor of the last layer, the one with a column for each class, or all large ones.
    seed : int
        Of the order.

    Returns
    -------
    Member
        With its own checksum.
    """
    import hashlib

    import onnx
    from onnx import numpy_helper

    rng = np.random.default_rng(seed)
    model = onnx.load(member.file)
    matrices = [t for t in model.graph.initializer if len(t.dims) == 2]
    last = {matrices[-1].name} if which == "last layer" else None
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size < SMALLEST or values.dtype.kind != "f":
            continue
        if last is None or tensor.name in last:
            mixed = rng.permutation(values.ravel()).reshape(values.shape)
            tensor.CopyFrom(numpy_helper.from_array(mixed, tensor.name))
    data = model.SerializeToString()
    path = folder / f"shuffled-{which.replace(' ', '-')}-{member.name}.onnx"
    path.write_bytes(data)
    return replace(member, file=path, sha256=hashlib.sha256(data).hexdigest())


def rank_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return Spearman's rank correlation of two maps; 0 if one of them is flat."""
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    # Every fourth pixel: neighbours hold nearly the same.
    return float(spearmanr(one[::4, ::4].ravel(), other[::4, ::4].ravel()).statistic)


def check_shuffled(
    cells: list[CellCrops], manifest: Manifest, tried: Iterable[Variant]
) -> dict[str, Any]:
    """Compare maps with those of the classifier with shuffled weights.

    Returns
    -------
    dict
        By what was shuffled and by method: the mean absolute rank correlation and its interval.
    """
    tried = tuple(tried)
    real = [[explain(c, manifest, None, v.method, v.settings) for v in tried] for c in cells]
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        kinds: tuple[Shuffled, ...] = ("last layer", "all layers")
        for which in kinds:
            members = tuple(shuffle_weights(m, Path(folder), which) for m in manifest.members)
            other = replace(manifest, members=members)
            values: dict[str, list[float]] = {v.name: [] for v in tried}
            for crops, made in zip(cells, real, strict=True):
                for v, known in zip(tried, made, strict=True):
                    mixed = explain(crops, other, known.class_name, v.method, v.settings)
                    values[v.name].append(abs(rank_correlation(known.map, mixed.map)))
            result[which] = {name: _estimate(np.array(found)) for name, found in values.items()}
    return result


def evaluate_faithfulness(
    data_root: Path, model: str = "default", each: int = EACH
) -> dict[str, Any]:
    """Measure all methods on test photographs of every set.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    model : str
        Which classifier.
    each : int
        Cells of each set at most.

    Returns
    -------
    dict
        By method: areas under the deletion curve (less is better) and the insertion curve (more is
        better), how much better than by chance they are cell by cell, the images that networks
        saw and the seconds it took, and the check with shuffled weights; and which method is the
        best within `MOST_RUNS`.
    """
    manifest = find_model("classification", model)
    tried = variants()
    shown = held_out_cells(CLASSIFIED, data_root, each, manifest)
    rows, kept = [], []
    for number, (photograph, crops) in enumerate(crops_of(shown, manifest)):
        if number == 0:  # imports and the opening of networks are no part of the times
            measure_cell(crops, manifest, tried, number)
        start = time.perf_counter()
        rows.append((photograph.dataset, measure_cell(crops, manifest, tried, number)))
        kept.append(crops)
        print(f"{number + 1} of {len(shown)}: {time.perf_counter() - start:.1f} s", flush=True)
    names = [v.name for v in tried]
    methods = {name: _summary([r for _, r in rows], name) for name in names}
    best = max(
        (n for n in names if methods[n]["runs"] <= MOST_RUNS),
        key=lambda n: methods[n]["gain"]["mean"],
        default=None,
    )
    return {
        "model": manifest.name,
        "sha256": [m.sha256 for m in manifest.members],
        "views": manifest.views,
        "cells": {d: sum(s == d for s, _ in rows) for d in CLASSIFIED},
        "steps": STEPS,
        "random": {
            kind: _estimate(np.array([r["random"][kind] for _, r in rows]))
            for kind in ("deletion", "insertion")
        },
        "methods": methods,
        "shuffled": check_shuffled(kept[:: max(1, len(kept) // SHUFFLED_CELLS)], manifest, tried),
        "best_within_limit": best,
        "most_runs": MOST_RUNS,
    }


def _summary(rows: list[dict[str, dict[str, float]]], name: str) -> dict[str, Any]:
    deletion, insertion = (np.array([r[name][k] for r in rows]) for k in ("deletion", "insertion"))
    chance = {k: np.array([r["random"][k] for r in rows]) for k in ("deletion", "insertion")}
    runtimes = np.array([r[name]["runtime"] for r in rows])
    return {
        "deletion": _estimate(deletion),
        "insertion": _estimate(insertion),
        "deletion_below_random": _estimate(chance["deletion"] - deletion),
        "insertion_above_random": _estimate(insertion - chance["insertion"]),
        # The area between both curves, beyond that of maps by chance: one figure to choose by.
        "gain": _estimate(chance["deletion"] - deletion + insertion - chance["insertion"]),
        "inside": float(np.mean([r[name]["inside"] for r in rows])),
        "runs": float(np.median([r[name]["runs"] for r in rows])),
        "runtime_median": float(np.median(runtimes)),
        "runtime_95th": float(np.percentile(runtimes, 95)),
    }


def _estimate(values: NDArray[np.float64]) -> dict[str, float]:
    found = bootstrap_mean(values)
    return {"mean": found.mean, "low": found.low, "high": found.high}
