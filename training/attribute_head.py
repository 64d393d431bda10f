"""Fit and measure the heads that tell WBCAtt's attributes from the classifier's embedding."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import see
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.attributes import FOLDER, AttributeHead, checksums, save_head
from napari_leukocyte.interpretation.cropping import stack_crops
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from training.data.attributes import ATTRIBUTES, load_attributes
from training.data.photographs import Photograph, load
from training.data.splits import Side, select
from training.explained import crops_of
from training.fitting import RUNS
from training.metrics import RESAMPLES

#: Inverse strengths of the regularisation; the validation side chooses, for each attribute.
STRENGTHS = (0.001, 0.01, 0.1)
#: Principal directions of the embedding that a fit sees.
DIRECTIONS = 200
#: Cells that are cut before they are embedded together.
_AT_ONCE = 64
#: Cells of a value below which nothing can be fitted or measured.
FEWEST = 5


def embedded(
    photographs: Sequence[Photograph], manifest: Manifest
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the names and embeddings of the photographs whose cell is found; kept on disk.

    Parameters
    ----------
    photographs : sequence of Photograph
        Of any sets.
    manifest : Manifest
        The classifier; another one embeds anew.

    Returns
    -------
    names : list of str
        In the order of `photographs`, without those in which no cell is found.
    embeddings : ndarray
        (N, D) float32.
    """
    key = hashlib.sha256("\n".join(checksums(manifest)).encode()).hexdigest()[:16]
    path = RUNS / "explain" / f"embeddings-{key}.npz"
    known: dict[str, NDArray[np.float16]] = {}
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            known = dict(zip(kept["names"].tolist(), kept["embeddings"], strict=True))
    lacking = [p for p in photographs if p.name not in known]
    for start in range(0, len(lacking), _AT_ONCE):
        part = list(crops_of(lacking[start : start + _AT_ONCE], manifest))
        if part:
            rows = see(stack_crops([crops for _, crops in part]), manifest).embedding
            if rows is None:
                raise LeukocyteError(f"The classifier {manifest.name} gives no embedding.")
            rows = rows.astype(np.float16)
            known |= dict(zip([p.name for p, _ in part], rows, strict=True))
        print(f"Embedded {start + len(part)} of {len(lacking)}", flush=True)
    if lacking:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = np.stack(list(known.values()))
        np.savez_compressed(path, names=np.array(list(known)), embeddings=rows)
    names = [p.name for p in photographs if p.name in known]
    return names, np.stack([known[n] for n in names]).astype(np.float32)


def in_words(attribute: str) -> str:
    """Return an attribute of WBCAtt's tables as a user reads it."""
    return attribute.replace("_", " ").replace("nuclear cytoplasmic", "nucleus-to-cytoplasm")


def make_attributes(
    data_root: Path, model: str = "default", folder: Path = FOLDER
) -> dict[str, Any]:
    """Fit the head on PBC's training side, measure it on the test side, and write it.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets: PBC and WBCAtt.
    model : str
        The classifier.
    folder : Path
        Where the head is written; the package's by default.

    Returns
    -------
    dict
        By attribute: cells, macro F1 with its 95 % interval, accuracy with its own, and the
        same of always saying the commonest value.
    """
    manifest = find_model("classification", model)
    known = load_attributes(data_root).set_index("name")
    photographs = [p for p in load("pbc", data_root) if p.name in known.index]
    names, embeddings = embedded(photographs, manifest)
    position = {n: i for i, n in enumerate(names)}
    sides: tuple[Side, ...] = ("train", "validation", "test")
    rows = {s: [p.name for p in select(photographs, "pbc", s) if p.name in position] for s in sides}
    if min(map(len, rows.values())) == 0:
        raise LeukocyteError("PBC and WBCAtt have no photographs in common on some side.")
    x = {s: embeddings[[position[n] for n in kept]] for s, kept in rows.items()}
    found = Directions.of(x["train"], DIRECTIONS)
    z = {s: found.apply(values) for s, values in x.items()}
    values: dict[str, tuple[str, ...]] = {}
    weights: dict[str, NDArray[np.float32]] = {}
    biases: dict[str, NDArray[np.float32]] = {}
    figures: dict[str, Any] = {}
    for attribute in ATTRIBUTES:
        y = {s: known.loc[kept, attribute].to_numpy(str) for s, kept in rows.items()}
        name = in_words(attribute)
        strength = _choose(z["train"], y["train"], z["validation"], y["validation"])
        both = np.concatenate([y["train"], y["validation"]])
        values[name], w, b = fit(np.concatenate([z["train"], z["validation"]]), both, strength)
        # For embeddings as they are.
        weights[name] = (found.basis @ w).astype(np.float32)
        biases[name] = (b - found.mean @ weights[name]).astype(np.float32)
        logits = x["test"] @ weights[name].astype(np.float16).astype(np.float32) + biases[name]
        said = np.array(values[name])[logits.argmax(axis=1)]
        figures[name] = {"strength": strength, **measure(y["test"], said, _commonest(both))}
        print(f"{name}: macro F1 {figures[name]['macro_f1']:.3f}", flush=True)
    description = {
        "trained_on": f"WBCAtt, {len(rows['train']) + len(rows['validation'])} cells of PBC",
        "held_out": f"{len(rows['test'])} cells of PBC, of photographs held out from all training",
        "figures": figures,
    }
    save_head(AttributeHead(values, weights, biases, description), manifest, folder)
    return {"model": manifest.name, "tied_to": checksums(manifest), **description}


