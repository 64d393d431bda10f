"""Profile of one field: the processor's time by step, and how near to its peak the networks run.

Analyses a drawn field, or a photograph, on one core; of each network it counts the multiplications
and additions of its convolutions in the ONNX graph that is run and in the one that is shipped. The
peak is what a large matrix product (NumPy's BLAS) reaches on the same core just before::

    python -m benchmarks.peak [IMAGE] [--repeats 6]

Times are of the processor, of the fastest run each.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.paper import drawn
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.models import runtime
from napari_leukocyte.models.kept import fastest
from napari_leukocyte.models.manifest import Member

#: Side of the matrices of the product.
_SIDE = 1536


def operations(data: bytes, shape: tuple[int, ...]) -> float:
    """Return the multiplications and additions of a network's convolutions on a batch."""
    model = onnx.load_from_string(data)
    for dimension, side in zip(model.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dimension.dim_value = side
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*inferred.value_info, *inferred.output]
    } | {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    return float(
        sum(
            2 * np.prod(sizes[node.output[0]]) * np.prod(sizes[node.input[1]][1:])
            for node in inferred.node
            if node.op_type == "Conv"
        )
    )


def fastest_of(work: Callable[[], object], repeats: int) -> float:
    """Return the least processor time of a piece of work, s."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def peak(repeats: int) -> float:
    """Return the operations a second of a large matrix product on one core."""
    a = np.random.default_rng(0).random((_SIDE, _SIDE), np.float32)
    with threadpool_limits(1):
        return 2 * _SIDE**3 / fastest_of(lambda: a @ a, repeats)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", nargs="?", type=Path)
    parser.add_argument("--repeats", type=int, default=6)
    arguments = parser.parse_args()
    os.environ[runtime.THREADS_VARIABLE] = "1"
    from napari_leukocyte.analysis.pipeline import analyse

    image = drawn() if arguments.image is None else read_image(arguments.image)
    reached = peak(arguments.repeats)
    print(f"{platform.machine()}, one core: {reached / 1e9:.0f} billion operations a second")
    runs: list[tuple[Member, NDArray[np.float32]]] = []
    run = runtime.run

    def noted(member: Member, batch: NDArray[np.float32], *shapes: Any) -> Any:
        runs.append((member, batch))
        return run(member, batch, *shapes)

    runtime.run = noted
    analyse(image)
    runtime.run = run
    whole = fastest_of(lambda: analyse(image), arguments.repeats)
    print(
        f"{'network':18} {'runs':>5} {'ms':>7} {'share':>7} {'10^9 op.':>9} {'shipped':>8} ", end=""
    )
    print(f"{'of peak':>8}")
    inside = 0.0
    for name in dict.fromkeys(member.name for member, _ in runs):
        own = [(m, b) for m, b in runs if m.name == name]
        took = sum(fastest_of(lambda m=m, b=b: run(m, b), arguments.repeats) for m, b in own)  # type: ignore[misc]
        shipped = own[0][0].file.read_bytes()
        used = fastest(shipped, own[0][0].sha256)
        done, before = (sum(operations(d, b.shape) for _, b in own) for d in (used, shipped))
        inside += took
        print(
            f"{name:18} {len(own):5} {1e3 * took:7.1f} {took / whole:7.0%} {done / 1e9:9.1f} "
            f"{before / 1e9:8.1f} {done / took / reached:8.0%}"
        )
    print(f"{'all else':18} {'':5} {1e3 * (whole - inside):7.1f} {1 - inside / whole:7.0%}")
    print(f"{'the field':18} {'':5} {1e3 * whole:7.1f}")


if __name__ == "__main__":
    main()
