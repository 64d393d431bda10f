"""The head in a classifier's ONNX file: its last layer read, replaced, and accepted as a model.

All shipped classifiers, and those that the plugin converts from Keras, end with a dense layer on
the embedding: a product with a matrix and a sum, or both in one node.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features
from napari_leukocyte.learning.head.cells import RetrainingError
from napari_leukocyte.learning.head.comparison import Comparison, Share
from napari_leukocyte.learning.head.head import Head
from napari_leukocyte.learning.head.retrain import Retrained
from napari_leukocyte.models.adding import NewModel, add_model
from napari_leukocyte.models.manifest import Manifest, Member, wrong_checksum
from napari_leukocyte.models.registry import check_file

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

#: Name of what a replaced last layer adds to the graph.
_NAME = "retrained_head"


def read_last_layer(member: Member) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and bias of the dense layer that gives the logits.

    Parameters
    ----------
    member : Member
        Of a classifier; its file's checksum is compared first.

    Returns
    -------
    weights : ndarray
        (E, C) float64.
    bias : ndarray
        (C,) float64.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    RetrainingError
        If it does not end with a dense layer on its embedding.
    """
    return last_layer_of(_load(member), member.file.name)


def last_layer_of(
    model: ModelProto, name: str = "The network"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Do the same for a graph that was loaded; `name` stands in the sentence if it fails."""
    values = _constants(model)
    nodes = _last_nodes(model, name)
    if nodes[-1].op_type == "Gemm":
        gemm = nodes[-1]
        weights = values.get(gemm.input[1])
        flags = {a.name: a for a in gemm.attribute}
        if weights is not None and "transB" in flags and flags["transB"].i:
            weights = weights.T
        bias = values.get(gemm.input[2])
        plain = all(flags[n].f == 1 for n in ("alpha", "beta") if n in flags)
        if not plain or ("transA" in flags and flags["transA"].i):
            weights = None
    else:
        weights = values.get(nodes[0].input[1])
        bias = next((values[i] for i in nodes[-1].input if i in values), None)
    if weights is None or bias is None or weights.ndim != 2 or bias.shape != weights.shape[1:]:
        raise _other_end(name)
    return weights.astype(np.float64), bias.astype(np.float64)


def head_of(features: Features) -> Head:
    """Return the head that a classifier has now.

    Raises
    ------
    ModelError, RetrainingError
        If its file is damaged or does not end with a dense layer.
    """
    weights, bias = read_last_layer(features.member)
    manifest = features.manifest
    if weights.shape[1] != len(manifest.classes):
        raise RetrainingError(
            "{file} gives {logits} logits for {classes} classes.",
            file=features.member.file,
            logits=weights.shape[1],
            classes=len(manifest.classes),
        )
    return Head(manifest.classes, weights, bias, manifest.temperature)


def replace_last_layer(
    member: Member, weights: NDArray[np.floating], bias: NDArray[np.floating], path: Path
) -> None:
    """Write a classifier's network with another last layer.

    Parameters
    ----------
    member : Member
        The network.
    weights, bias : ndarray
        (E, C) and (C,).
    path : Path
        The file to write.

    Raises
    ------
    ModelError, RetrainingError
        As :func:`read_last_layer`.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = _load(member)
    graph = model.graph
    nodes = _last_nodes(model, member.file.name)
    output = graph.output[0].name
    for node in nodes:
        graph.node.remove(node)
    for name, array in ((f"{_NAME}_weights", weights), (f"{_NAME}_bias", bias)):
        for former in [t for t in graph.initializer if t.name == name]:
            graph.initializer.remove(former)
        graph.initializer.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
    inputs = [graph.output[1].name, f"{_NAME}_weights", f"{_NAME}_bias"]
    graph.node.append(helper.make_node("Gemm", inputs, [output], name=_NAME))
    dim = graph.output[0].type.tensor_type.shape.dim[1]
    dim.Clear()
    dim.dim_value = int(weights.shape[1])
    _drop_unused(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _load(member: Member) -> ModelProto:
    import onnx

    check_file(member)
    try:
        return onnx.load(member.file, load_external_data=False)
    except Exception as error:
        # The parser's own classes; ONNX Runtime has other sentences for the same.
        raise wrong_checksum(member.file) from error


def _constants(model: ModelProto) -> dict[str, NDArray[np.float64]]:
    """Return the small constants of a graph, also those that are cast when it is loaded."""
    from onnx import numpy_helper

    held = {t.name: t for t in model.graph.initializer}
    found = {
        name: np.asarray(numpy_helper.to_array(t), np.float64)
        for name, t in held.items()
        if len(t.dims) in (1, 2)
    }
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _last_nodes(model: ModelProto, file: str) -> list[NodeProto]:
    """Return the nodes between embedding and logits."""
    graph = model.graph
    if len(graph.output) < 2:
        raise _other_end(file)
    makers = {name: node for node in graph.node for name in node.output}
    last = makers.get(graph.output[0].name)
    embedding = graph.output[1].name
    if last is not None and last.op_type == "Gemm" and last.input[0] == embedding:
        return [last]
    if last is not None and last.op_type == "Add":
        for name in last.input:
            product = makers.get(name)
            if product and product.op_type == "MatMul" and product.input[0] == embedding:
                return [product, last]
    raise _other_end(file)


def _drop_unused(model: ModelProto) -> None:
    """Remove what nothing leads on from: the former layer's weights."""
    graph = model.graph
    outputs = {o.name for o in graph.output}
    while True:
        used = outputs | {name for node in graph.node for name in node.input}
        idle = [n for n in graph.node if not used.intersection(n.output)]
        for node in idle:
            graph.node.remove(node)
        if not idle:
            break
    for tensor in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(tensor)


def _other_end(file: str) -> RetrainingError:
    return RetrainingError(
        "{file} does not end with a dense layer on its embedding, which could be replaced.",
        file=file,
    )


def accept(
    result: Retrained,
    features: Features,
    name: str,
    source: str,
    folder: Path | None = None,
) -> Manifest:
    """Write a head as a model.

    Parameters
    ----------
    result : Retrained
        The head, with what was measured.
    features : Features
        Of the classifier that it was fitted on.
    name : str
        Of the new model.
    source : str
        Where the reader's cells are from: a dataset's version and checksum, in words.
    folder : Path, optional
        Folder of models; the user's by default.

    Returns
    -------
    Manifest

    Raises
    ------
    RetrainingError
        If it must not be taken; the message is the first reason.
    ModelError, OutputError
        If the name is taken or can't be one, or the model can't be written.
    """
    if result.refusals:
        raise RetrainingError("The head was not taken. {reason}", reason=result.refusals[0])
    former = features.manifest
    new = NewModel(
        name=name,
        kind="classification",
        classes=result.head.classes,
        diameter_px=features.member.diameter_px,
        side_px=former.side_px,
        title=f"{former.name} with a head fitted on {result.own.cells} reviewed cells",
        licence=former.licence,
        training_data=(*former.training_data, "reviewed cells of its user"),
    )
    further = {
        "temperature": result.head.temperature,
        "nucleus_density": former.nucleus_density,
        "views": features.views,
        "figures": figures(result),
        "fails": list(former.fails),
        "made_from": {
            "model": former.name,
            "sha256": features.member.sha256,
            "features_sha256": features.sha256,
            "dataset": source,
        },
    }
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "head.onnx"
        replace_last_layer(features.member, result.head.weights, result.head.bias, file)
        manifest, _ = add_model(file, new, folder, further=further)
    return manifest


def figures(result: Retrained) -> dict[str, Any]:
    """Return what was measured, as a manifest holds it."""
    return {
        "held_out": {
            "your photographs": _figures_of(result.own, "after"),
            "shipped cells": _figures_of(result.shipped, "after"),
        },
        "before": {
            "your photographs": _figures_of(result.own, "before"),
            "shipped cells": _figures_of(result.shipped, "before"),
        },
    }


def _figures_of(comparison: Comparison, when: str) -> dict[str, Any]:
    balanced: Share = getattr(comparison, when)
    found: dict[str, Any] = {
        "cells": comparison.cells,
        "photographs": comparison.photographs,
        "balanced_accuracy": round(balanced.value, 4),
        "balanced_accuracy_95": [round(balanced.low, 4), round(balanced.high, 4)],
        "calibration_error": round(getattr(comparison, f"calibration_{when}"), 4),
    }
    for row in comparison.rows:
        if row.measured:
            recall: Share = getattr(row, when)
            found[f"recall, {row.name}"] = round(recall.value, 4)
            found[f"recall, {row.name}_95"] = [round(recall.low, 4), round(recall.high, 4)]
    return found
