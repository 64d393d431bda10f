"""The contents of a version of a dataset, as in its ``manifest.json``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from napari_leukocyte.annotations.dataset.layout import (
    KIND,
    LARGEST_JSON,
    MANIFEST,
    MOST_PIXELS,
    SCHEMA_VERSION,
    DatasetClass,
    DatasetError,
    Side,
    inside,
    is_safe,
    refuse_link,
    refuse_unlike,
)
from napari_leukocyte.annotations.dataset.provenance import is_hash
from napari_leukocyte.annotations.dataset.split import (
    HASH_SIDE,
    TEST_SHARE,
    VALIDATION_SHARE,
    VIEWS,
    Fingerprint,
    check_shares,
)
from napari_leukocyte.io import json_text
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.io.validation import Count, Number, must, parse
from napari_leukocyte.vocabulary import DISCLAIMER

#: Deeper paths and longer names are none that an export writes.
_LONGEST_PATH = 400
_VIEW = re.compile(rf"[0-9a-f]{{{HASH_SIDE * HASH_SIDE // 4}}}")

Sha = Annotated[str, must(is_hash, "a checksum (SHA-256)")]
InnerPath = Annotated[
    str, must(lambda path: 0 < len(path) <= _LONGEST_PATH, "a path, neither empty nor too long")
]


def _fits(shape: tuple[int, int]) -> bool:
    return 0 < shape[0] * shape[1] <= MOST_PIXELS


def _are_views(views: tuple[str, ...]) -> bool:
    return 1 <= len(views) <= VIEWS and all(map(_VIEW.fullmatch, views))


@dataclass(frozen=True)
class FileEntry:
    """A file of a version.

    Attributes
    ----------
    sha256 : str
        Checksum, hexadecimal.
    bytes : int
        Size.
    """

    sha256: Sha
    bytes: Count


@dataclass(frozen=True)
class FileReference:
    """A photograph that was not copied.

    Attributes
    ----------
    path : str
        Where it was.
    sha256, bytes
        See `FileEntry`.
    """

    path: str
    sha256: Sha
    bytes: Count


@dataclass(frozen=True)
class ImageEntry:
    """A photograph of a version.

    Attributes
    ----------
    id : str
        What its files are called; unique, and the same in every version.
    name : str
        File name as it came.
    key : str
        Image key (SHA-256 of its pixels); see
        :func:`napari_leukocyte.io.images.key.image_key`.
    shape : tuple of int
        Height and width, px.
    group : str
        What it was taken of.
    side : {"train", "validation", "test"}
        Of the split.
    views : tuple of str
        Perceptual hashes; see :mod:`napari_leukocyte.annotations.dataset.split`.
    image : str or None
        The photograph's file in the version; None if it was not copied.
    reference : FileReference or None
        Of a photograph that was not copied.
    labels, provenance : str
        Files in the version.
    erased : str or None
        Mask of places where a reader removed objects, if there are any.
    entries : int
        Of its provenance.
    head : str
        Hash of the last of them.
    objects, reviewed : int
        How many there are, and how many were reviewed.
    left_out : int
        Objects that it has besides; with any, its label image must not teach what is no cell.
    record : mapping
        How the objects came about; see :class:`napari_leukocyte.annotations.dataset.field.Field`.
    digest : str
        Of all that was exported, to tell whether it has changed.
    crops : tuple of str
        Files in the version.
    """

    id: str
    name: str
    key: Sha
    shape: Annotated[
        tuple[Count, Count], must(_fits, "height and width of an image, not too large")
    ]
    group: str
    side: Side
    views: Annotated[tuple[str, ...], must(_are_views, f"1 to {VIEWS} perceptual hashes")]
    image: InnerPath | None
    reference: FileReference | None
    labels: InnerPath
    provenance: InnerPath
    erased: InnerPath | None
    entries: Count
    head: Sha
    objects: Count
    reviewed: Count
    left_out: Count
    record: Mapping[str, Any]
    digest: Sha
    crops: tuple[InnerPath, ...]

    @property
    def fingerprint(self) -> Fingerprint:
        """What it looks like."""
        return Fingerprint(self.views)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of it in the version."""
        some = (self.image, self.labels, self.erased, self.provenance)
        return (*(f for f in some if f is not None), *self.crops)


@dataclass(frozen=True)
class DatasetManifest:
    """The contents of a version.

    Attributes
    ----------
    version : int
        Counted from 1.
    created : str
        ISO 8601, UTC.
    previous : str
        Checksum of the manifest of the version before; empty for the first.
    title, description, licence : str
        As the user gave them.
    classes : tuple of DatasetClass
        In the order of every table.
    validation, test : float
        Shares of the split; the same in every version.
    images : tuple of ImageEntry
        By id.
    files : mapping of str to FileEntry
        Every file but the manifest.
    added, replaced : tuple of str
        Ids of the photographs that came or changed with this version.
    versions : mapping of str to str
        Of the plugin and of what computes.
    """

    version: Count
    created: str
    previous: str = ""
    title: str = ""
    description: str = ""
    licence: str = ""
    classes: tuple[DatasetClass, ...] = ()
    validation: Number = VALIDATION_SHARE
    test: Number = TEST_SHARE
    images: tuple[ImageEntry, ...] = ()
    files: Mapping[InnerPath, FileEntry] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Return it as the file's content."""
        values = asdict(self)
        values["files"] = {name: asdict(self.files[name]) for name in sorted(self.files)}
        head = {
            "schema": SCHEMA_VERSION,
            "kind": KIND,
            "disclaimer": DISCLAIMER,
            "models": list_models(self.images),
        }
        text = json.dumps(head | values, indent=1, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode("utf-8", "backslashreplace")


def list_models(images: tuple[ImageEntry, ...]) -> list[dict[str, Any]]:
    """List the models that made masks or predictions, each once."""
    found: dict[str, dict[str, Any]] = {}
    for image in images:
        for kind in ("segmentation", "classification"):
            model = image.record.get(kind)
            if isinstance(model, Mapping):
                entry = {"kind": kind, **model}
                found.setdefault(json.dumps(entry, sort_keys=True), entry)
    return [found[text] for text in sorted(found)]


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
    with as_unreadable(path, DatasetError):
        data = path.read_bytes()
    return json_text.parse(data, str(path), error=DatasetError), hashlib.sha256(data).hexdigest()


def check_schema(path: Path, values: object) -> Mapping[str, Any]:
    """Return what a JSON file holds; raise DatasetError unless it is of a dataset of ours."""
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise DatasetError(f"{path} does not belong to a dataset of this plugin.")
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
