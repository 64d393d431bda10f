"""Zheng 2018: single cells from Jiangxi Tecom (1) and the CellaVision blog (2), with masks.

X. Zheng, Y. Wang, G. Wang, J. Liu: Fast and robust segmentation of white blood cell images by
self-supervised learning. Micron 107 (2018). Its classes were not checked by experts.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

from training.data.photograph import DataError, DatasetName, Photograph

#: Codes of the class tables.
CLASSES = {
    "1": "neutrophil",
    "2": "lymphocyte",
    "3": "monocyte",
    "4": "eosinophil",
    "5": "basophil",
}


def photographs(root: Path, number: Literal[1, 2]) -> list[Photograph]:
    """List ``zheng2018/Dataset N/*.bmp``, each with its mask ``*.png``."""
    folder = root / "zheng2018" / f"Dataset {number}"
    images = sorted(folder.glob("*.bmp"))
    if not images:
        return []
    table = root / "zheng2018" / f"Class Labels of Dataset {number}.csv"
    if not table.is_file():
        raise DataError(f"{table}, which has the classes of the photographs beside it, is missing.")
    with table.open(newline="", encoding="utf-8-sig") as f:
        labels = {row[0].strip(): CLASSES.get(row[1].strip()) for row in csv.reader(f)}
    dataset: DatasetName = "zheng1" if number == 1 else "zheng2"
    return [
        Photograph(
            dataset,
            image.relative_to(root).as_posix(),
            image,
            image.with_suffix(".png"),
            labels.get(str(int(image.stem))),
        )
        for image in images
    ]
