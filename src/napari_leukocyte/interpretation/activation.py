"""Class activation maps: where the features lie that speak for a class.

A network that ends in an average over places and one linear layer, as the shipped classifiers do,
adds up, for each class, what each place contributes: the class activation map (B. Zhou and others:
Learning Deep Features for Discriminative Localization. CVPR 2016). For such networks it is Grad-CAM
without its last step, which drops what speaks against the class (R. R. Selvaraju and others, ICCV
2017). No gradients are needed, and one look at each view is enough. The network's ONNX graph is
read with the package ``onnx`` and given one output more: the features before the pooling.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import turned
from napari_leukocyte.errors import LeukocyteError, ModelError
from napari_leukocyte.interpretation.scoring import Scorer
from napari_leukocyte.models.manifest import Member, wrong_checksum

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

#: What passes values on without mixing places or channels.
_PASSING = {"Squeeze", "Reshape", "Flatten", "Identity", "Cast", "Dropout", "Unsqueeze"}
_POOLING = {"GlobalAveragePool", "ReduceMean"}
_LOADING = threading.Lock()


class NoActivationMapError(LeukocyteError):
    """A network is not built so that class activation maps can be made of it."""


@dataclass(frozen=True, eq=False)
class OpenedNetwork:
    """A network whose features before the last pooling can be seen.

    Attributes
    ----------
    session : InferenceSession
        Gives logits (N, C), and features (N, K, h, w) as its last output.
    weights : ndarray
        (K, C) float32: the last layer's.
    bias : ndarray
        (C,) float32.
    """

    session: InferenceSession
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def run(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return logits and features of a batch, (N, H, W, 3) float32."""
        try:
            found = self.session.run(None, {self.session.get_inputs()[0].name: batch})
        except Exception as error:  # ONNX Runtime's own classes
            raise ModelError("The opened network can't be run on this crop.") from error
        return np.asarray(found[0], np.float32), np.asarray(found[-1], np.float32)


def open_member(member: Member) -> OpenedNetwork:
    """Open a member of a classifier; kept after the first call.

    Raises
    ------
    NoActivationMapError
        If the network ends otherwise than described, or ``onnx`` is not installed.
    ModelError
        If the file is missing, damaged or no model.
    """
    with _LOADING:
        return _open(str(member.file), member.sha256, member)


@lru_cache(maxsize=4)
def _open(path: str, sha256: str, member: Member) -> OpenedNetwork:
    import hashlib

    import onnxruntime

    try:
        import onnx
    except ImportError as error:
        raise NoActivationMapError(
            "Class activation maps need the package onnx: install it with "
            "pip install 'napari-leukocyte[explain]'."
        ) from error
    try:
        data = member.file.read_bytes()
    except OSError as error:
        raise ModelError(f"The model file {path} is missing or can't be read.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise wrong_checksum(member.file)
    try:
        model = onnx.load_model_from_string(data)
        features, weights, bias = _find(model.graph)
        model.graph.output.append(onnx.ValueInfoProto(name=features))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.enable_mem_pattern = False
        # As in models.runtime: weights lie in the checked file or nowhere.
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", path
        )
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except LeukocyteError:
        raise
    except Exception as error:  # both packages have many classes for damage
        raise ModelError(f"{path} is not a model that can be opened.") from error
    return OpenedNetwork(session, weights, bias)


