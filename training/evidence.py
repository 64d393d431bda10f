"""The score of objects: evidence measured on every source, and a logistic regression over it.

Regions are found with the minimum of all members, at the size that the finder tells and, so that a
wrong size convinces nobody, at about half and twice that. What matches a leukocyte of the truth is
one; what hardly touches any is none; what lies between says nothing. The figures that are written
beside the coefficients come from regressions that saw nothing of the source they are tried on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import napari_leukocyte
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.ensemble import segment_members
from napari_leukocyte.segmentation.evidence import FEATURES, PLAIN, ScoreModel, measure_evidence
from napari_leukocyte.segmentation.finder import find_candidates, typical_diameter
from napari_leukocyte.segmentation.frame import without_frame
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import find_regions
from training.abroad import box_iou, match_boxes
from training.abroad_fields import Lazy, boxes_of, fields_abroad
from training.cells import truth_labels
from training.data.photographs import DatasetName, load
from training.data.splits import select
from training.fitting import RUNS

SHIPPED = Path(napari_leukocyte.__file__).parent / "segmentation" / "shipped" / "evidence.json"
KEPT = RUNS / "evidence"
#: Sizes that are tried, over the one that the finder tells.
SIZES = (0.55, 1.0, 1.8)
#: Sizes, px, at which a field is looked at in which the finder sees nothing.
WITHOUT_SIZE = (40.0, 70.0, 110.0)
#: Boxes that overlap by this are the same object; by less than the second, another one.
SAME, OTHER = 0.5, 0.3
#: Inverse strength of the regularisation: weak evidence must not weigh much on few sources.
REGULARISATION = 0.1
#: Regions of one look at a field that are no leukocytes weigh as much as so many of them.
_MOST_OTHERS = 3.0
#: The sets at home, of which the validation side takes part.
_HOME: tuple[DatasetName, ...] = ("zheng1", "zheng2", "bccd")


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of all looks, one row each.

    Attributes
    ----------
    features : ndarray
        (N, F), see :data:`napari_leukocyte.segmentation.evidence.FEATURES`.
    leukocyte : ndarray
        (N,) bool.
    source : ndarray
        (N,) str: the set.
    weight : ndarray
        (N,): how much it counts.
    usual : ndarray
        (N,) bool: seen at the finder's size.
    """

    features: NDArray[np.float64]
    leukocyte: NDArray[np.bool_]
    source: NDArray[np.str_]
    weight: NDArray[np.float64]
    usual: NDArray[np.bool_]


def make_score_model(data_root: Path, limit: int | None = None) -> dict[str, Any]:
    """Measure the evidence, fit the regression, and write it where the package finds it.

    Parameters
    ----------
    data_root : Path
        Folder of the sets.
    limit : int, optional
        Fields of each source at most.

    Returns
    -------
    dict
        As written: coefficients, and what they do on sources left out.
    """
    regions = collect(data_root, limit)
    manifest = find_model("segmentation")
    described: dict[str, Any] = {
        "features": list(FEATURES),
        "model": manifest.name,
        "sha256": [m.sha256 for m in manifest.members],
        "licence": "BSD-3-Clause",
    }
    for key, columns in (("with_nucleus", FEATURES), ("without_nucleus", PLAIN)):
        fitted = fit(regions, columns)
        described[key] = {"weights": list(fitted.weights), "intercept": fitted.intercept}
    described["left_out"] = left_out(regions)
    SHIPPED.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return described


