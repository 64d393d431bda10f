"""Cells whose class is their colour, and a network that sees colours and little else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from napari_leukocyte.classification.embedding import compute, features_of
from napari_leukocyte.learning.head.base import FILE_NAME, Base, write_base
from napari_leukocyte.learning.head.cells import Cells, make_cells
from napari_leukocyte.models.adding import NewModel, add_model
from napari_leukocyte.models.manifest import Manifest

#: Side of the classifier's crops, px, and length of its embedding.
SIDE, LENGTH = 32, 12
#: Colours of cells by class; the classifier knows the first three.
COLOURS = {
    "neutrophil": (110, 60, 140),
    "eosinophil": (190, 80, 70),
    "lymphocyte": (60, 70, 190),
    "blast": (60, 150, 90),
}
KNOWN = ("neutrophil", "eosinophil", "lymphocyte")
_BACKGROUND = (246, 240, 236)


def smear(
    seed: int, classes: tuple[str, ...] = KNOWN, each: int = 3, noise: float = 12.0
) -> tuple[NDArray[np.uint8], NDArray[np.int32], dict[int, str]]:
    """Draw cells on a grid; return the photograph, its label image and the class of each."""
    rng = np.random.default_rng(seed)
    names = [n for n in classes for _ in range(each)]
    order = rng.permutation(len(names))
    columns = 4
    rows = -(-len(names) // columns)
    image = np.full((rows * 48, columns * 48, 3), _BACKGROUND, np.uint8)
    labels = np.zeros(image.shape[:2], np.int32)
    truth = {}
    for number, i in enumerate(order, start=1):
        y, x = 24 + 48 * ((number - 1) // columns), 24 + 48 * ((number - 1) % columns)
        colour = np.clip(np.array(COLOURS[names[i]]) + rng.normal(0, noise, 3), 0, 255)
        cv2.circle(image, (x, y), 15, [int(c) for c in colour], -1)
        cv2.circle(labels, (x, y), 15, number, -1)
        truth[number] = names[i]
    grain = rng.normal(0, 2, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8), labels, truth


def add_classifier(folder: Path, name: str = "colours", *, confused: bool = True) -> Manifest:
    """Add the network, with a few shipped cells beside it; `confused` mixes two classes up."""
    rng = np.random.default_rng(3)
    spread = (rng.normal(0, 1, (3, LENGTH)) / 60).astype(np.float32)
    shift = rng.normal(0, 0.5, LENGTH).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "spread"], ["spreaded"]),
        helper.make_node("Add", ["spreaded", "shift"], ["shifted"]),
        helper.make_node("Relu", ["shifted"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    # Where the colours lie in the embedding decides on the last layer.
    means = {n: _mean_colour(n) for n in KNOWN}
    embedded = {n: np.maximum(m @ spread + shift, 0) for n, m in means.items()}
    centre = np.mean(list(embedded.values()), axis=0)
    weights = np.stack([40 * (embedded[n] - centre) for n in KNOWN], axis=1)
    bias = np.array([-20 * (embedded[n] @ embedded[n] - centre @ centre) for n in KNOWN])
    if confused:  # the classifier has never seen this laboratory's neutrophils
        bias += [-30, 15, 15]
    constants = {"spread": spread, "shift": shift, "weights": weights, "bias": bias}
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", SIDE, SIDE, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", LENGTH]),
        ],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.parent / f"{name}.onnx"
    onnx.save(model, file)
    manifest, _ = add_model(
        file, NewModel(name, "classification", KNOWN, side_px=SIDE, licence="CC0-1.0"), folder
    )
    write_base(manifest.folder / FILE_NAME, base_of(manifest))
    return manifest


def cells_of(manifest: Manifest, seeds: range, classes: tuple[str, ...] = KNOWN) -> Cells:
    """Return the embedded cells of some photographs."""
    from napari_leukocyte.classification.measurements import iterate_regions

    features = features_of(manifest)
    found, names, groups = [], [], []
    for seed in seeds:
        image, labels, truth = smear(seed, classes)
        found.append(compute(image, list(iterate_regions(labels)), features))
        names += [truth[n] for n in sorted(truth)]
        groups += [f"photograph {seed}"] * len(truth)
    return make_cells(np.concatenate(found), names, groups)


def base_of(manifest: Manifest) -> Base:
    """Return what ships with the classifier."""
    sha256 = manifest.members[0].sha256
    return Base(cells_of(manifest, range(100, 104)), cells_of(manifest, range(200, 203)), sha256)


def _mean_colour(name: str) -> NDArray[np.float64]:
    """Return the mean colour of a crop whose cell fills two thirds of the side."""
    part = np.pi / 4 * (2 / 3) ** 2
    background = np.full(3, 245.0)
    return np.asarray(part * np.array(COLOURS[name], float) + (1 - part) * background)