def activation_map(scorer: Scorer, target: int) -> NDArray[np.float32]:
    """Map what each place adds to the logit of a class, beyond what it adds to the mean logit.

    Parameters
    ----------
    scorer : Scorer
        Of the cell; counts the runs.
    target : int
        The class, as its index.

    Returns
    -------
    ndarray
        (S, S) float32: the mean of the map over the crop is the class's logit less the mean of
        all logits, without biases; averaged over views, turned back, and over members by their
        weights.

    Raises
    ------
    NoActivationMapError
        If a member's network does not end as described.
    """
    crops, manifest = scorer.crops, scorer.manifest
    side = crops.crop.shape[0]
    total = np.zeros((side, side), np.float32)
    scorer.expect(1)
    weight = sum(m.weight for m in manifest.members)
    for index, member in enumerate(manifest.members):
        opened = open_member(member)
        direction = opened.weights[:, target] - opened.weights.mean(axis=1)
        batch = crops.members[index].astype(np.float32)[np.newaxis]
        found = np.zeros((side, side), np.float32)
        for view in range(manifest.views):
            _, features = opened.run(turned(batch, view))
            values = np.tensordot(direction, features[0], axes=1).astype(np.float32)
            large = cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC)
            found += _turned_back(np.asarray(large, np.float32), view)
            scorer.count(1)
        share = member.weight / (weight * manifest.views * manifest.temperature)
        total += np.float32(share) * _to_frame(found, crops.magnifications[index])
    return total


def _turned_back(values: NDArray[np.float32], view: int) -> NDArray[np.float32]:
    """Undo what `turned` did to a view."""
    straight = np.rot90(values, -(view % 4))
    return straight[:, ::-1] if view >= 4 else straight


def _to_frame(values: NDArray[np.float32], zoom: float) -> NDArray[np.float32]:
    """Bring a member's map into the frame, in which the cell is smaller; 0 beyond it."""
    if zoom == 1.0:
        return values
    side = values.shape[0]
    shift = (side - 1) / 2 * (1 - 1 / zoom)
    matrix = np.array([[1 / zoom, 0, shift], [0, 1 / zoom, shift]])
    return np.asarray(cv2.warpAffine(values, matrix, (side, side)), np.float32)


def _find(graph: Any) -> tuple[str, NDArray[np.float32], NDArray[np.float32]]:
    """Return the name of the features before the pooling, and the last layer."""
    makers = {name: node for node in graph.node for name in node.output}
    constants = {t.name: t for t in graph.initializer}
    name = graph.output[0].name
    bias: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None
    while weights is None:
        node = _maker(makers, name)
        if node.op_type == "Add" and bias is None:
            values = [_constant(i, makers, constants) for i in node.input]
            at = 1 if values[1] is not None else 0
            bias, name = values[at], node.input[1 - at]
        elif node.op_type in ("MatMul", "Gemm"):
            weights = _constant(node.input[1], makers, constants)
            if weights is None:
                raise _unfit(node)
            if node.op_type == "Gemm":
                options = {a.name: a for a in node.attribute}
                if "transB" in options and options["transB"].i:
                    weights = np.ascontiguousarray(weights.T)
                if len(node.input) > 2:
                    bias = _constant(node.input[2], makers, constants)
            name = node.input[0]
        elif node.op_type in _PASSING:
            name = node.input[0]
        else:
            raise _unfit(node)
    while True:
        node = _maker(makers, name)
        if node.op_type in _POOLING:
            break
        if node.op_type not in _PASSING:
            raise _unfit(node)
        name = node.input[0]
    if bias is None:
        bias = np.zeros(weights.shape[1], np.float32)
    return node.input[0], weights, bias.reshape(-1)


def _maker(makers: dict[str, Any], name: str) -> Any:
    if name not in makers:
        raise NoActivationMapError(
            "No class activation map: the network does not end in pooling and one linear layer."
        )
    return makers[name]


def _constant(
    name: str, makers: dict[str, Any], constants: dict[str, Any]
) -> NDArray[np.float32] | None:
    """Return a constant, also one that is stored at half precision and cast."""
    from onnx import numpy_helper

    while name not in constants:
        node = makers.get(name)
        if node is None or node.op_type not in ("Cast", "Identity", "Constant"):
            return None
        if node.op_type == "Constant":
            return np.asarray(numpy_helper.to_array(node.attribute[0].t), np.float32)
        name = node.input[0]
    return np.asarray(numpy_helper.to_array(constants[name]), np.float32)


def _unfit(node: Any) -> NoActivationMapError:
    return NoActivationMapError(
        f"No class activation map: the network ends in {node.op_type}, not in pooling and one "
        "linear layer."
    )
