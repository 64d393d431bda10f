"""Bio-Net: whole fields with boxes of leukocytes, erythrocytes and platelets, without masks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.data.loaders.tables import read_rows, read_table
from training.data.photograph import DataError, Photograph

Kind = Literal["leukocyte", "erythrocyte", "platelet"]
#: Numbers of photographs further apart than this belong to different runs. Neighbours show the
#: same cells shifted, and the copy at hand has every seventh.
_GAP = 25


def photographs(root: Path) -> list[Photograph]:
    """List ``bionet/images/*.jpg``; runs of numbers are what a split keeps together."""
    found: list[Photograph] = []
    last, run = -_GAP - 1, 0
    for image, row in read_table(root / "bionet", ("class",)):
        number = int(image.stem)
        if number - last > _GAP:
            run = number
        last = number
        found.append(
            Photograph(
                "bionet",
                image.relative_to(root).as_posix(),
                image,
                None,
                row["class"] or None,
                group=f"bionet/run-{_part(run, number):04d}",
            )
        )
    return found


def _part(run: int, number: int) -> int:
    """Cut long runs every hundred numbers, or a handful of them would decide every split."""
    return run + (number - run) // 100 * 100


def read_boxes(photograph: Photograph, kind: Kind = "leukocyte") -> NDArray[np.float64]:
    """Read the published boxes of one kind of cell.

    Parameters
    ----------
    photograph : Photograph
        Of this set.
    kind : {"leukocyte", "erythrocyte", "platelet"}
        Which.

    Returns
    -------
    ndarray
        (N, 4) y0, x0, y1, x1 in px of the image; (0, 4) where there is none.

    Raises
    ------
    DataError
        If the file of boxes is missing or malformed.
    """
    path = photograph.image.parents[1] / "boxes.csv"
    names = ("ymin", "xmin", "ymax", "xmax")
    rows = [
        r
        for r in read_rows(path, ("file", "kind", *names))
        if r["file"] == photograph.image.name and r["kind"] == kind
    ]
    try:
        return np.array([[float(r[n]) for n in names] for r in rows]).reshape(-1, 4)
    except ValueError as error:
        raise DataError(f"{path} has a box whose edges are not numbers.") from error
