"""Integrity of a version: its files, its tables, and the masks and histories of its cells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.layout import (
    MANIFEST,
    POINTER,
    VERSIONS,
    DatasetError,
    version_name,
    versions_in,
)
from napari_leukocyte.annotations.dataset.manifest import FileReference, read_json, read_manifest
from napari_leukocyte.annotations.dataset.provenance import parse_log, standing_of
from napari_leukocyte.annotations.dataset.reading import Dataset, DatasetImage
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.schema import BOX, LABEL


@dataclass(frozen=True)
class DatasetFinding:
    """Something that was found.

    Attributes
    ----------
    kind : str
        Such as "damaged file".
    sentence : str
        What it is.
    problem : bool
        Whether the dataset is not sound because of it; else it is something to know.
    """

    kind: str
    sentence: str
    problem: bool = True


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
            yield DatasetFinding("unknown file", f"{name} is not part of the export.", False)
    for image in dataset.images:
        reference = image.entry.reference
        if reference is None:
            continue
        place = reference.path
        if image.image is None:
            yield DatasetFinding("missing file", f"{place}: the photograph is not there any more.")
        elif not _is_whole(reference):
            yield DatasetFinding(
                "damaged file", f"{place} is not the photograph that was exported."
            )


def _is_whole(reference: FileReference) -> bool:
    try:
        with open(reference.path, "rb") as file:  # noqa: PTH123 - text from a file
            return hashlib.file_digest(file, "sha256").hexdigest() == reference.sha256
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
                f"{image.name}: its log is not a continuation of that of version {before.version}."
            )
            yield DatasetFinding("broken provenance", sentence)


def check_table(dataset: Dataset, table: pd.DataFrame) -> Iterator[DatasetFinding]:
    """Find what the table names and the dataset lacks."""
    names = {i.name for i in dataset.images}
    unknown = sorted(set(table["image"].tolist()) - names)
    if unknown:
        yield DatasetFinding(
            "wrong table", f"It names photographs that are not there: {unknown[0]}."
        )
    unknown = sorted(set(table["class"].dropna().tolist()) - set(dataset.classes))
    if unknown:
        yield DatasetFinding("wrong table", f"It names a class that is not there: {unknown[0]}.")
    lacking = [c for c in table["crop"].tolist() if c and c not in dataset.manifest.files]
    if lacking:
        yield DatasetFinding("wrong table", f"It names a crop that is not there: {lacking[0]}.")


def check_image(
    dataset: Dataset, image: DatasetImage, rows: pd.DataFrame
) -> Iterator[DatasetFinding]:
    """Check masks and history of a photograph's cells; `rows` are theirs in the table."""
    try:
        labels = dataset.read_labels(image)
    except DatasetError as error:
        yield DatasetFinding("damaged file", str(error))
    else:
        yield from _masks(image, labels, rows)
    yield from _history(dataset, image, rows)


def _masks(
    image: DatasetImage, labels: NDArray[np.int32], rows: pd.DataFrame
) -> Iterator[DatasetFinding]:
    known = {int(r[LABEL]): r for r in rows.to_dict("records")}
    height, width = labels.shape
    found: set[int] = set()
    cut: list[int] = []
    for region in iterate_regions(labels):
        n = region.label
        found.add(n)
        row = known.get(n)
        if row is None:
            yield DatasetFinding("wrong table", f"{image.name}: it lacks cell {n}.")
            continue
        box = (region.y0, region.x0, region.y1, region.x1)
        told = tuple(int(row[c]) for c in BOX)
        if box != told or region.area != row["area_px"]:
            yield DatasetFinding(
                "wrong table", f"{image.name}: the mask of cell {n} is another one."
            )
        mask = region.mask.astype(np.uint8)
        parts, _ = cv2.connectedComponents(mask, connectivity=8)
        if parts > 2:
            sentence = f"{image.name}: the mask of cell {n} has {parts - 1} parts."
            yield DatasetFinding("mask in parts", sentence, False)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED)
        window = labels[region.y0 : region.y1, region.x0 : region.x1]
        within = np.unique(window[(filled > 0) & (mask == 0)])
        for other in within[within > 0].tolist():
            sentence = f"{image.name}: cell {other} lies in the mask of cell {n}."
            yield DatasetFinding("overlapping masks", sentence)
        if region.y0 == 0 or region.x0 == 0 or region.y1 == height or region.x1 == width:
            cut.append(n)
    for n in sorted(set(known) - found):
        yield DatasetFinding("wrong table", f"{image.name}: cell {n} has no mask.")
    if cut:
        numbers = ", ".join(map(str, cut))
        what = "cell" if len(cut) == 1 else "cells"
        sentence = f"{image.name}: {what} {numbers}."
        yield DatasetFinding("cells that the border cuts", sentence, False)


def _history(dataset: Dataset, image: DatasetImage, rows: pd.DataFrame) -> Iterator[DatasetFinding]:
    kind, entry = "broken provenance", image.entry
    path = dataset.folder / entry.provenance
    try:
        data = path.read_bytes()
    except OSError:
        return  # told as a missing file
    log = parse_log(data, image.sha256, entry.provenance)
    for problem in log.problems:
        yield DatasetFinding(kind, problem)
    if log.problems:
        return
    if len(log.events) != entry.entries or log.head != entry.head:
        sentence = f"{entry.provenance}: entries were cut off or added after the export."
        yield DatasetFinding(kind, sentence)
        return
    standing = standing_of(log.events)
    for row in rows.to_dict("records"):
        n = int(row[LABEL])
        name = row["class"] if isinstance(row["class"], str) else None
        if n not in standing or standing[n].class_name != name:
            sentence = f"{image.name}: the class of cell {n} is not where its history leads."
            yield DatasetFinding(kind, sentence)