def collect(data_root: Path, limit: int | None = None) -> Regions:
    """Measure the regions of all fields; what was measured before is kept."""
    rows: list[tuple[NDArray[np.float64], NDArray[np.float64], str, bool]] = []
    for source, name, looks in _fields(data_root, limit):
        file = KEPT / source / f"{name.replace('/', '_')}.npz"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(
                file, **{f"{k}{i}": v for i, look in enumerate(looks()) for k, v in look.items()}
            )
        with np.load(file) as stored:
            for i in range(len(stored.files) // 3):
                usual = bool(stored[f"usual{i}"])
                rows.append((stored[f"features{i}"], stored[f"overlap{i}"], source, usual))
    parts: dict[str, list[Any]] = {
        k: [] for k in ("features", "leukocyte", "source", "weight", "usual")
    }
    for features, overlap, source, usual in rows:
        known = (overlap >= SAME) | (overlap < OTHER)
        is_one = overlap[known] >= SAME
        others = max(1.0, np.count_nonzero(~is_one) / _MOST_OTHERS)
        parts["features"].append(features[known])
        parts["leukocyte"].append(is_one)
        parts["source"].append(np.full(len(is_one), source))
        parts["weight"].append(np.where(is_one, 1.0, 1.0 / others))
        parts["usual"].append(np.full(len(is_one), usual))
    return Regions(**{k: np.concatenate(v) for k, v in parts.items()})


def fit(
    regions: Regions, columns: tuple[str, ...], chosen: NDArray[np.bool_] | None = None
) -> ScoreModel:
    """Fit the regression on some regions, with both kinds of equal weight."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = np.ones(len(regions.weight), bool) if chosen is None else chosen
    used = [FEATURES.index(c) for c in columns]
    features, truth = regions.features[rows][:, used], regions.leukocyte[rows]
    weight = regions.weight[rows].copy()
    for kind in (truth, ~truth):
        weight[kind] *= len(weight) / 2 / max(weight[kind].sum(), 1e-9)
    scaler = StandardScaler().fit(features)
    found = LogisticRegression(C=REGULARISATION, max_iter=2000).fit(
        scaler.transform(features), truth, sample_weight=weight
    )
    weights = np.zeros(len(FEATURES))
    weights[used] = found.coef_[0] / scaler.scale_
    intercept = float(found.intercept_[0] - (weights[used] * scaler.mean_).sum())
    return ScoreModel(tuple(np.round(weights, 6).tolist()), round(intercept, 6))


def left_out(regions: Regions, least: float = PostprocessParams().least_score) -> dict[str, Any]:
    """Try on every source a regression that saw nothing of it, at the finder's size."""
    figures = {}
    for source in sorted(set(regions.source.tolist())):
        own = (regions.source == source) & regions.usual
        scores = fit(regions, FEATURES, regions.source != source)(regions.features[own])
        truth = regions.leukocyte[own]
        figures[source] = {
            "leukocytes": int(truth.sum()),
            "below_the_least_score": int((scores[truth] < least).sum()),
            "others": int((~truth).sum()),
            "above_the_least_score": int((scores[~truth] >= least).sum()),
        }
    return figures


def _fields(data_root: Path, limit: int | None) -> Iterator[tuple[str, str, Any]]:
    counts: dict[str, int] = {}
    for lazy in fields_abroad(data_root):
        if lazy.kind != "fields" or lazy.source == "bccd":
            continue
        counts[lazy.source] = counts.get(lazy.source, 0) + 1
        if limit is None or counts[lazy.source] <= limit:
            yield lazy.source, lazy.name, lambda field=lazy: _looks_at(field)
    for dataset in _HOME:
        photographs = [p for p in select(load(dataset, data_root), dataset, "validation") if p.mask]
        for p in photographs[:limit]:
            yield (
                dataset,
                Path(p.name).stem,
                lambda p=p: _looks(p.read(), boxes_of(truth_labels(p))[0]),
            )


def _looks_at(lazy: Lazy) -> list[dict[str, NDArray[Any]]]:
    field = lazy.read()
    return _looks(field.rgb, field.boxes)


def _looks(rgb: NDArray[np.uint8], truth: NDArray[np.float64]) -> list[dict[str, NDArray[Any]]]:
    """Look at a photograph at several sizes: features, overlap with the truth, which is usual."""
    framed = without_frame(rgb)
    typical = typical_diameter(find_candidates(framed.rgb))
    sizes = (
        [(typical * s, s == 1.0) for s in SIZES] if typical else [(s, True) for s in WITHOUT_SIZE]
    )
    found = []
    keep = PostprocessParams(few_objects="keep")
    for size, usual in sizes:
        maps = segment_members(framed.rgb, diameter=size)
        regions, areas, _ = find_regions(
            maps.combine(rule="minimum"), keep, size, maps.combine_nucleus()
        )
        regions = np.where(areas[regions] > 0, regions, 0).astype(np.int32)
        numbers, features = measure_evidence(regions, maps.cell, maps.nucleus, size)
        overlap = np.zeros(len(numbers))
        if numbers and len(truth):
            overlap = _best_overlap(truth, boxes_of(regions)[0])
        found.append({"features": features, "overlap": overlap, "usual": np.array(usual)})
    return found


def _best_overlap(truth: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the box IoU of each found region with the leukocyte that it matches, or is next to."""
    best = box_iou(found, truth).max(axis=1)
    matched = set(match_boxes(truth, found, SAME).values())
    # A second region on the same leukocyte is none.
    return np.array([b if i in matched or b < SAME else 0.0 for i, b in enumerate(best)])
