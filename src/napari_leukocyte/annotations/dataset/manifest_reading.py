"""Read a manifest that may come from anywhere, and believe nothing in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_leukocyte.annotations.dataset.layout import (
    KIND,
    LARGEST_JSON,
    MANIFEST,
    SCHEMA_VERSION,
    DatasetError,
    inside,
    is_safe,
    refuse_link,
    refuse_unlike,
)
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest
from napari_leukocyte.annotations.dataset.split import check_shares
from napari_leukocyte.io import json_text
from napari_leukocyte.io.validation import parse


def read_json(path: Path) -> tuple[Any, str]:
    """Read a JSON file that may come from anywhere.

    Returns
    -------
    object
        What it holds.
    str
        Checksum of the file.

    Raises
    ------
    DatasetError
        If it is missing, too large, or no JSON.
    """
    refuse_unlike(path, LARGEST_JSON)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror or error}.") from error
    return json_text.parse(data, str(path), error=DatasetError), hashlib.sha256(data).hexdigest()


def check_schema(path: Path, values: object) -> Mapping[str, Any]:
    """Return what a JSON file holds; raise DatasetError unless it is of a dataset of ours."""
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise DatasetError(f"{path} is of no dataset of this plugin.")
    if values.get("schema") != SCHEMA_VERSION:
        raise DatasetError(
            f"{path} has layout version {str(values.get('schema'))[:20]}; this plugin reads "
            f"{SCHEMA_VERSION}."
        )
    return values


def read_manifest(folder: Path) -> tuple[DatasetManifest, str]:
    """Read the manifest of a version.

    Parameters
    ----------
    folder : Path
        Of the version.

    Returns
    -------
    DatasetManifest
    str
        Checksum of the file.

    Raises
    ------
    DatasetError
        If it is missing, damaged, of another version, or names files outside its folder.
    """
    path = folder / MANIFEST
    refuse_link(folder)
    refuse_link(path)
    raw, checksum = read_json(path)
    values = check_schema(path, raw)
    damaged = f"{path} is damaged: "
    manifest = parse(DatasetManifest, values, error=DatasetError, where=damaged, complete=True)
    try:
        _check(manifest, folder)
    except DatasetError:
        raise
    except ValueError as error:
        raise DatasetError(f"{damaged}{str(error).rstrip('.')}.") from error
    return manifest, checksum


def _check(manifest: DatasetManifest, folder: Path) -> None:
    """Raise an error if a manifest contradicts itself or leads outside its folder."""
    check_shares(manifest.validation, manifest.test)
    parents: set[str] = set()
    for name in manifest.files:
        parent = name.rpartition("/")[0]
        if parent not in parents:
            inside(folder, name)
            parents.add(parent)
        else:
            inside(folder / parent, name[len(parent) :].lstrip("/"))
    ids = [i.id for i in manifest.images]
    for what, names in (
        ("photographs", ids),
        ("photographs", [i.key for i in manifest.images]),
        ("classes", [c.name for c in manifest.classes]),
        ("classes", [c.folder for c in manifest.classes]),
    ):
        if len(set(names)) != len(names):
            raise ValueError(f"two of its {what} are the same")
    if not all(map(is_safe, (*ids, *(c.folder for c in manifest.classes)))):
        raise ValueError("a photograph or a class has a name that no file can have")
    for image in manifest.images:
        missing = [f for f in image.files if f not in manifest.files]
        if missing:
            raise ValueError(f"it has no checksum of {missing[0]}")
