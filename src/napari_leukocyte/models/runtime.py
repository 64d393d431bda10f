"""ONNX Runtime sessions of a model's members."""

from __future__ import annotations

import hashlib
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.manifest import Member, wrong_checksum

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Held while a session is made, so that two threads don't load one file twice.
_LOADING = threading.Lock()


@lru_cache(maxsize=8)
def _session(path: str, sha256: str) -> InferenceSession:
    import onnxruntime

    try:
        with open(path, "rb") as f:  # noqa: PTH123 - the path is the cache's key, a str
            data = f.read()
    except OSError as error:
        raise ModelError(f"The model file {path} is missing or can't be read.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise wrong_checksum(Path(path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it prints means nothing to a user; errors are raised
    # Weights must lie in the file that was checked: what it names beside itself is looked for
    # under a path that can't exist.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", path)
    # Images differ in size: patterns of memory kept for each size would only grow.
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime raises classes of its own for every kind of damage.
        raise ModelError(f"{path} is not a model that ONNX Runtime can run.") from error


def load(member: Member) -> InferenceSession:
    """Return the ONNX Runtime session of a member, kept after the first call.

    Raises
    ------
    ModelError
        If the file is missing, its checksum is wrong or it is not a model.
    """
    with _LOADING:
        return _session(str(member.file), member.sha256)


def run(
    member: Member, batch: NDArray[np.float32], *shapes: tuple[int, ...]
) -> list[NDArray[np.float32]]:
    """Run a member on a batch.

    Parameters
    ----------
    member : Member
        Which network.
    batch : ndarray
        (N, H, W, 3) float32 RGB, 0 to 255.
    *shapes : tuple of int
        Shapes of which the first output must have one; without any it may have whichever.

    Returns
    -------
    list of ndarray
        The network's outputs.

    Raises
    ------
    ModelError
        As :func:`load`, or if the network does not take the batch or gives something else.
    """
    session = load(member)
    try:
        given = session.run(None, {session.get_inputs()[0].name: batch})
        outputs = [np.asarray(o, np.float32) for o in given]
    except Exception as error:
        # ONNX Runtime's classes again, and outputs that are no arrays.
        raise ModelError(f"{member.file} can't be run on an image of {batch.shape[1:]}.") from error
    if shapes and outputs[0].shape not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise ModelError(f"{member.file} gives {outputs[0].shape} where {wanted} was expected.")
    return outputs
