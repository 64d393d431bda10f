"""Networks rewritten so that they say the same with less work.

The decoder of a U-Net doubles its maps by repeating each pixel, and convolves them 3 x 3. Of the
nine pixels that such a convolution sees, several are the same one: four convolutions of 2 x 2 px
before the doubling, one for each of the four pixels that a pixel becomes, with sums of the weights,
give the same numbers from four ninths of the multiplications, and the doubled maps, which Keras
exports as copies of copies, are never made [1]_.

References
----------
.. [1] Shi, Caballero and others, "Real-Time Single Image and Video Super-Resolution Using an
   Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016, section 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

#: What Keras writes for the doubling of a map's height and width.
_DOUBLING = (
    "Unsqueeze",
    "Tile",
    "Transpose",
    "Reshape",
    "Unsqueeze",
    "Tile",
    "Reshape",
    "Transpose",
)
#: What leaves the number of channels as it is.
_KEEPS_CHANNELS = ("Relu", "Clip", "Add", "Mul")
#: Rewritten network and original must agree to this, relative to the largest output.
_TOLERANCE = 1e-4
#: Shape of the image that they are compared on, where the network takes any.
_SHOWN = (1, 64, 96, 3)


def may_double(data: bytes) -> bool:
    """Say of an ONNX file, without parsing it, whether there may be anything to rewrite."""
    return b"Tile" in data


def without_doubling(data: bytes) -> bytes | None:
    """Rewrite a network so that it convolves before it doubles.

    Parameters
    ----------
    data : bytes
        An ONNX file that ONNX Runtime can run.

    Returns
    -------
    bytes or None
        The rewritten file; None if there is nothing to rewrite, or what is rewritten says anything
        else on a random image.
    """
    import onnx

    model = onnx.load_from_string(data)
    found = 0
    for last in [n for n in model.graph.node if n.op_type == _DOUBLING[-1]]:
        found += _rewrite(_Graph(model.graph), last)
    if not found:
        return None
    _drop_unused(model.graph)
    rewritten = bytes(model.SerializeToString())
    return rewritten if _say_the_same(data, rewritten) else None


class _Graph:
    """A graph's nodes by what they give and take, and its constants."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.maker = {name: node for node in graph.node for name in node.output}
        self.users: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}

    def only_user(self, name: str) -> onnx.NodeProto | None:
        """Return the node that alone takes a value."""
        users = self.users.get(name, [])
        return users[0] if len(users) == 1 else None

    def constant(self, name: str) -> NDArray[np.float32] | None:
        """Return a constant as float32, also one that is stored as float16 and cast."""
        from onnx import numpy_helper

        node = self.maker.get(name)
        if node is not None and node.op_type == "Cast":
            name = node.input[0]
        tensor = self.tensors.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor).astype(np.float32)

    def channels(self, name: str) -> int | None:
        """Return the number of channels of a map that a convolution gives."""
        node = self.maker.get(name)
        while node is not None and node.op_type in _KEEPS_CHANNELS:
            node = self.maker.get(node.input[0])
        if node is None or node.op_type != "Conv":
            return None
        kernel = self.constant(node.input[1])
        return None if kernel is None else len(kernel)


def _rewrite(graph: _Graph, last: onnx.NodeProto) -> bool:
    """Rewrite the doubling that ends in a node, if it is one; say whether it was."""
    source = _doubled(graph, last)
    user = graph.only_user(last.output[0])
    if source is None or user is None:
        return False
    beside: list[str] = []
    conv: onnx.NodeProto | None = user
    if user.op_type == "Concat":
        if user.input[0] != last.output[0] or _attributes(user) != {"axis": 1}:
            return False
        beside = list(user.input[1:])
        conv = graph.only_user(user.output[0])
    if conv is None or conv.op_type != "Conv" or not _is_plain(conv):
        return False
    kernel, channels = graph.constant(conv.input[1]), graph.channels(source)
    if kernel is None or channels is None or kernel.shape[2:] != (3, 3):
        return False
    if (kernel.shape[1] > channels) != bool(beside):
        return False
    nodes, tensors = _convolved_first(conv, source, beside, kernel, channels)
    at = list(graph.graph.node).index(conv)
    graph.graph.node.remove(conv)
    for node in reversed(nodes):
        graph.graph.node.insert(at, node)
    graph.graph.initializer.extend(tensors)
    return True


