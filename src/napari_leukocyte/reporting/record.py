"""The record of how results came about, which stands beside them as ``run.json``."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.json_text import dumps, plain
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER

#: Version of the record's layout.
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ImageRecord:
    """The record of one image in a run.

    Attributes
    ----------
    image : str
        The file's path as given, or the image's name.
    shape : tuple of int
        Height and width, px.
    diameter_px : float or None
        Diameter of a leukocyte that was found or given, px.
    objects : int
        Number of objects.
    file_sha256 : str or None
        Checksum of the file; None if the image came from no file.
    folder : str or None
        Folder of its label image and overlay, below that of the record.
    notes : tuple of str
        What a user should know, a sentence each.
    pixels_sha256 : str or None
        Key of the pixels that the results are about
        (:func:`napari_leukocyte.io.images.key.image_key`).
    """

    image: str
    shape: tuple[int, int]
    diameter_px: float | None
    objects: int
    file_sha256: str | None = None
    folder: str | None = None
    notes: tuple[str, ...] = ()
    pixels_sha256: str | None = None


def make_record(
    *,
    images: Sequence[ImageRecord],
    segmentation: Mapping[str, Any] | None,
    classification: Mapping[str, Any] | None,
    params: PostprocessParams,
    diameter: float | Literal["auto"] = "auto",
    errors: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    command: str | None = None,
) -> dict[str, Any]:
    """Put a record together.

    Parameters
    ----------
    images : sequence of ImageRecord
        Every image that was analysed.
    segmentation, classification : mapping or None
        The models, from `describe_model` or `describe_maps`; None where none was used.
    params : PostprocessParams
        Parameters of the post-processing.
    diameter : float or "auto"
        The diameter that was asked for, px.
    errors : mapping of str to str, optional
        Images that could not be analysed, and why.
    notes : sequence of str
        What a user should know of the whole, a sentence each.
    command : str, optional
        What made the results, such as ``"run"``.

    Returns
    -------
    dict
        What JSON can hold. ``parameters`` can be given to ``napari-leukocyte run --params``.
    """
    return {
        "schema": SCHEMA_VERSION,
        "disclaimer": DISCLAIMER,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "versions": versions(),
        "segmentation": segmentation,
        "classification": classification,
        "parameters": params.to_dict(),
        "diameter": diameter,
        "images": [asdict(i) for i in images],
        "errors": [{"image": i, "error": e} for i, e in (errors or {}).items()],
        "notes": list(notes),
    }


def describe_model(manifest: Manifest) -> dict[str, Any]:
    """Return name, checksums and weights of a model's members."""
    return {
        "model": manifest.name,
        "members": [
            {"name": m.name, "sha256": m.sha256, "weight": m.weight} for m in manifest.members
        ],
    }


def describe_maps(maps: MemberMaps, weights: Sequence[float] | None = None) -> dict[str, Any]:
    """Return the same of the model that made maps, with the weights that were voted with."""
    used = maps.weights if weights is None else weights
    return {
        "model": maps.model,
        "members": [
            {"name": n, "sha256": s, "weight": float(w)}
            for n, s, w in zip(maps.names, maps.sha256, used, strict=True)
        ],
    }


def model_sha256(description: Mapping[str, Any] | None) -> str:
    """Return the checksum of a model.

    Parameters
    ----------
    description : mapping or None
        As from `describe_model`.

    Returns
    -------
    str
        That of its file; of several files, the SHA-256 of theirs, one a line. Empty if unknown.
    """
    members = (description or {}).get("members")
    if not isinstance(members, list):
        return ""
    sums = [str(m["sha256"]) for m in members if isinstance(m, Mapping) and m.get("sha256")]
    if len(sums) < 2:
        return sums[0] if sums else ""
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the plugin, of Python and of what computes."""
    import cv2
    import onnxruntime
    import pandas
    import scipy
    import skimage

    return {
        "napari-leukocyte": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
        "pandas": pandas.__version__,
        "scikit-image": str(vars(skimage)["__version__"]),
        "scipy": scipy.__version__,
    }


def file_sha256(path: Path) -> str:
    """Return the checksum of a file, hexadecimal.

    Raises
    ------
    ImageError
        If it can't be read.
    """
    with as_unreadable(path, ImageError), path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON; NaN and infinity, which JSON lacks, become null.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists.
    record : mapping
        As from `make_record`; anything that JSON can hold may be added.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    with atomic_write(path) as temporary:
        # What is no text in a file's name becomes an escape that JSON knows.
        temporary.write_bytes(dumps(plain(record), indent=2))
