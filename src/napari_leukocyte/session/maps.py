"""The probability maps of a run in a file, at half precision.

Half precision rounds a probability by 0.0002 at most, a fiftieth of the threshold's least step, and
halves what has to be stored. So that nothing changes when a session is opened again, it
computes from the rounded maps from the beginning.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.segmentation.ensemble import MemberMaps

#: Speed over size: a person waits.
_LEVEL = 1
_ARRAYS = ("cell", "nucleus")


@dataclass(frozen=True)
class MapsFile:
    """The file that maps are kept in.

    Attributes
    ----------
    name : str
        Of the file, in the session's folder.
    sha256 : str
        Of the file, hexadecimal.
    """

    name: str
    sha256: str


def at_half_precision(maps: MemberMaps) -> MemberMaps:
    """Round maps to what half precision can hold; the same object if they already are."""
    cell, nucleus = _rounded(maps.cell), _rounded(maps.nucleus)
    if cell is maps.cell and nucleus is maps.nucleus:
        return maps
    return replace(maps, cell=cell, nucleus=nucleus)


def same_maps(one: MemberMaps, other: MemberMaps) -> bool:
    """Whether two runs found the same."""
    return _description(one) == _description(other) and all(
        np.array_equal(getattr(one, n), getattr(other, n)) for n in _ARRAYS
    )


def save_maps(folder: Path, maps: MemberMaps) -> MapsFile:
    """Write maps into a folder: all of the file or none.

    Parameters
    ----------
    folder : Path
        It must exist.
    maps : MemberMaps
        At half precision.

    Returns
    -------
    MapsFile

    Raises
    ------
    OutputError
        If it can't be written.
    """
    content = hashlib.sha256(json.dumps(_description(maps)).encode())
    half = {n: getattr(maps, n).astype("<f2") for n in _ARRAYS}
    for array in half.values():
        content.update(np.ascontiguousarray(array).data)
    path = folder / f"maps-{content.hexdigest()[:16]}.npz"
    with atomic_write(path) as temporary:
        text = np.frombuffer(json.dumps(_description(maps)).encode(), np.uint8)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as file:
            for name, array in {**half, "description": text}.items():
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        checksum = _sha256(temporary)
    return MapsFile(path.name, checksum)


def load_maps(folder: Path, file: MapsFile) -> MemberMaps | None:
    """Read maps; None if the file is missing or is not the one that was written."""
    path = folder / file.name
    try:
        if _sha256(path) != file.sha256:
            return None
        with np.load(path, allow_pickle=False) as stored:
            described = json.loads(stored["description"].tobytes())
            cell, nucleus = (stored[n].astype(np.float32) for n in _ARRAYS)
        return MemberMaps(
            cell=cell,
            nucleus=nucleus,
            names=tuple(described["names"]),
            weights=tuple(described["weights"]),
            diameter=float(described["diameter"]),
            model=str(described["model"]),
            sha256=tuple(described["sha256"]),
            notes=tuple(described["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, LeukocyteError):
        return None


def _rounded(array: NDArray[np.float32]) -> NDArray[np.float32]:
    result = array.astype(np.float16).astype(np.float32)
    return array if np.array_equal(result, array) else result


def _description(maps: MemberMaps) -> dict[str, Any]:
    return {
        "names": list(maps.names),
        "weights": [float(w) for w in maps.weights],
        "diameter": float(maps.diameter),
        "model": maps.model,
        "sha256": list(maps.sha256),
        "notes": list(maps.notes),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
