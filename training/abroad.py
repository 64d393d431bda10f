"""The whole path on laboratories that no network was trained on: size, objects, classes, seconds.

Each field goes through what ``napari-leukocyte run`` does with its defaults. What comes of it is
kept field by field, by the networks and the code that made it, so that an interrupted measurement
goes on, and a changed path is measured anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import napari_leukocyte
from napari_leukocyte.analysis.pipeline import analyse
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.abroad_fields import Field, boxes_of, fields_abroad, sampled
from training.fitting import RUNS
from training.metrics import RESAMPLES, foreground_iou

#: What was measured of each field.
KEPT = RUNS / "abroad"
#: Box and truth must overlap by this to be the same object.
SAME = 0.5
#: A size within this of the truth, in parts of it, is right.
RIGHT_SIZE = 0.15
#: Cells of a class from which its recall counts in the balanced accuracy.
COMMON = 20
#: Parts of the package that decide what a field gives.
_PARTS = ("segmentation", "classification", "models")


@dataclass(frozen=True)
class Outcome:
    """The outcome of the whole path on one field.

    Attributes
    ----------
    group : str
        What is drawn together in a bootstrap.
    ratio : float or None
        The size that was taken, over the true one.
    found, invented, missed : int
        Objects; of a crop, of which only the middle is known, none is called invented.
    iou : float or None
        Foreground IoU, where there are masks.
    truth, said : tuple of str
        Classes of the leukocytes whose class is known, and what was said of each; empty if it was
        not found.
    seconds, cpu_seconds : float
        The whole path by the clock, and the processors' time for it, which says more on a machine
        that does other things as well.
    """

    group: str
    ratio: float | None
    found: int
    invented: int
    missed: int
    iou: float | None
    truth: tuple[str, ...]
    said: tuple[str, ...]
    seconds: float
    cpu_seconds: float = 0.0


def measure(field: Field, model: str = "default", classifier: str = "default") -> Outcome:
    """Analyse a field with the defaults and compare it with its truth."""
    start, busy = time.perf_counter(), time.process_time()
    analysis = analyse(field.rgb, model=model, classifier=classifier)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - busy
    boxes, _ = boxes_of(analysis.labels)
    names = [str(c) for c in analysis.table["class"]]
    ratio = None if field.diameter is None else analysis.maps.diameter / field.diameter
    iou = None
    if field.kind == "crops":
        pairs = _around(field.boxes, boxes)
    elif field.labels is not None:
        iou = foreground_iou(field.labels > 0, analysis.labels > 0) if field.labels.any() else None
        pairs = _overlapping(field.labels, analysis.labels)
    else:
        pairs = match_boxes(field.boxes, boxes)
    known = [i for i, c in enumerate(field.classes) if c is not None]
    return Outcome(
        field.group,
        ratio,
        len(pairs),
        0 if field.kind == "crops" else len(boxes) - len(pairs),
        len(field.boxes) - len(pairs),
        iou,
        tuple(str(field.classes[i]) for i in known),
        tuple(names[pairs[i]] if i in pairs else "" for i in known),
        seconds,
        cpu_seconds,
    )


def match_boxes(
    truth: NDArray[np.float64], found: NDArray[np.float64], least: float = SAME
) -> dict[int, int]:
    """Match boxes one to one, by falling IoU.

    Parameters
    ----------
    truth, found : ndarray
        (N, 4) and (M, 4): y0, x0, y1, x1.
    least : float
        IoU from which two are the same.

    Returns
    -------
    dict of int to int
        Index of the found box by that of the true one.
    """
    return _one_to_one(box_iou(truth, found), least)


def box_iou(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU, 0 to 1, of every two boxes, (N, M); boxes as in `match_boxes`."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (one, other)]
    return np.asarray(both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9))


def _overlapping(truth: NDArray[np.int32], found: NDArray[np.int32]) -> dict[int, int]:
    """Match objects of two label images by the IoU of their masks; indices in order of labels."""
    from napari_leukocyte.segmentation.matching import overlaps

    t, f = (np.unique(x[x > 0]) for x in (truth, found))
    iou = np.zeros((len(t), len(f)))
    for value, label_found, label_truth in overlaps(found, truth):
        iou[np.searchsorted(t, label_truth), np.searchsorted(f, label_found)] = value
    return _one_to_one(iou, SAME)


def _one_to_one(iou: NDArray[np.float64], least: float) -> dict[int, int]:
    pairs: dict[int, int] = {}
    for flat in np.argsort(-iou, axis=None, kind="stable"):
        i, j = (int(v) for v in np.unravel_index(flat, iou.shape))
        if iou[i, j] < least:
            break
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _around(points: NDArray[np.float64], boxes: NDArray[np.float64]) -> dict[int, int]:
    """Give each point the box around it whose centre is nearest."""
    pairs: dict[int, int] = {}
    for i, point in enumerate(points[:, :2]):
        around = [
            j for j, b in enumerate(boxes) if (b[:2] <= point).all() and (point <= b[2:]).all()
        ]
        if around:
            away = [float(np.hypot(*((boxes[j, :2] + boxes[j, 2:]) / 2 - point))) for j in around]
            pairs[i] = around[int(np.argmin(away))]
    return pairs


def fingerprint(model: str, classifier: str) -> str:
    """Return 16 hexadecimal digits that change with the networks and with the code between them."""
    digest = hashlib.sha256()
    for kind, name in (("segmentation", model), ("classification", classifier)):
        manifest = find_model(kind, name)  # type: ignore[arg-type]
        digest.update(json.dumps([m.sha256 for m in manifest.members]).encode())
    package = Path(napari_leukocyte.__file__).parent
    for part in _PARTS:
        for file in sorted((package / part).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def evaluate_abroad(
    data_root: Path,
    model: str = "default",
    classifier: str = "default",
    *,
    limit: int | None = None,
    sources: Sequence[str] = (),
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure the whole path on every source that is left out, and at home.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    model, classifier : str
        Which.
    limit : int, optional
        Fields of each source and kind at most, spread over the set; all by default.
    sources : sequence of str
        Which sources; all by default.
    report : callable
        Told of every field.

    Returns
    -------
    dict
        ``networks``: titles and checksums; ``sources``: figures by source and kind, see
        :func:`summary`.
    """
    kept = KEPT / fingerprint(model, classifier)
    kept.mkdir(parents=True, exist_ok=True)
    outcomes: dict[str, list[Outcome]] = {}
    for lazy in sampled(fields_abroad(data_root), limit):
        if sources and lazy.source not in sources:
            continue
        path = kept / f"{lazy.source}-{lazy.kind}-{lazy.name}.json"
        if path.is_file():
            outcome = _read(path)
        else:
            outcome = measure(lazy.read(), model, classifier)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(outcome)) + "\n", encoding="utf-8")
            part.replace(path)
            report(f"{path.stem}: {outcome}")
        outcomes.setdefault(f"{lazy.source}, {lazy.kind}", []).append(outcome)
    networks = {
        manifest.name: [m.sha256 for m in manifest.members]
        for manifest in (
            find_model("segmentation", model),
            find_model("classification", classifier),
        )
    }
    return {
        "networks": networks,
        "limit": limit,
        "sources": {name: summary(found) for name, found in outcomes.items()},
    }


