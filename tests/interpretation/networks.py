"""A real network that is small enough to know what it looks at, and a cell to show it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.models.manifest import Manifest, read_manifest

CLASSES = ("eosinophil", "basophil", "lymphocyte")
SIDE, DIAMETER = 64, 40
#: Where the cell of `field` has its granule, and how large it is, px of the image.
GRANULE, GRANULE_SIDE = (44, 66), 12


def write_network(path: Path, *, gain: float = 60.0, gemm: bool = True) -> str:
    """Write a network that calls red eosinophil and blue basophil; return its checksum.

    Its features are redness and blueness of each pixel and a constant; an average over places and
    one linear layer follow, as in the shipped classifiers.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    weights = np.zeros((3, 3, 1, 1), np.float32)
    weights[0, :, 0, 0] = (1, -0.5, -0.5)
    weights[1, :, 0, 0] = (-0.5, -0.5, 1)
    bias = np.array([-0.1, -0.1, 0.02], np.float32)
    last = np.array([[gain, 0, 0], [0, gain, 0], [0, 0, gain]], np.float32)
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "w", "b"], ["mixed"]),
        helper.make_node("Relu", ["mixed"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"], axis=1),
    ]
    constants = [
        numpy_helper.from_array(np.array(1 / 255, np.float32), "scale"),
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(bias, "b"),
        numpy_helper.from_array(np.array([0.1, 0.2, 0.0], np.float32), "last_b"),
    ]
    if gemm:
        nodes.append(
            helper.make_node("Gemm", ["embedding", "last", "last_b"], ["logits"], transB=1)
        )
        constants.append(numpy_helper.from_array(np.ascontiguousarray(last.T), "last"))
    else:
        nodes += [
            helper.make_node("Cast", ["half"], ["last"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["embedding", "last"], ["product"]),
            helper.make_node("Add", ["product", "last_b"], ["logits"]),
        ]
        constants.append(numpy_helper.from_array(last.astype(np.float16), "half"))
        nodes.insert(0, nodes.pop(-3))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", "h", "w", 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    data = model.SerializeToString()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def write_classifier(folder: Path, members: int = 1, **changes: Any) -> Manifest:
    """Write a classifier of such networks; each member shows cells larger than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for i in range(members):
        sha256 = write_network(folder / f"{i}.onnx", gain=60.0 + 5 * i, gemm=i % 2 == 0)
        entries.append(
            {
                "name": f"member {i}",
                "file": f"{i}.onnx",
                "sha256": sha256,
                "weight": 1.0 + i,
                "diameter_px": DIAMETER + 6 * i,
            }
        )
    manifest = {
        "schema": 1,
        "kind": "classification",
        "name": "colours",
        "title": "Judges by colour",
        "members": entries,
        "classes": list(CLASSES),
        "side_px": SIDE,
        "temperature": 1.5,
        "outputs": ["logits", "embedding"],
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return read_manifest(folder)


def field(
    granule: tuple[int, int, int] = (230, 60, 60), centre: tuple[int, int] = (50, 60)
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw a grey cell with one coloured granule on a light field."""
    rgb = np.full((100, 140, 3), 240, np.uint8)
    rows, columns = np.mgrid[:100, :140]
    cell = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= 20**2
    rgb[cell] = 150
    y = GRANULE[0] + centre[0] - 50
    x = GRANULE[1] + centre[1] - 60
    rgb[y : y + GRANULE_SIDE, x : x + GRANULE_SIDE] = granule
    return rgb, cell.astype(np.int32) * 7


def only_region(labels: NDArray[np.int32]) -> Region:
    """Return the one object of a label image."""
    (region,) = iterate_regions(labels)
    return region


def granule_in_frame(shape: tuple[int, int], y0: int, x0: int, extent: int) -> NDArray[np.bool_]:
    """Return where the granule lies in a cell's frame."""
    rows, columns = (np.arange(n) * extent / n for n in shape)
    in_rows = (rows >= GRANULE[0] - y0) & (rows < GRANULE[0] - y0 + GRANULE_SIDE)
    in_columns = (columns >= GRANULE[1] - x0) & (columns < GRANULE[1] - x0 + GRANULE_SIDE)
    return np.asarray(in_rows[:, np.newaxis] & in_columns)
