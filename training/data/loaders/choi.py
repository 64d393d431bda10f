"""Choi and others 2017: patches of bone marrow, the labelled cell in their middle, no masks."""

from __future__ import annotations

from pathlib import Path

from training.data.loaders.tables import read_table
from training.data.photograph import Photograph


def photographs(root: Path) -> list[Photograph]:
    """List ``choi_marrow/images/*.jpg``; myeloblasts are none of the classes and have none."""
    return [
        Photograph(
            "choi_marrow", image.relative_to(root).as_posix(), image, None, row["class"] or None
        )
        for image, row in read_table(root / "choi_marrow", ("class", "stage"))
    ]


def read_stages(root: Path) -> dict[str, str]:
    """Return the stage of maturation by the photograph's name under the data root."""
    return {
        image.relative_to(root).as_posix(): row["stage"]
        for image, row in read_table(root / "choi_marrow", ("class", "stage"))
    }
