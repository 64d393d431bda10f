"""Raabin-WBC, double labelled: crops of 58 smears with classes, without masks.

Crops of one smear share stain, lamp and camera, so that the smear is what a split keeps together.
"""

from __future__ import annotations

from pathlib import Path

from training.data.loaders.tables import read_table
from training.data.photograph import Photograph


def photographs(root: Path) -> list[Photograph]:
    """List ``raabin/images/*.jpg``; classes and smears come from ``raabin/labels.csv``."""
    folder = root / "raabin"
    return [
        Photograph(
            "raabin_labelled",
            image.relative_to(root).as_posix(),
            image,
            None,
            row["class"] or None,
            group=f"raabin/{row['smear']}",
        )
        for image, row in read_table(folder, ("class", "smear"))
    ]
