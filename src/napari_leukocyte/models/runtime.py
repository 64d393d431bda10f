"""ONNX Runtime sessions of a model's members."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError, ModelError
from napari_leukocyte.models.kept import fastest
from napari_leukocyte.models.manifest import Member, wrong_checksum

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, RunOptions

#: Environment variable with the number of threads that a network may use; as many as there are
#: cores by default.
THREADS_VARIABLE = "NAPARI_LEUKOCYTE_THREADS"
#: Environment variable with the name of the only execution provider to use, such as "cpu".
PROVIDER_VARIABLE = "NAPARI_LEUKOCYTE_PROVIDER"
#: Execution providers, the fastest first, by the names that users give them. All but the last are
#: used where ONNX Runtime offers them, as its builds for graphics cards do.
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_CPU = "cpu"
#: Pixels of a batch beyond which ONNX Runtime gives back the memory that it took for it: it would
#: keep a gigabyte for the finest copy of one field that the finder was shown.
LARGE_BATCH_PX = 1_000_000
# Held while the session of a file is made, so that two threads don't load it twice; and while such
# a lock is looked up.
_LOADING: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
_LOOKING = threading.Lock()
# Whether sessions may share the memory that networks work in; None before the first.
_shares: bool | None = None
# Providers that could not run a network: they are not tried again.
_failed: set[str] = set()


@lru_cache(maxsize=8)
def _session(path: str, sha256: str) -> InferenceSession:
    import onnxruntime

    try:
        with open(path, "rb") as f:  # noqa: PTH123 - the path is the cache's key, a str
            data = f.read()
    except OSError as error:
        raise ModelError("The model file {path} is missing or can't be read.", path=path) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise wrong_checksum(Path(path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it prints means nothing to a user; errors are raised
    # Weights must lie in the file that was checked: what it names beside itself is looked for
    # under a path that can't exist.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", path)
    # Images differ in size: patterns of memory kept for each size would only grow.
    options.enable_mem_pattern = False
    threads = os.environ.get(THREADS_VARIABLE, "")
    if threads.isdecimal():
        options.intra_op_num_threads = int(threads)
        # Who says this shares the cores: a thread that waits must not keep one busy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if _share_memory():
        options.add_session_config_entry("session.use_env_allocators", "1")
    name = chosen_provider()
    if name != _CPU:
        providers = [PROVIDERS[name], PROVIDERS[_CPU]]
        # A missing driver, an operator that it lacks: the processor can always do it.
        with suppress(Exception):
            session = onnxruntime.InferenceSession(data, options, providers=providers)
            if PROVIDERS[name] in session.get_providers():
                return session
    try:
        session = onnxruntime.InferenceSession(
            fastest(data, sha256), options, providers=[PROVIDERS[_CPU]]
        )
    except Exception as error:
        # ONNX Runtime raises classes of its own for every kind of damage.
        raise ModelError("{path} is not a model that ONNX Runtime can run.", path=path) from error
    if name != _CPU:
        _failed.add(name)
    return session


def _share_memory() -> bool:
    """Have the sessions of this process take their memory from one pool; say whether they may.

    Networks run one after the other: each would else keep 130 MB for a tile, for itself.
    """
    global _shares
    with _LOOKING:
        if _shares is not None:
            return _shares
        import onnxruntime

        kinds = onnxruntime.OrtAllocatorType, onnxruntime.OrtMemType
        info = onnxruntime.OrtMemoryInfo("Cpu", kinds[0].ORT_ARENA_ALLOCATOR, 0, kinds[1].DEFAULT)
        try:
            onnxruntime.create_and_register_allocator(info, None)
            _shares = True
        except Exception:
            # Another program in this process has one, of which nothing is known.
            _shares = False
    return _shares


def offered_providers() -> list[str]:
    """Return the names of the execution providers that ONNX Runtime offers, the fastest first."""
    import onnxruntime

    there = set(onnxruntime.get_available_providers())
    return [name for name, provider in PROVIDERS.items() if provider in there or name == _CPU]


def chosen_provider() -> str:
    """Return the name of the execution provider that networks are run by.

    The fastest that is offered and has not failed, unless `PROVIDER_VARIABLE` names one.
    """
    wanted = os.environ.get(PROVIDER_VARIABLE, "").strip().lower()
    there = [name for name in offered_providers() if name not in _failed]
    return wanted if wanted in there else _CPU if wanted else there[0]


def provider_notes() -> tuple[str, ...]:
    """Return a sentence for each execution provider that is not used though it should be."""
    wanted = os.environ.get(PROVIDER_VARIABLE, "").strip().lower()
    missing = {wanted} - {*offered_providers(), ""}
    return tuple(
        f"{name} can't be used here: networks run on the processor instead."
        for name in sorted(_failed | missing)
    )


def load(member: Member) -> InferenceSession:
    """Return the ONNX Runtime session of a member, kept after the first call.

    Raises
    ------
    ModelError
        If the file is missing, its checksum is wrong or it is not a model.
    """
    key = (str(member.file), member.sha256)
    with _LOOKING:
        loading = _LOADING[key]
    with loading:
        return _session(*key)


def load_ahead(members: Iterable[Member]) -> threading.Thread:
    """Begin to load members, one after the other, that will be run soon.

    What is wrong with one, or stops the iteration, is said when its turn has come.

    Parameters
    ----------
    members : iterable of Member
        In the order that they will be run in; iterated in the thread.

    Returns
    -------
    threading.Thread
        Which does it.
    """

    def load_all() -> None:
        with suppress(LeukocyteError):
            for member in members:
                load(member)

    thread = threading.Thread(target=load_all, name="leukocyte-networks")
    thread.start()
    return thread


def _options_of(batch: NDArray[np.float32]) -> RunOptions | None:
    if batch.size // batch.shape[-1] <= LARGE_BATCH_PX or chosen_provider() != _CPU:
        return None
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


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
        given = session.run(None, {session.get_inputs()[0].name: batch}, _options_of(batch))
        outputs = [np.asarray(o, np.float32) for o in given]
    except Exception as error:
        # ONNX Runtime's classes again, and outputs that are no arrays.
        raise ModelError(
            "{file} can't be run on an image of {shape}.", file=member.file, shape=batch.shape[1:]
        ) from error
    if shapes and outputs[0].shape not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise ModelError(
            "{file} gives {given} where {wanted} was expected.",
            file=member.file,
            given=outputs[0].shape,
            wanted=wanted,
        )
    return outputs
