"""Time to fit a head, and to classify 5,000 cells again.

Run ``python benchmarks/retraining.py``.
The targets are 2 s for 1,000 corrected cells and 1 s for 5,000 cells whose embeddings are kept.
Cells are the classifier's shipped ones with noise, so that their embeddings are of real size and
spread.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification import embedding
from napari_leukocyte.classification.embedding import features_of
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.learning.head.apply import classify_embedded
from napari_leukocyte.learning.head.base import base_for
from napari_leukocyte.learning.head.cells import Cells, make_cells
from napari_leukocyte.learning.head.curve import learning_curve
from napari_leukocyte.learning.head.head import fit_head
from napari_leukocyte.learning.head.onnx_head import head_of
from napari_leukocyte.learning.head.retrain import retrain

CORRECTED, AGAIN, REPEATS = 1000, 5000, 5
#: Photographs that the corrected cells are of.
PHOTOGRAPHS = 40


def main() -> None:
    """Print the times."""
    features = features_of("default")
    base, former = base_for(features), head_of(features)
    own = resembling(base.fitting, CORRECTED)
    fit_head(own, base.fitting)  # imports
    best = min(_seconds(lambda: fit_head(own, base.fitting)) for _ in range(REPEATS))
    print(f"A head on {CORRECTED} corrected and {len(base.fitting)} shipped cells: {best:.2f} s")
    print(f"The same, measured: {_seconds(lambda: retrain(own, base, former)):.1f} s")
    print(f"The learning curve: {_seconds(lambda: learning_curve(own, base, former)):.1f} s")
    head = fit_head(own, base.fitting)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[embedding.FOLDER_VARIABLE] = folder
        rgb, labels = many_cells(AGAIN)
        keys = [embedding._key(r) for r in iterate_regions(labels)]
        rng = np.random.default_rng(0)
        length = base.fitting.embeddings.shape[1]
        kept = rng.random((len(keys), features.views, length)).astype(np.float16)
        name = f"{features.sha256[:16]}-{features.views}"
        path = Path(folder) / name / f"{image_key(rgb)}.npz"
        embedding._write(path, dict(zip(keys, kept, strict=True)))
        best = min(
            _seconds(lambda: classify_embedded(embedding.embed(rgb, labels, features), head))
            for _ in range(REPEATS)
        )
    print(f"{AGAIN} cells classified again from kept embeddings: {best:.2f} s")


def resembling(cells: Cells, number: int) -> Cells:
    """Return cells like the given ones, in photographs of 25 each."""
    rng = np.random.default_rng(1)
    chosen = rng.integers(len(cells), size=number)
    noise = rng.normal(0, 0.3, (number, 1)) * cells.embeddings.std(axis=0)
    groups = [f"photograph {i % PHOTOGRAPHS}" for i in range(number)]
    values = np.maximum(cells.embeddings[chosen] + noise, 0)
    return make_cells(values, cells.classes[chosen].tolist(), groups)


def many_cells(number: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return a photograph and a label image with discs of 50 px."""
    columns = 100
    rows = -(-number // columns)
    labels = np.zeros((rows * 60, columns * 60), np.int32)
    for i in range(number):
        centre = (30 + 60 * (i % columns), 30 + 60 * (i // columns))
        cv2.circle(labels, centre, 25, i + 1, -1)
    return np.full((*labels.shape, 3), 200, np.uint8), labels


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