def _doubled(graph: _Graph, last: onnx.NodeProto) -> str | None:
    """Return the map that a chain of nodes doubles, by its last node."""
    node = last
    for kind in _DOUBLING[-2::-1]:
        before = graph.maker.get(node.input[0])
        if before is None or before.op_type != kind:
            return None
        node = before
    return str(node.input[0])


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _is_plain(conv: onnx.NodeProto) -> bool:
    """Say whether a convolution of 3 x 3 looks one pixel to every side, step by step."""
    given = _attributes(conv)
    padded = given.get("pads") == [1, 1, 1, 1] or given.get("auto_pad") == b"SAME_UPPER"
    single = all(set(given.get(name, [1])) == {1} for name in ("strides", "dilations"))
    return bool(padded and single and given.get("group", 1) == 1)


def _convolved_first(
    conv: onnx.NodeProto, source: str, beside: list[str], kernel: NDArray[np.float32], channels: int
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return the nodes, and their constants, that stand for a doubling and a convolution."""
    from onnx import helper, numpy_helper

    output = conv.output[0]
    name = f"{output}/halved"
    bias = list(conv.input[2:])
    nodes, tensors, parts = [], [], []
    for row in (0, 1):
        for column in (0, 1):
            part = f"{name}/{row}{column}"
            weights = _summed(_summed(kernel[:, :channels], row, 2), column, 3)
            tensors.append(numpy_helper.from_array(weights, f"{part}/kernel"))
            inputs = [source, f"{part}/kernel", *([] if beside else bias)]
            pads = [1 - row, 1 - column, row, column]
            nodes.append(
                helper.make_node("Conv", inputs, [part], part, kernel_shape=[2, 2], pads=pads)
            )
            parts.append(part)
    together = f"{name}/together"
    nodes.append(helper.make_node("Concat", parts, [together], together, axis=1))
    doubled = f"{name}/doubled" if beside else output
    nodes.append(
        helper.make_node(
            "DepthToSpace", [together], [doubled], f"{name}/doubled", blocksize=2, mode="DCR"
        )
    )
    if beside:
        other, skip = beside[0], f"{name}/beside"
        if len(beside) > 1:
            other = f"{skip}/maps"
            nodes.append(helper.make_node("Concat", beside, [other], other, axis=1))
        rest = np.ascontiguousarray(kernel[:, channels:])
        tensors.append(numpy_helper.from_array(rest, f"{skip}/kernel"))
        inputs = [other, f"{skip}/kernel", *bias]
        nodes.append(
            helper.make_node("Conv", inputs, [skip], skip, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Add", [skip, doubled], [output], f"{name}/sum"))
    return nodes, tensors


def _summed(kernel: NDArray[np.float32], which: int, axis: int) -> NDArray[np.float32]:
    """Add the weights, along an axis, that meet the same pixel before the doubling.

    Of the two pixels that one becomes, the first sees the one before it once and itself twice, the
    second itself twice and the next one once.
    """
    first, second, third = np.split(kernel, 3, axis)
    pair = (first, second + third) if which == 0 else (first + second, third)
    return np.ascontiguousarray(np.concatenate(pair, axis))


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
    for tensor in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(tensor)


def _say_the_same(data: bytes, rewritten: bytes) -> bool:
    """Compare two networks on a random image."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        said = []
        for one in (data, rewritten):
            session = onnxruntime.InferenceSession(one, options, providers=["CPUExecutionProvider"])
            (given,) = session.get_inputs()
            size = zip(given.shape, _SHOWN, strict=True)
            shape = [wanted if isinstance(wanted, int) else any_ for wanted, any_ in size]
            image = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
            said.append(session.run(None, {given.name: image}))
    except Exception:
        # ONNX Runtime raises classes of its own: a network of another kind.
        return False
    return all(
        a.shape == b.shape and np.abs(a - b).max() <= _TOLERANCE * max(1.0, np.abs(a).max())
        for a, b in zip(*said, strict=True)
    )
