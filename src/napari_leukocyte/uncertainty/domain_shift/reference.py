"""What ships with a classifier to tell home from abroad: one file beside its manifest."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ModelError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.uncertainty.domain_shift.cells import CellReference
from napari_leukocyte.uncertainty.domain_shift.image_profile import FEATURES
from napari_leukocyte.uncertainty.domain_shift.sets import SetProfile

FILE_NAME = "home.npz"
SCHEMA_VERSION = 1
#: What a set is called in sentences.
TITLES = {
    "zheng1": "Zheng 1 (Jiangxi Tecom)",
    "zheng2": "Zheng 2 (CellaVision)",
    "bccd": "BCCD",
    "pbc": "PBC (Barcelona)",
}
_CELL_ARRAYS = ("center", "components", "means", "precision", "scale", "quantiles", "wrong")
_SET_ARRAYS = ("mean", "deviation", "precision", "distances")


@dataclass(frozen=True, eq=False)
class TrainingDomain:
    """Where a classifier is at home.

    Attributes
    ----------
    sets : tuple of SetProfile
        The training sets' looks.
    cells : CellReference
        Their cells.
    in_domain_error : tuple of float
        For each set, the share of the five classes' cells that were wrong on its photographs held
        out from training; NaN where not measured.
    ood_error : float
        The same, in the mean, on sets that were left out of training, by classifiers of the same
        recipe.
    """

    sets: tuple[SetProfile, ...]
    cells: CellReference
    in_domain_error: tuple[float, ...]
    ood_error: float


def write_training_domain(classifier: Manifest, domain: TrainingDomain) -> Path:
    """Write what ships with a classifier.

    Parameters
    ----------
    classifier : Manifest
        Which.
    domain : TrainingDomain
        What.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        f"cells_{name}": np.asarray(getattr(domain.cells, name), np.float32)
        for name in _CELL_ARRAYS
    }
    for i, one in enumerate(domain.sets):
        for name in _SET_ARRAYS:
            arrays[f"set{i}_{name}"] = np.asarray(getattr(one, name), np.float32)
    header = {
        "schema": SCHEMA_VERSION,
        "classifier_sha256": [m.sha256 for m in classifier.members],
        "features": list(FEATURES),
        "sets": [one.name for one in domain.sets],
        "classes": list(domain.cells.classes),
        "wrong_at_home": [_number(share) for share in domain.in_domain_error],
        "wrong_abroad": _number(domain.ood_error),
        "checksum": _checksum(arrays),
    }
    path = classifier.folder / FILE_NAME
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, header=text, **arrays)  # type: ignore[arg-type]
    return path


def read_training_domain(classifier: Manifest) -> TrainingDomain | None:
    """Read what ships with a classifier.

    Parameters
    ----------
    classifier : Manifest
        Which.

    Returns
    -------
    TrainingDomain or None
        None for a classifier without it, such as one that a user has added.

    Raises
    ------
    ModelError
        If the file is damaged, or was made for other networks.
    """
    path = classifier.folder / FILE_NAME
    damaged = ModelError(f"{path} is damaged: install the model again.")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes().decode())
        if header["schema"] != SCHEMA_VERSION or header["features"] != list(FEATURES):
            raise ModelError(f"{path} has another layout than this plugin reads.")
        if header["classifier_sha256"] != [m.sha256 for m in classifier.members]:
            raise ModelError(
                f"{path} was made for other networks than {classifier.name}'s: distances to its "
                "training sets can't be told. Install the model again."
            )
        if header["checksum"] != _checksum(arrays):
            raise damaged
        sets = tuple(
            SetProfile(
                str(name), *(np.asarray(arrays[f"set{i}_{part}"], float) for part in _SET_ARRAYS)
            )
            for i, name in enumerate(header["sets"])
        )
        cells = CellReference(
            tuple(str(c) for c in header["classes"]),
            np.asarray(arrays["cells_center"], np.float32),
            np.asarray(arrays["cells_components"], np.float32),
            *(np.asarray(arrays[f"cells_{part}"], np.float64) for part in _CELL_ARRAYS[2:]),
        )
        in_domain = tuple(map(_share, header["wrong_at_home"]))
        if len(in_domain) != len(sets):
            raise damaged
        return TrainingDomain(sets, cells, in_domain, _share(header["wrong_abroad"]))
    except FileNotFoundError:
        return None
    except ModelError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise damaged from error


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _number(share: float) -> float | None:
    return None if np.isnan(share) else round(share, 4)


def _share(value: float | None) -> float:
    return float("nan") if value is None else float(value)
