"""Outcome of a fine-tuning: measured against the model in use, added to the user's models."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.classification.inference import classify
from napari_leukocyte.io.atomic import write_together
from napari_leukocyte.learning.finetune.plan import NETWORK, RESULT, FinetuneError, Plan
from napari_leukocyte.learning.head.cells import describe_dataset, reviewed
from napari_leukocyte.learning.head.comparison import Comparison, HeadPredictions, Share, compare
from napari_leukocyte.models.adding import NewModel, check_new
from napari_leukocyte.models.manifest import (
    FILE_NAME,
    Manifest,
    read_manifest,
    write_manifest,
)
from napari_leukocyte.models.registry import user_folder
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.ensemble import segment_members
from napari_leukocyte.segmentation.matching import overlaps
from napari_leukocyte.segmentation.postprocess import postprocess

#: Resamples of the bootstrap over photographs.
_RESAMPLES = 1000
#: An object is found if its overlap with the true one is at least this.
_FOUND_IOU = 0.5


@dataclass(frozen=True)
class Outcome:
    """The model in use and the new one on the validation photographs, by the plugin's own path.

    Attributes
    ----------
    what : str
        The figure: ``"foreground IoU"`` or ``"balanced accuracy"``.
    before, after, difference : Share
        Over the photographs, with their intervals.
    photographs : int
        How many.
    rows : tuple of (str, str, str)
        Further figures: name, before, after.
    figures : dict
        The same for a manifest.
    """

    what: str
    before: Share
    after: Share
    difference: Share
    photographs: int
    rows: tuple[tuple[str, str, str], ...]
    figures: dict[str, Any]


def trained_model(plan: Plan, job: Path, folder: Path) -> Manifest:
    """Put the trained network, with the model's other members, into a folder of its own.

    Parameters
    ----------
    plan : Plan
        What was done.
    job : Path
        Folder of the finished job.
    folder : Path
        Where the model is to lie; made.

    Returns
    -------
    Manifest

    Raises
    ------
    FinetuneError
        If the job is not finished, or its network is damaged.
    """
    try:
        expected = str(json.loads((job / RESULT).read_text(encoding="utf-8"))["sha256"])
        data = (job / NETWORK).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FinetuneError(
            "The fine-tuning in {job} is not finished: resume it.", job=job
        ) from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise FinetuneError("{path} is damaged: fine-tune anew.", path=job / NETWORK)
    former = read_manifest(Path(plan.model))
    names = [m.file.name for m in former.members if m.name != plan.member]
    own = f"{plan.name}.onnx"
    with write_together(folder, [*names, own, FILE_NAME]) as staging:
        for name in names:
            shutil.copyfile(former.folder / name, staging / name)
        (staging / own).write_bytes(data)
        write_manifest(staging, _manifest(plan, former, own, expected))
        read_manifest(staging)
    return read_manifest(folder)


def measure(plan: Plan, new: Manifest, progress: Progress = silent) -> Outcome:
    """Compare two models on the validation photographs of the dataset.

    Parameters
    ----------
    plan : Plan
        What was done.
    new : Manifest
        What came of it.
    progress : callable
        Called after each photograph.

    Returns
    -------
    Outcome

    Raises
    ------
    FinetuneError
        If there is no validation photograph.
    """
    dataset = Dataset(Path(plan.dataset))
    if plan.kind == "segmentation":
        return _segmentation(dataset, plan.model, str(new.folder), progress)
    return _classification(dataset, plan.model, str(new.folder), progress)


def take(plan: Plan, made: Manifest, outcome: Outcome, folder: Path | None = None) -> Manifest:
    """Add a trained model to the user's.

    Parameters
    ----------
    plan : Plan
        What was done.
    made : Manifest
        As from :func:`trained_model`.
    outcome : Outcome
        Goes onto its card.
    folder : Path, optional
        Folder of models; the user's by default.

    Returns
    -------
    Manifest

    Raises
    ------
    ModelError, OutputError
        If the name is taken or can't be one, or it can't be written.
    """
    root = user_folder() if folder is None else folder
    check_new(NewModel(plan.name, plan.kind, plan.classes), root)
    names = [m.file.name for m in made.members]
    text = json.loads((made.folder / FILE_NAME).read_text(encoding="utf-8"))
    text.pop("schema")
    text["figures"] = outcome.figures
    target = root / plan.name
    with write_together(target, [*names, FILE_NAME]) as staging:
        for name in names:
            shutil.copyfile(made.folder / name, staging / name)
        write_manifest(staging, text)
        read_manifest(staging)
    return read_manifest(target)


def measure_job(plan: Plan, job: Path, progress: Progress = silent) -> tuple[Manifest, Outcome]:
    """Do both for a finished job: the model lies in the job's folder until it is taken.

    Raises
    ------
    FinetuneError
        As :func:`trained_model` and :func:`measure`.
    """
    folder = Path(tempfile.mkdtemp(prefix="model-", dir=job))
    made = trained_model(plan, job, folder / plan.name)
    return made, measure(plan, made, progress)


def _manifest(plan: Plan, former: Manifest, file: str, sha256: str) -> dict[str, Any]:
    members = []
    for member in former.members:
        entry = {
            "name": member.name,
            "file": member.file.name,
            "sha256": member.sha256,
            "weight": member.weight,
            "diameter_px": member.diameter_px,
        }
        if member.name == plan.member:
            entry |= {"name": plan.name, "file": file, "sha256": sha256}
        members.append(entry)
    manifest: dict[str, Any] = {
        "kind": plan.kind,
        "name": plan.name,
        "title": f"{former.name}, {plan.member} fine-tuned for {plan.params.epochs} epochs",
        "licence": former.licence,
        "members": members,
        "outputs": list(former.outputs),
        "training_data": [*former.training_data, "photographs of its user"],
        "figures": {},
        "fails": list(former.fails),
        "made_from": {
            "model": former.name,
            "sha256": plan.member_sha256,
            "dataset": describe_dataset(Dataset(Path(plan.dataset))),
        },
    }
    if plan.kind == "classification":
        manifest |= {
            "classes": list(plan.classes),
            "side_px": former.side_px,
            "temperature": former.temperature,
            "nucleus_density": former.nucleus_density,
            "views": former.views,
        }
    return manifest


def _segmentation(dataset: Dataset, before: str, after: str, progress: Progress) -> Outcome:
    images = [
        i for i in dataset.images if i.side == "validation" and i.image is not None and i.complete
    ]
    if not images:
        raise FinetuneError("There is no validation photograph to measure on.")
    ious: dict[str, list[float]] = {before: [], after: []}
    objects = {before: np.zeros(3, int), after: np.zeros(3, int)}
    for step, image in enumerate(images):
        rgb, truth = dataset.read_rgb(image), dataset.read_labels(image)
        for number, model in enumerate((before, after)):
            progress(2 * step + number, 2 * len(images), "Measuring")
            maps = segment_members(rgb, model)
            found = postprocess(
                maps.combine(), diameter=maps.diameter, nucleus=maps.combine_nucleus()
            )
            both, either = (truth > 0) & (found > 0), (truth > 0) | (found > 0)
            ious[model].append(float(both.sum() / either.sum()) if either.any() else 1.0)
            matched = sum(v >= _FOUND_IOU for v, _, _ in overlaps(found, truth))
            n_found, n_true = (len(np.unique(a[a > 0])) for a in (found, truth))
            objects[model] += [matched, n_found - matched, n_true - matched]
    first, second, difference = _over_photographs(ious[before], ious[after])
    f1 = {m: 2 * n[0] / max(1, 2 * n[0] + n[1] + n[2]) for m, n in objects.items()}
    figures = {
        "photographs": len(images),
        "foreground_iou": round(second.value, 4),
        "foreground_iou_95": [round(second.low, 4), round(second.high, 4)],
        "object_f1_at_0.5": round(float(f1[after]), 4),
    }
    former = {
        "photographs": len(images),
        "foreground_iou": round(first.value, 4),
        "foreground_iou_95": [round(first.low, 4), round(first.high, 4)],
        "object_f1_at_0.5": round(float(f1[before]), 4),
    }
    return Outcome(
        "foreground IoU",
        first,
        second,
        difference,
        len(images),
        (("F1 of objects", f"{f1[before]:.3f}", f"{f1[after]:.3f}"),),
        _grouped(figures, former),
    )


def _classification(dataset: Dataset, before: str, after: str, progress: Progress) -> Outcome:
    table = reviewed(dataset.objects())
    images = [
        i
        for i in dataset.images
        if i.side == "validation" and i.image is not None and (table["image"] == i.name).any()
    ]
    if not images:
        raise FinetuneError("There is no validation photograph to measure on.")
    said: dict[str, list[tuple[str, float]]] = {before: [], after: []}
    truth: list[str] = []
    groups: list[str] = []
    for step, image in enumerate(images):
        rgb, labels = dataset.read_rgb(image), dataset.read_labels(image)
        rows = table[table["image"] == image.name].set_index(LABEL)
        for number, model in enumerate((before, after)):
            progress(2 * step + number, 2 * len(images), "Measuring")
            given = classify(rgb, labels, model).set_index(LABEL).loc[rows.index]
            said[model] += list(zip(given["class"], given["confidence"], strict=True))
        truth += rows["class"].astype(str).tolist()
        groups += [image.group] * len(rows)
    first, second = (
        HeadPredictions(np.array([c for c, _ in said[m]]), np.array([p for _, p in said[m]]))
        for m in (before, after)
    )
    found = compare(np.array(truth), np.array(groups), first, second)
    rows_shown = tuple(
        (f"recall, {r.name} ({r.cells})", f"{r.before.value:.3f}", f"{r.after.value:.3f}")
        for r in found.rows
    )
    return Outcome(
        "balanced accuracy",
        found.before,
        found.after,
        found.difference,
        found.photographs,
        rows_shown,
        _grouped(_classified(found, "after"), _classified(found, "before")),
    )


def _classified(found: Comparison, when: str) -> dict[str, Any]:
    balanced: Share = getattr(found, when)
    return {
        "cells": found.cells,
        "photographs": found.photographs,
        "balanced_accuracy": round(balanced.value, 4),
        "balanced_accuracy_95": [round(balanced.low, 4), round(balanced.high, 4)],
        **{f"recall, {r.name}": round(getattr(r, when).value, 4) for r in found.rows},
    }


def _grouped(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {
        "held_out": {"your validation photographs": after},
        "before": {"your validation photographs": before},
    }


def _over_photographs(before: list[float], after: list[float]) -> tuple[Share, Share, Share]:
    """Return means and the mean difference, with percentile bootstrap intervals."""
    values = np.array([before, after, np.subtract(after, before)])
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, values.shape[1], (_RESAMPLES, values.shape[1]))
    low, high = np.percentile(values[:, drawn].mean(axis=2), [2.5, 97.5], axis=1)
    first, second, difference = (
        Share(float(m), float(a), float(b))
        for m, a, b in zip(values.mean(axis=1), low, high, strict=True)
    )
    return first, second, difference