def _read(path: Path) -> Outcome:
    values = json.loads(path.read_text(encoding="utf-8"))
    values["truth"], values["said"] = tuple(values["truth"]), tuple(values["said"])
    return Outcome(**values)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of a source, each with its 95 % interval under ``<name>_95``.

    Intervals are percentile bootstraps over groups. Where nothing is known of a figure (no size, no
    mask, no class) it is left out.
    """
    figures: dict[str, Any] = {
        "fields": len(outcomes),
        "groups": len({o.group for o in outcomes}),
        "objects": sum(o.found + o.missed for o in outcomes),
        "found": sum(o.found for o in outcomes),
        "invented": sum(o.invented for o in outcomes),
        "missed": sum(o.missed for o in outcomes),
        "seconds_a_field": float(np.median([o.seconds for o in outcomes])),
        "cpu_seconds_a_field": float(np.median([o.cpu_seconds for o in outcomes])),
    }
    ratios = [o.ratio for o in outcomes if o.ratio is not None]
    if ratios:
        figures["size_ratio_percentiles_5_50_95"] = np.percentile(ratios, [5, 50, 95]).tolist()
    draws = _draws(outcomes)
    for name, figure in _FIGURES.items():
        value = figure(outcomes)
        if value is None:
            continue
        figures[name] = value
        resampled = [figure([outcomes[i] for i in draw]) for draw in draws]
        sound = [v for v in resampled if v is not None]
        figures[f"{name}_95"] = np.percentile(sound, [2.5, 97.5]).tolist()
    truth = [t for o in outcomes for t in o.truth]
    if truth:
        said = [s for o in outcomes for s in o.said]
        figures["recalls"] = {
            name: {
                "cells": truth.count(name),
                "recall": sum(t == s == name for t, s in zip(truth, said, strict=True))
                / truth.count(name),
            }
            for name in sorted(set(truth))
        }
    return figures


def _draws(outcomes: Sequence[Outcome], seed: int = 0) -> list[list[int]]:
    """Return resamples of the outcomes' indices, whole groups at a time."""
    rng = np.random.default_rng(seed)
    names = sorted({o.group for o in outcomes})
    of_group = {n: [i for i, o in enumerate(outcomes) if o.group == n] for n in names}
    # As many as the other figures' where that is quick, fewer where each takes a while.
    times = min(RESAMPLES, max(200, 200_000 // max(1, len(outcomes))))
    return [
        [i for g in rng.integers(0, len(names), len(names)) for i in of_group[names[int(g)]]]
        for _ in range(times)
    ]


def _f1(outcomes: Sequence[Outcome]) -> float | None:
    found, wrong = sum(o.found for o in outcomes), sum(o.invented + o.missed for o in outcomes)
    return 2 * found / (2 * found + wrong) if found + sum(o.missed for o in outcomes) else None


def _invented(outcomes: Sequence[Outcome]) -> float | None:
    return sum(o.invented for o in outcomes) / len(outcomes) if outcomes else None


def _iou(outcomes: Sequence[Outcome]) -> float | None:
    known = [o.iou for o in outcomes if o.iou is not None]
    return float(np.mean(known)) if known else None


def _size_error(outcomes: Sequence[Outcome]) -> float | None:
    known = [abs(o.ratio - 1) for o in outcomes if o.ratio is not None]
    return float(np.median(known)) if known else None


def _size_right(outcomes: Sequence[Outcome]) -> float | None:
    known = [abs(o.ratio - 1) <= RIGHT_SIZE for o in outcomes if o.ratio is not None]
    return float(np.mean(known)) if known else None


def _balanced(outcomes: Sequence[Outcome]) -> float | None:
    """Return the mean recall over those of the five classes of which there are enough cells."""
    truth = np.array([t for o in outcomes for t in o.truth])
    said = np.array([s for o in outcomes for s in o.said])
    recalls = [
        float(np.mean(said[truth == name] == name))
        for name in LEUKOCYTE_NAMES
        if np.sum(truth == name) >= COMMON
    ]
    return float(np.mean(recalls)) if len(recalls) > 1 else None


_FIGURES: dict[str, Callable[[Sequence[Outcome]], float | None]] = {
    "size_error": _size_error,
    "size_right": _size_right,
    "object_f1": _f1,
    "invented_a_field": _invented,
    "foreground_iou": _iou,
    "balanced_accuracy": _balanced,
}
