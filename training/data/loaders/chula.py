"""Chula RBC-12's fields without leukocytes: everything on them is background."""

from __future__ import annotations

from pathlib import Path

from training.data.loaders.tables import read_table
from training.data.photograph import DataError, Photograph


def photographs(root: Path) -> list[Photograph]:
    """List ``chula_rbc/images/*.jpg``; none has a class or a mask.

    Raises
    ------
    DataError
        If the table says that one of them shows a leukocyte: this set is used as all background.
    """
    found = []
    for image, row in read_table(root / "chula_rbc", ("leukocytes",)):
        if row["leukocytes"] != "0":
            raise DataError(f"{image} shows a leukocyte, but this set must show none.")
        found.append(Photograph("chula_rbc", image.relative_to(root).as_posix(), image, None, None))
    return found
