"""Whether masks, table and history of the cells agree, and what is strange about them."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.findings import DatasetFinding
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.provenance import parse_log, standing_of
from napari_leukocyte.annotations.dataset.reading import Dataset, DatasetImage
from napari_leukocyte.classification.regions import iterate_regions


def check_table(dataset: Dataset, table: pd.DataFrame) -> Iterator[DatasetFinding]:
    """Find what the table names and the dataset lacks."""
    names = {i.name for i in dataset.images}
    strange = sorted(set(table["image"].tolist()) - names)
    if strange:
        yield DatasetFinding(
            "wrong table", f"It names photographs that are not there: {strange[0]}."
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
    known = {int(r["label"]): r for r in rows.to_dict("records")}
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
        told = tuple(int(row[f"bbox_{c}"]) for c in ("y0", "x0", "y1", "x1"))
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
        n = int(row["label"])
        name = row["class"] if isinstance(row["class"], str) else None
        if n not in standing or standing[n].class_name != name:
            sentence = f"{image.name}: the class of cell {n} is not where its history leads."
            yield DatasetFinding(kind, sentence)
