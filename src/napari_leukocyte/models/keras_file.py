"""Keras files from anywhere: a check of their contents, and conversion in an own process.

TensorFlow and the viewer's OpenGL crash in one process, so this module imports neither TensorFlow
nor Keras. A file is looked through here before Keras sees it: a ``.keras`` file is an archive of a
description in JSON and of numbers, and a description may ask for Python code, for files and for
classes of anybody's. All but Keras's own layers are refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.manifest import Kind

SUFFIX = ".keras"
MISSING_TENSORFLOW = (
    "Keras files are converted with TensorFlow, which is not installed: "
    'pip install "napari-leukocyte[train]".'
)
#: What the conversion imports.
_NEEDED = ("tensorflow", "keras", "tf2onnx", "onnx")
_PROGRAM = "napari_leukocyte.learning.finetune.convert"
_CONFIG = "config.json"
_MEMBERS = {_CONFIG, "metadata.json", "model.weights.h5"}
#: The largest description, and the largest file unpacked: several times what an encoder of 66
#: million parameters needs.
_LARGEST_CONFIG, _LARGEST = 64 * 2**20, 4 * 2**30
#: Where Keras's own building blocks lie.
_MODULES = (
    "keras",
    "keras.activations",
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.regularizers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
    "keras.src.ops",
)
#: Classes of those modules that run code, or read files, that the description names.
_REFUSED = {
    "FlaxLayer",
    "IntegerLookup",
    "JaxLayer",
    "StringLookup",
    "TFSMLayer",
    "TextVectorization",
    "TorchModuleWrapper",
}
#: Notations of values, which belong to no module.
_NOTATIONS = {
    "__keras_tensor__",
    "__tensor__",
    "__numpy__",
    "__ellipsis__",
    "__slice__",
}


def check_keras_file(path: Path) -> None:
    """Refuse a file that is no network of Keras's own layers.

    Parameters
    ----------
    path : Path
        A ``.keras`` file.

    Raises
    ------
    ModelError
        With the reason in one sentence.
    """
    if path.suffix.lower() in (".h5", ".hdf5"):
        raise ModelError(
            f"{path} is of Keras's former format, which can't be loaded safely: save the network "
            f"again with model.save('{path.stem}{SUFFIX}')."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            foreign = sorted({e.filename for e in entries} - _MEMBERS)
            if foreign:
                raise ModelError(
                    f"{path} holds more than a network ({foreign[0][:60]!r}), so it is not loaded."
                )
            sizes = {e.filename: e.file_size for e in entries}
            if sizes.get(_CONFIG, 0) > _LARGEST_CONFIG or sum(sizes.values()) > _LARGEST:
                raise ModelError(f"{path} is larger than any network that could be run here.")
            config = json.loads(archive.read(_CONFIG))
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist.") from error
    except ModelError:
        raise
    except Exception as error:
        # zipfile and zlib raise classes of their own for every kind of damage.
        raise ModelError(f"{path} is damaged or not a {SUFFIX} file.") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path} is damaged or not a {SUFFIX} file.")
    # Loss and optimizer are never loaded, and may well be the user's own.
    config.pop("compile_config", None)
    for block in _blocks(config):
        _check_block(path, block)


def _blocks(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through everything in a description that names a class or function."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _check_block(path: Path, block: dict[str, Any]) -> None:
    name, module = block["class_name"], block.get("module")
    if name in ("Lambda", "__lambda__"):
        raise ModelError(
            f"{path} has a Lambda layer, which is Python code inside the file, so it is not "
            "loaded: build the network from Keras's own layers."
        )
    if not isinstance(name, str) or name in _REFUSED:
        raise ModelError(
            f"{path} has a layer {str(name)[:60]!r}, which may run code or read files, so it is "
            "not loaded."
        )
    if name in _NOTATIONS and module is None:
        return
    own = isinstance(module, str) and (module in _MODULES or module.startswith("keras.src.ops."))
    if not own or block.get("registered_name") not in (None, name):
        raise ModelError(
            f"{path} needs {str(name)[:60]!r}, which is not one of Keras's own layers, so it is "
            "not loaded."
        )


def convert(path: Path, onnx: Path, kind: Kind, classes: int, *, float16: bool) -> tuple[str, ...]:
    """Convert a Keras file to ONNX, in a process of its own.

    Parameters
    ----------
    path : Path
        The ``.keras`` file.
    onnx : Path
        The file to write.
    kind : {"segmentation", "classification"}
        What the network does.
    classes : int
        Number of a classifier's classes.
    float16 : bool
        Whether weights are stored with half the bytes.

    Returns
    -------
    tuple of str
        What was changed on the way, a sentence each. ONNX Runtime and Keras agree on random images.

    Raises
    ------
    ModelError
        If TensorFlow is missing, or the file can't be loaded, converted or used.
    """
    check_keras_file(path)
    if any(find_spec(name) is None for name in _NEEDED):
        raise ModelError(MISSING_TENSORFLOW)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # Without -P, a keras.py in the folder where the user happens to be would be run.
        command = [sys.executable, "-P", "-m", _PROGRAM, str(path.absolute()), str(onnx)]
        command += [str(report), kind, str(classes), "float16" if float16 else "float32"]
        done = subprocess.run(  # noqa: S603 - a fixed program; what follows are its arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
            check=False,
        )
        try:
            said = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"The conversion of {path} stopped unexpectedly (exit status {done.returncode}); "
                "there may be too little memory."
            ) from error
    if "error" in said:
        raise ModelError(said["error"])
    return tuple(said["notes"])
