"""The program that converts a Keras file: ``python -m`` and the name of this module.

:func:`napari_leukocyte.models.keras_file.convert` starts it, after it has looked through the file,
and reads the report that it writes.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from napari_leukocyte.errors import ModelError

#: ONNX Runtime and Keras must agree to this on random images: on probabilities, or on logits
#: relative to the largest.
TOLERANCE = 1e-3
#: The same with float16 weights, in the mean and at worst; they shift a probability of 0.5 by up to
#: 0.01.
FLOAT16_MEAN, FLOAT16_WORST = 5e-3, 2e-2


def main(file: str, onnx: str, report: str, kind: str, classes: str, weights: str) -> None:
    """Convert a file and write what came of it as JSON: the arguments of the command line."""
    warnings.simplefilter("ignore")  # nobody reads them
    said: dict[str, Any]
    try:
        said = _convert(Path(file), Path(onnx), kind, int(classes), weights == "float16")
    except ModelError as error:
        said = {"error": f"{file} can't be used: {error}"}
    except ImportError as error:
        said = {
            "error": f"Keras files can't be converted, as {error.name or error} is missing or "
            'damaged: pip install "napari-leukocyte[train]".'
        }
    except Exception as error:
        # Keras, TensorFlow and the converter raise anything.
        what = " ".join(str(error).split())[:200]
        said = {"error": f"{file} can't be converted ({type(error).__name__}: {what})."}
    Path(report).write_text(json.dumps(said), encoding="utf-8")


def _convert(file: Path, onnx: Path, kind: str, classes: int, float16: bool) -> dict[str, Any]:
    import keras

    from napari_leukocyte.learning.keras_process import prepare
    from napari_leukocyte.learning.keras_process.onnx_files import to_onnx

    model = keras.models.load_model(file, compile=False, safe_mode=True)
    if kind == "segmentation":
        prepared = prepare.prepare_segmentation(model)
    else:
        prepared = prepare.prepare_classification(model, classes)
    to_onnx(prepared.model, onnx, float16=False)
    _, difference = _differences(prepared.model, onnx, prepared.sizes)
    if difference > TOLERANCE:
        raise ModelError(f"ONNX Runtime and Keras differ by {difference:.2g} on random images.")
    if float16:
        to_onnx(prepared.model, onnx, float16=True)
        mean, difference = _differences(prepared.model, onnx, prepared.sizes)
        if mean > FLOAT16_MEAN or difference > FLOAT16_WORST:
            raise ModelError(
                f"weights of half the size change it by {difference:.2g}: leave --float16 out."
            )
    return {"notes": prepared.notes}


def _differences(model: Any, onnx: Path, sizes: tuple[tuple[int, int], ...]) -> tuple[float, float]:
    """Return how much ONNX Runtime and Keras differ, the worst mean and the worst of all."""
    import numpy as np
    import onnxruntime

    from napari_leukocyte.learning.keras_process.prepare import random_images, run

    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    mean = worst = 0.0
    for size in sizes:
        images = random_images(*size)
        expected = run(model, images)
        found = session.run(None, {session.get_inputs()[0].name: images})[0]
        difference = np.abs(found - expected) / max(1.0, float(np.abs(expected).max()))
        mean = max(mean, float(difference.mean()))
        worst = max(worst, float(difference.max()))
    return mean, worst


if __name__ == "__main__":
    main(*sys.argv[1:])
