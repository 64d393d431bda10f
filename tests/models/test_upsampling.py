from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from napari_leukocyte.models.registry import find_model
from napari_leukocyte.models.upsampling import may_double, without_doubling
from napari_leukocyte.segmentation.finder import shipped_finder

Doubling = Callable[..., bytes]


def run(data: bytes, image: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: image})[0])


@pytest.mark.parametrize("beside", [0, 1, 2])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("size", [(2, 2), (16, 6), (34, 50)])
def test_convolving_before_doubling_gives_the_same(
    doubling: Doubling, beside: int, half: bool, size: tuple[int, int]
) -> None:
    data = doubling(beside=beside, half=half)
    rewritten = without_doubling(data)
    assert rewritten is not None
    left = {node.op_type for node in onnx.load_from_string(rewritten).graph.node}
    assert may_double(data)
    assert left.isdisjoint({"Tile", "Reshape", "Shape"})
    image = np.random.default_rng(1).random((3, *size, 3), np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(data, image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("other", [{"times": 3}, {"kernel": 5}, {"step": 2}, {"used_twice": True}])
def test_what_is_no_doubling_before_a_convolution_is_left(
    doubling: Doubling, other: dict[str, int]
) -> None:
    assert without_doubling(doubling(**other)) is None


def test_shipped_networks_are_rewritten_throughout() -> None:
    for member in (shipped_finder(), *find_model("segmentation").members):
        rewritten = without_doubling(member.file.read_bytes())
        assert rewritten is not None
        assert not may_double(rewritten)
    for member in find_model("classification").members:
        assert not may_double(member.file.read_bytes())
