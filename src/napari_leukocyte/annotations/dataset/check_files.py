"""Whether the files of a version are those that were exported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from napari_leukocyte.annotations.dataset.findings import DatasetFinding
from napari_leukocyte.annotations.dataset.layout import (
    MANIFEST,
    POINTER,
    VERSIONS,
    DatasetError,
    version_name,
    versions_in,
)
from napari_leukocyte.annotations.dataset.manifest_reading import read_json, read_manifest
from napari_leukocyte.annotations.dataset.reading import Dataset, DatasetImage


def check_files(dataset: Dataset) -> Iterator[DatasetFinding]:
    """Find files that are missing, damaged or unknown."""
    for name in dataset.manifest.files:
        sentence = dataset.is_whole(name)
        if sentence is not None:
            missing = sentence.endswith("is missing.")
            yield DatasetFinding("missing file" if missing else "damaged file", sentence)
    known = {*dataset.manifest.files, MANIFEST}
    for path in sorted(dataset.folder.rglob("*")):
        name = path.relative_to(dataset.folder).as_posix()
        if path.is_symlink() or (not path.is_dir() and name not in known):
            yield DatasetFinding("unknown file", f"{name} is no part of the export.", False)
    for image in dataset.images:
        if image.entry.reference is None:
            continue
        path = image.entry.reference["path"]
        if image.image is None:
            yield DatasetFinding("missing file", f"{path}: the photograph is not there any more.")
        elif not _is_reference_whole(image):
            yield DatasetFinding("damaged file", f"{path} is not the photograph that was exported.")


def _is_reference_whole(image: DatasetImage) -> bool:
    reference = image.entry.reference or {}
    try:
        with open(str(reference["path"]), "rb") as file:  # noqa: PTH123 - text from a file
            return hashlib.file_digest(file, "sha256").hexdigest() == str(reference["sha256"])
    except OSError:
        return False


def check_versions(folder: Path, dataset: Dataset) -> Iterator[DatasetFinding]:
    """Compare a manifest with what the pointer, or the next version, says of it."""
    root = folder if (folder / VERSIONS).is_dir() else dataset.folder.parent.parent
    known = versions_in(root)
    kind = "broken chain of versions"
    changed = f"{MANIFEST} of version {dataset.version} was changed after the export."
    if known and dataset.version == known[-1]:
        if (root / POINTER).is_file():
            values = read_json(root / POINTER)[0]
            if values.get("current") == dataset.version:
                if values.get("manifest") != dataset.sha256:
                    yield DatasetFinding(kind, changed)
            else:
                yield DatasetFinding(
                    kind, f"{POINTER} does not point to the newest version.", False
                )
        else:
            yield DatasetFinding(kind, f"{POINTER} is missing; the next export writes it.", False)
    for other in known:
        try:
            manifest, checksum = read_manifest(root / VERSIONS / version_name(other))
        except DatasetError as error:
            yield DatasetFinding(kind, str(error))
            continue
        if other == dataset.version + 1 and manifest.previous != dataset.sha256:
            yield DatasetFinding(kind, changed)
        if other == dataset.version - 1:
            if checksum != dataset.manifest.previous:
                yield DatasetFinding(
                    kind, f"{MANIFEST} of version {other} was changed after the export."
                )
            yield from _appended(Dataset(root / VERSIONS / version_name(other)), dataset)


def _appended(before: Dataset, dataset: Dataset) -> Iterator[DatasetFinding]:
    """Compare logs with those of the version before: they may only grow."""
    now = {i.sha256: i for i in dataset.images}
    for image in before.images:
        later = now.get(image.sha256)
        if later is None:
            yield DatasetFinding(
                "broken provenance", f"{image.name} is missing since this version."
            )
            continue
        try:
            old = before.read_bytes(image.entry.provenance)
            new = dataset.read_bytes(later.entry.provenance)
        except DatasetError:
            continue  # told as a damaged file
        if not new.startswith(old):
            sentence = (
                f"{image.name}: its log is no continuation of that of version {before.version}."
            )
            yield DatasetFinding("broken provenance", sentence)
