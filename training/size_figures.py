"""Accuracy of the finder's sizes: on sources that it has not seen, or on their held-out sides."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member
from napari_leukocyte.segmentation.finder import (
    STRIDE,
    SURE,
    Candidate,
    FinderNetwork,
    find_candidates,
    typical_diameter,
)
from training.abroad import RIGHT_SIZE
from training.abroad_fields import Field, Lazy, fields_abroad, sampled
from training.data.photographs import DatasetName, load
from training.data.splits import select
from training.metrics import bootstrap_mean


def shipped_network(folder: Path) -> tuple[FinderNetwork, dict[str, Any]]:
    """Return an exported finder, ``finder.onnx``, and what ``finder.json`` says of it."""
    described = json.loads((folder / "finder.json").read_text(encoding="utf-8"))
    member = Member("finder", folder / described["file"], described["sha256"], 1.0, 64.0)

    def network(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        n, height, width = batch.shape[:3]
        return runtime.run(member, batch, (n, height // STRIDE, width // STRIDE, 3))[0]

    return network, described


def evaluate_sizes(
    data_root: Path,
    folder: Path,
    limit: int | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure an exported finder on whole fields and on fields with pasted cells.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    folder : Path
        Of the finder.
    limit : int, optional
        Fields of each source and kind at most.
    report : callable
        Told of every source.

    Returns
    -------
    dict
        What the finder is, and by source: fields, the share of sizes within `RIGHT_SIZE` with its
        interval, percentiles of estimated over true size, leukocytes found, sure candidates that
        lie on none, seconds a field, and whether the finder has seen the source; if it has, only
        what is held out from training was asked.
    """
    network, described = shipped_network(folder)
    seen = set(described["training_data"])
    kept: dict[str, list[Lazy]] = {}
    for lazy in fields_abroad(data_root):
        if lazy.kind != "crops":
            kept.setdefault(f"{lazy.source}, {lazy.kind}", []).append(lazy)
    result: dict[str, Any] = {}
    for name, fields in kept.items():
        source, kind = fields[0].source, fields[0].kind
        if source in seen and kind == "fields":
            fields = _held_out(source, fields, data_root)
        result[name] = {"seen": source in seen or (kind == "pasted" and "chula_rbc" in seen)}
        result[name] |= size_figures(list(sampled(fields, limit)), network)
        report(f"{name}: {result[name]}")
    return {"finder": {k: described[k] for k in ("experiment", "sha256")}, "sources": result}


def _held_out(source: str, fields: Sequence[Lazy], data_root: Path) -> list[Lazy]:
    dataset: DatasetName = source  # type: ignore[assignment]
    names = {
        Path(p.name).stem for p in select(load(dataset, data_root), dataset, "validation", "test")
    }
    return [f for f in fields if f.name in names]


def size_figures(fields: Sequence[Lazy], network: FinderNetwork) -> dict[str, Any]:
    """Return the figures of a finder on some fields; see :func:`evaluate_sizes`."""
    ratios: list[float] = []
    found = missed = invented = 0
    seconds: list[float] = []
    for lazy in fields:
        field = lazy.read()
        start = time.perf_counter()
        candidates = find_candidates(field.rgb, network)
        seconds.append(time.perf_counter() - start)
        typical = typical_diameter(candidates)
        if field.diameter is not None:
            ratios.append((typical or 0.0) / field.diameter)
        sure = [c for c in candidates if c.score >= SURE and typical is not None]
        hits = _hits(field, sure)
        found += hits
        missed += len(field.boxes) - hits
        invented += len(sure) - hits
    figures: dict[str, Any] = {
        "fields": len(fields),
        "found": found,
        "missed": missed,
        "invented": invented,
        "seconds_a_field": float(np.median(seconds)),
    }
    if ratios:
        right = np.abs(np.array(ratios) - 1) <= RIGHT_SIZE
        estimate = bootstrap_mean(right.astype(np.float64))
        figures["size_right"] = estimate.mean
        figures["size_right_95"] = [estimate.low, estimate.high]
        figures["size_ratio_percentiles_5_50_95"] = np.percentile(ratios, [5, 50, 95]).tolist()
    return figures


def _hits(field: Field, candidates: Sequence[Candidate]) -> int:
    """Count the leukocytes in whose box, with some room, a candidate has its centre."""
    free = list(candidates)
    hits = 0
    for y0, x0, y1, x1 in field.boxes:
        room = 0.2 * max(y1 - y0, x1 - x0)
        for c in free:
            if y0 - room <= c.y <= y1 + room and x0 - room <= c.x <= x1 + room:
                free.remove(c)
                hits += 1
                break
    return hits
