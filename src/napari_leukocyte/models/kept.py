"""Networks as they run fastest, kept in the user's cache from one process to the next.

A network is rewritten (see :mod:`napari_leukocyte.models.upsampling`) when it is first run, which
takes a third of a second, and what comes of it is kept under the checksum of the network's file,
the version of ONNX Runtime that it was compared with, and that of the way it was rewritten. A file
that is damaged, cut off or another's is made again; where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.models.upsampling import may_double, without_doubling

#: Environment variable with the folder in which networks are kept.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_NETWORKS"
#: Version of how networks are rewritten; another makes them again.
RECIPE = 1
_DIGEST = hashlib.sha256().digest_size
#: Tag and length of field 2047 of a protocol buffer, which is passed over.
_SEAL = bytes([0xFA, 0x7F, _DIGEST])


def cache_folder() -> Path:
    """Return the folder in which networks are kept; it may not exist yet, and may be deleted."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("napari-leukocyte", appauthor=False) / "networks"


def fastest(data: bytes, sha256: str) -> bytes:
    """Return what to run in place of a network.

    Parameters
    ----------
    data : bytes
        The network's ONNX file, its checksum compared.
    sha256 : str
        That checksum, hexadecimal.

    Returns
    -------
    bytes
        An ONNX file that says the same; `data` itself if nothing is faster.
    """
    if not may_double(data):
        return data
    import onnxruntime

    key = f"{sha256} {onnxruntime.__version__} {RECIPE}"
    file = cache_folder() / f"{sha256[:32]}-{onnxruntime.__version__}-{RECIPE}.onnx"
    found = _read(file, key)
    if found is None:
        try:
            found = without_doubling(data) or b""
        except Exception:
            # Whatever onnx makes of a damaged or strange file: ONNX Runtime has the last word.
            return data
        _write(file, key, found)
    return found or data


def _read(file: Path, key: str) -> bytes | None:
    """Return what is kept in a file, if it is whole and belongs to a key."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    end = len(content) - len(_SEAL) - _DIGEST
    if end < 0 or content[end:] != _seal(key, memoryview(content)[:end]):
        return None
    # Networks are read with their seal on: a copy without it takes as long as the checksum.
    return content if end else b""


def _write(file: Path, key: str, found: bytes) -> None:
    """Keep a network and let go of what was kept of it for other versions, if that is possible."""
    with suppress(OSError, LeukocyteError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as temporary:
            temporary.write_bytes(found + _seal(key, found))
        for former in file.parent.glob(f"{file.name.split('-')[0]}-*.onnx"):
            if former != file:
                former.unlink(missing_ok=True)


def _seal(key: str, found: bytes | memoryview) -> bytes:
    """Return what follows a network: its checksum, as a field that no reader of ONNX knows."""
    digest = hashlib.sha256(key.encode())
    digest.update(found)
    return _SEAL + digest.digest()
