"""BCCD: whole fields, with masks by Banik and others and a class for most fields."""

from __future__ import annotations

import csv
from pathlib import Path

from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.data.photograph import DataError, Photograph


def photographs(root: Path) -> list[Photograph]:
    """List ``bccd/images/BloodImage_*.jpg``; a field of several leukocytes has no class."""
    folder = root / "bccd"
    images = sorted((folder / "images").glob("*.jpg"))
    if not images:
        return []
    table = folder / "labels.csv"
    if not table.is_file():
        raise DataError(f"{table}, which has the classes of the photographs beside it, is missing.")
    labels: dict[int, str | None] = {}
    with table.open(newline="", encoding="utf-8-sig") as f:
        for row in csv.reader(f):
            if len(row) > 2 and row[1].strip().isdigit():
                name = row[2].strip().lower()
                labels[int(row[1])] = name if name in LEUKOCYTE_NAMES else None
    found = []
    for image in images:
        number = image.stem.rsplit("_", 1)[1]
        mask = folder / "masks" / f"BloodImage_Mask_{number}.png"
        found.append(
            Photograph(
                "bccd",
                image.relative_to(root).as_posix(),
                image,
                mask if mask.exists() else None,
                labels.get(int(number)),
            )
        )
    return found
