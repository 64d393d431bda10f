"""Raabin-WBC's part of TXL-PBC: crops without classes and masks, but with boxes.

Two microscopes and many stains of Tehran: the widest variety of colour among the sets. The boxes
were made half by a detector, so that they serve training and trying, never as a truth to test by.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.photograph import DataError, Photograph

#: Codes of the boxes.
LEUKOCYTE, ERYTHROCYTE, PLATELET = 0, 1, 2


def photographs(root: Path) -> list[Photograph]:
    """List ``raabin_unlabelled/images/*.jpg``; none has a class or a mask."""
    folder = root / "raabin_unlabelled" / "images"
    return [
        Photograph("raabin", image.relative_to(root).as_posix(), image, None, None)
        for image in sorted(folder.glob("*.jpg"))
    ]


def read_boxes(photograph: Photograph, kind: int = LEUKOCYTE) -> NDArray[np.float64]:
    """Read the boxes of one kind of cell.

    Parameters
    ----------
    photograph : Photograph
        Of this set.
    kind : int
        `LEUKOCYTE`, `ERYTHROCYTE` or `PLATELET`.

    Returns
    -------
    ndarray
        (N, 4) y0, x0, y1, x1 in px of the image, ends exclusive; (0, 4) where there is none.

    Raises
    ------
    DataError
        If the file of boxes is missing or is none in YOLO's layout.
    """
    path = photograph.image.parents[1] / "labels" / f"{photograph.image.stem}.txt"
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        values = np.array([[float(v) for v in row] for row in rows if row]).reshape(-1, 5)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(
            f"{path} is not a file of boxes: each line must have a class, the centre's x and y, "
            "width and height."
        ) from error
    height, width = photograph.read().shape[:2]
    x, y, w, h = values[values[:, 0] == kind, 1:].T
    edges = [(y - h / 2) * height, (x - w / 2) * width, (y + h / 2) * height, (x + w / 2) * width]
    return np.column_stack(edges)
