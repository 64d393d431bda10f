"""The contents of a version of a dataset, as in its ``manifest.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from napari_leukocyte.annotations.dataset.classes import DatasetClass
from napari_leukocyte.annotations.dataset.layout import KIND, SCHEMA_VERSION, Side
from napari_leukocyte.annotations.dataset.split import TEST_SHARE, VALIDATION_SHARE, Fingerprint
from napari_leukocyte.vocabulary import DISCLAIMER


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

    sha256: str
    bytes: int


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
    reference : mapping or None
        ``path``, ``sha256`` and ``bytes`` of a photograph that was not copied.
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
    key: str
    shape: tuple[int, int]
    group: str
    side: Side
    views: tuple[str, ...]
    image: str | None
    reference: Mapping[str, Any] | None
    labels: str
    provenance: str
    erased: str | None
    entries: int
    head: str
    objects: int
    reviewed: int
    left_out: int
    record: Mapping[str, Any]
    digest: str
    crops: tuple[str, ...]

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

    version: int
    created: str
    previous: str = ""
    title: str = ""
    description: str = ""
    licence: str = ""
    classes: tuple[DatasetClass, ...] = ()
    validation: float = VALIDATION_SHARE
    test: float = TEST_SHARE
    images: tuple[ImageEntry, ...] = ()
    files: Mapping[str, FileEntry] = field(default_factory=dict)
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
