"""A vote of the nearest known cells beside the head of the classifier, measured far from home.

A head draws flat borders through what the network sees of a cell; the nearest of some hundred known
cells say something else where a source is far from home. Their vote is mixed with the head's, and
taken if it gains abroad what it does not lose at home.

References
----------
.. [1] Khandelwal and others, "Generalization through Memorization: Nearest Neighbor Language
Models",
   ICLR 2020 (the mixture of a head and its neighbours).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features, features_of
from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.learning.head.base import FILE_NAME, read_base
from napari_leukocyte.learning.head.cells import Cells
from napari_leukocyte.learning.head.onnx_head import last_layer_of
from training.agree import photographs_with_agreed_masks
from training.cells import cut_cell, main_region, truth_labels
from training.data.photographs import DatasetName, Photograph
from training.embeddings import embed_cells
from training.metrics import RESAMPLES

#: Known cells that vote, and the vote's share beside the head.
NEIGHBOURS, SHARE = 15, 0.5
#: Cosines fall off by this: a cell 0.05 further away counts 1/e.
_FALL_OFF = 0.05
#: Sets with labels that the shipped classifier has not learnt, and cells of each class at most.
ASKED: tuple[DatasetName, ...] = ("bionet",)
EACH = 60
#: Cells of a class from which its recall counts.
_LEAST = 5
#: The model whose members' agreed masks cut the cells.
_CUT_BY = "unet-lite-trio"


def neighbour_vote(
    embeddings: NDArray[np.float32],
    known: NDArray[np.float32],
    known_classes: NDArray[np.str_],
    classes: Sequence[str],
    neighbours: int = NEIGHBOURS,
) -> NDArray[np.float64]:
    """Return what the nearest known cells say.

    Parameters
    ----------
    embeddings : ndarray
        (N, E) of the cells asked about.
    known : ndarray
        (M, E) of known cells.
    known_classes : ndarray
        (M,): their classes; those not among `classes` have no vote.
    classes : sequence of str
        Classes in the order of the columns.
    neighbours : int
        How many vote, each by its cosine.

    Returns
    -------
    ndarray
        (N, C), 0 to 1; rows add up to 1.
    """
    usable = np.isin(known_classes, list(classes))
    known, known_classes = known[usable], known_classes[usable]
    cosines = _unit(embeddings) @ _unit(known).T
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :neighbours]
    near = np.take_along_axis(cosines, nearest, axis=1)
    weights = np.exp((near - near[:, :1]) / _FALL_OFF)
    votes = np.zeros((len(embeddings), len(classes)))
    for column, name in enumerate(classes):
        votes[:, column] = np.sum(weights * (known_classes[nearest] == name), axis=1)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def _unit(values: NDArray[np.float32]) -> NDArray[np.float64]:
    long = values.astype(np.float64)
    return np.asarray(long / np.maximum(np.linalg.norm(long, axis=1, keepdims=True), 1e-12))


def evaluate_neighbours(data_root: Path, model: str = "default") -> dict[str, Any]:
    """Measure the vote at home, on the cells that ship for measuring, and abroad.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets; abroad only cells with an agreed mask are asked about.
    model : str
        A classifier with embeddings of known cells.

    Returns
    -------
    dict
        By set: cells, balanced accuracy of the head and of both together, the difference with its
        95 % bootstrap interval over groups, and the recalls.
    """
    features = features_of(model)
    manifest = features.manifest
    base = read_base(manifest.folder / FILE_NAME)
    weights, bias = last_layer_of(onnx.load(features.member.file))
    asked = {name: _only(base.measuring, name) for name in _sets(base.measuring)}
    for unknown in ASKED:
        abroad = _abroad(unknown, features, data_root)
        if abroad is not None:
            asked[unknown] = abroad
    result: dict[str, Any] = {}
    for name, cells in asked.items():
        logits = cells.embeddings.astype(np.float64) @ weights + bias
        head = softmax(logits / manifest.temperature)
        vote = neighbour_vote(
            cells.embeddings, base.fitting.embeddings, base.fitting.classes, manifest.classes
        )
        columns = np.array(manifest.classes)
        said = columns[head.argmax(axis=1)]
        both = columns[((1 - SHARE) * head + SHARE * vote).argmax(axis=1)]
        result[name] = paired(cells.classes, said, both, cells.groups)
    return {
        "model": manifest.name,
        "sha256": [m.sha256 for m in manifest.members],
        "neighbours": NEIGHBOURS,
        "share": SHARE,
        "sets": result,
    }


def paired(
    truth: NDArray[np.str_],
    before: NDArray[np.str_],
    after: NDArray[np.str_],
    groups: NDArray[np.str_],
    seed: int = 0,
) -> dict[str, Any]:
    """Compare two classifiers on the same cells, with a paired bootstrap over groups."""
    names = [str(c) for c in np.unique(truth) if np.sum(truth == c) >= _LEAST]

    def balanced(said: NDArray[np.str_], chosen: NDArray[np.int64]) -> float:
        there = [c for c in names if np.any(truth[chosen] == c)]
        hits = said[chosen] == truth[chosen]
        return float(np.mean([np.mean(hits[truth[chosen] == c]) for c in there]))

    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    differences = []
    for _ in range(RESAMPLES):
        draw = rng.integers(0, len(members), len(members))
        chosen = np.concatenate([members[int(i)] for i in draw])
        if np.isin(truth[chosen], names).any():
            differences.append(balanced(after, chosen) - balanced(before, chosen))
    everyone = np.arange(len(truth))
    low, high = np.percentile(differences, [2.5, 97.5])
    return {
        "cells": len(truth),
        "groups": len(members),
        "head": balanced(before, everyone),
        "with_neighbours": balanced(after, everyone),
        "difference": balanced(after, everyone) - balanced(before, everyone),
        "difference_95": [float(low), float(high)],
        "recalls": {
            c: [float(np.mean(said[truth == c] == c)) for said in (before, after)] for c in names
        },
    }


def _sets(cells: Cells) -> list[str]:
    return sorted({str(g).split("/", 1)[0] for g in cells.groups})


def _only(cells: Cells, dataset: str) -> Cells:
    return cells[np.array([str(g).startswith(f"{dataset}/") for g in cells.groups])]


def _abroad(dataset: DatasetName, features: Features, data_root: Path) -> Cells | None:
    """Embed some cells of each class of a set; None if none has an agreed mask."""
    photographs: list[Photograph] = []
    for side in ("train", "validation", "test"):
        photographs += photographs_with_agreed_masks(dataset, data_root, _CUT_BY, side)
    rng = np.random.default_rng(0)
    cells = []
    for name in sorted({p.label for p in photographs if p.label}):
        of_class = [p for p in photographs if p.label == name]
        for i in rng.permutation(len(of_class))[:EACH]:
            p = of_class[int(i)]
            region = main_region(truth_labels(p), central=False)
            if region is not None:
                side_px, diameter = features.manifest.side_px, features.member.diameter_px
                cells.append(cut_cell(p, p.read(), region, side_px, diameter))
    return embed_cells(cells, features) if cells else None