@dataclass(frozen=True, eq=False)
class Directions:
    """The directions in which embeddings differ most, each scaled to unit variance.

    Attributes
    ----------
    mean : ndarray
        (D,).
    basis : ndarray
        (D, K): brings an embedding less the mean to the directions.
    share : float
        Of the variance that they hold, 0 to 1.
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    share: float

    @classmethod
    def of(cls, x: NDArray[np.float32], number: int, *, scaled: bool = True) -> Directions:
        """Find the directions of (N, D) embeddings by principal component analysis."""
        mean = x.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
        kept = np.maximum(variances[::-1][:number], 1e-12)
        basis = vectors[:, ::-1][:, :number] / (np.sqrt(kept) if scaled else 1.0)
        share = float(kept.sum() / variances.sum())
        return cls(mean, basis.astype(np.float32), share)

    def apply(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring (N, D) embeddings to (N, K)."""
        return np.asarray((x - self.mean) @ self.basis, np.float32)


def fit(
    z: NDArray[np.float32], y: NDArray[np.str_], strength: float
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Fit one multinomial logistic regression, all values of an attribute with equal weight.

    Parameters
    ----------
    z : ndarray
        (N, K) embeddings along `Directions`.
    y : ndarray
        (N,) values.
    strength : float
        Inverse strength of the regularisation.

    Returns
    -------
    values : tuple of str
        In the order of the logits; rare ones, with fewer than `FEWEST` cells, are left out.
    weights, biases : ndarray
        (K, V) and (V,).
    """
    from sklearn.linear_model import LogisticRegression

    names, counts = np.unique(y, return_counts=True)
    common = np.isin(y, names[counts >= FEWEST])
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3)
    model.fit(z[common], y[common])
    w, b = model.coef_.T, model.intercept_
    if w.shape[1] == 1:  # of two values scikit-learn only keeps the second's
        w, b = np.concatenate([-w / 2, w / 2], axis=1), np.array([-b[0] / 2, b[0] / 2])
    return tuple(str(v) for v in model.classes_), w, b


def macro_f1(truth: NDArray[np.str_], said: NDArray[np.str_], values: tuple[str, ...]) -> float:
    """Return the mean F1 over values."""
    scores = []
    for value in values:
        hit = float(np.sum((truth == value) & (said == value)))
        total = float(np.sum(truth == value) + np.sum(said == value))
        scores.append(2 * hit / total if total else 0.0)
    return float(np.mean(scores))


def measure(truth: NDArray[np.str_], said: NDArray[np.str_], common: str) -> dict[str, Any]:
    """Return the figures of one attribute; intervals are 95 % percentile bootstraps over cells."""
    names, counts = np.unique(truth, return_counts=True)
    values = tuple(str(n) for n, c in zip(names, counts, strict=True) if c >= FEWEST)
    always = np.full(truth.shape, common)
    draws = np.random.default_rng(0).integers(0, len(truth), (RESAMPLES, len(truth)))
    right = truth == said
    f1 = _bootstrap_f1(truth, said, values, draws)
    return {
        "cells": len(truth),
        "values": {str(n): int(c) for n, c in zip(names, counts, strict=True)},
        "macro_f1": macro_f1(truth, said, values),
        "macro_f1_95": np.percentile(f1, [2.5, 97.5]).tolist(),
        "macro_f1_of_commonest": macro_f1(truth, always, values),
        "accuracy": float(right.mean()),
        "accuracy_95": np.percentile(right[draws].mean(axis=1), [2.5, 97.5]).tolist(),
        "accuracy_of_commonest": float(np.mean(truth == always)),
    }


def _bootstrap_f1(
    truth: NDArray[np.str_],
    said: NDArray[np.str_],
    values: tuple[str, ...],
    draws: NDArray[np.int64],
) -> NDArray[np.float64]:
    scores = np.zeros(len(draws))
    for value in values:
        t, s = truth == value, said == value
        hit = (t & s)[draws].sum(axis=1)
        total = t[draws].sum(axis=1) + s[draws].sum(axis=1)
        scores += 2 * hit / np.maximum(total, 1)
    return scores / len(values)


def _choose(
    z: NDArray[np.float32],
    y: NDArray[np.str_],
    z_held: NDArray[np.float32],
    y_held: NDArray[np.str_],
) -> float:
    scores = []
    for strength in STRENGTHS:
        values, weights, biases = fit(z, y, strength)
        said = np.array(values)[(z_held @ weights + biases).argmax(axis=1)]
        scores.append(macro_f1(y_held, said, values))
    return STRENGTHS[int(np.argmax(scores))]


def _commonest(y: NDArray[np.str_]) -> str:
    names, counts = np.unique(y, return_counts=True)
    return str(names[int(counts.argmax())])
