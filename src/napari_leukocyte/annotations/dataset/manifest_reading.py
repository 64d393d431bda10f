"""Read a manifest that may come from anywhere, and believe nothing in it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from napari_leukocyte.annotations.dataset.classes import DatasetClass
from napari_leukocyte.annotations.dataset.layout import (
    KIND,
    LARGEST_JSON,
    MANIFEST,
    MOST_PIXELS,
    SCHEMA_VERSION,
    SIDES,
    DatasetError,
    inside,
    is_safe,
    refuse_link,
    refuse_unlike,
)
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest, FileEntry, ImageEntry
from napari_leukocyte.annotations.dataset.provenance import is_hash
from napari_leukocyte.annotations.dataset.split import HASH_SIDE, VIEWS, check_shares
from napari_leukocyte.errors import ParameterError

T = TypeVar("T")
#: Deeper paths and longer names are none that an export writes.
_LONGEST_PATH = 400
_HASH = re.compile(rf"[0-9a-f]{{{HASH_SIDE * HASH_SIDE // 4}}}")


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

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    refuse_unlike(path, LARGEST_JSON)
    try:
        data = path.read_bytes()
        values = json.loads(data.decode("utf-8", "surrogatepass"), parse_constant=refuse)
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is damaged: it is no JSON.") from error
    return values, hashlib.sha256(data).hexdigest()


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
    try:
        manifest = _decoded(values)
        _check(manifest, folder)
    except DatasetError:
        raise
    except KeyError as error:
        raise DatasetError(f"{path} is damaged: it lacks {error}.") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DatasetError(f"{path} is damaged: {error}.") from error
    return manifest, checksum


def _decoded(values: Mapping[str, Any]) -> DatasetManifest:
    files = {
        _path(name): FileEntry(_sha(entry["sha256"]), _count(entry["bytes"]))
        for name, entry in _a(dict, values["files"]).items()
    }
    return DatasetManifest(
        version=_count(values["version"]),
        created=_a(str, values["created"]),
        previous=_a(str, values["previous"]),
        title=_a(str, values["title"]),
        description=_a(str, values["description"]),
        licence=_a(str, values["licence"]),
        classes=tuple(
            DatasetClass(
                _a(str, c["name"]),
                _a(str, c["color"]),
                _a(str, c["key"]),
                _a(bool, c["counted"]),
                _a(str, c["folder"]),
            )
            for c in _a(list, values["classes"])
        ),
        validation=float(_a((int, float), values["validation"])),
        test=float(_a((int, float), values["test"])),
        images=tuple(_image(e) for e in _a(list, values["images"])),
        files=files,
        added=_texts(values["added"]),
        replaced=_texts(values["replaced"]),
        versions={_a(str, k): _a(str, v) for k, v in _a(dict, values["versions"]).items()},
    )


def _image(values: Mapping[str, Any]) -> ImageEntry:
    height, width = (_count(n) for n in _a(list, values["shape"]))
    side = values["side"]
    if side not in SIDES:
        raise ValueError(f"{str(side)[:20]!r} is no side of a split")
    if not 0 < height * width <= MOST_PIXELS:
        raise ValueError(f"an image of {width} × {height} px is too large")
    views = _texts(values["views"])
    if not 1 <= len(views) <= VIEWS or not all(_HASH.fullmatch(v) for v in views):
        raise ValueError("a perceptual hash is none")
    return ImageEntry(
        id=_a(str, values["id"]),
        name=_a(str, values["name"]),
        key=_sha(values["key"]),
        shape=(height, width),
        group=_a(str, values["group"]),
        side=side,
        views=views,
        image=_or_none(_path, values["image"]),
        reference=_or_none(_reference, values["reference"]),
        labels=_path(values["labels"]),
        provenance=_path(values["provenance"]),
        erased=_or_none(_path, values["erased"]),
        entries=_count(values["entries"]),
        head=_sha(values["head"]),
        objects=_count(values["objects"]),
        reviewed=_count(values["reviewed"]),
        left_out=_count(values["left_out"]),
        record=_a(dict, values["record"]),
        digest=_sha(values["digest"]),
        crops=tuple(_path(c) for c in _a(list, values["crops"])),
    )


def _check(manifest: DatasetManifest, folder: Path) -> None:
    """Raise an error if a manifest contradicts itself or leads outside its folder."""
    try:
        check_shares(manifest.validation, manifest.test)
    except ParameterError as error:
        raise ValueError(str(error).rstrip(".")) from error
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


def _reference(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": _a(str, values["path"]),
        "sha256": _sha(values["sha256"]),
        "bytes": _count(values["bytes"]),
    }


def _or_none(read: Callable[[Any], T], value: object) -> T | None:
    return None if value is None else read(value)


def _path(value: object) -> str:
    path = _a(str, value)
    if not path or len(path) > _LONGEST_PATH:
        raise ValueError("a path is empty or too long")
    return path


def _sha(value: object) -> str:
    if not is_hash(value):
        raise ValueError(f"{str(value)[:20]!r} is no checksum")
    return str(value)


def _count(value: object) -> int:
    number = _a(int, value)
    if not 0 <= number < 1 << 62:
        raise ValueError(f"{str(number)[:30]} is no number of anything")
    return number


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_a(str, v) for v in _a(list, value))


def _a(kind: type[T] | tuple[type[T], ...], value: object) -> T:
    """Return a value as it is, if it is of a type that JSON should have had there."""
    right = isinstance(value, kind) and (not isinstance(value, bool) or kind is bool)
    if not right:
        raise TypeError(f"{str(value)[:40]!r} is not what belongs there")
    return value  # type: ignore[return-value]
