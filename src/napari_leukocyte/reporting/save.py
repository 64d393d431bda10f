"""The files of one image's results: label image, picture, tables and record."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.io.atomic import atomic_write, write_together
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.reporting.pictures import draw_overlay
from napari_leukocyte.reporting.record import write_record
from napari_leukocyte.reporting.tables import ALL, objects_table, write_csv

#: Largest number that fits 16 bits, which every program can read.
_LARGEST_UINT16 = int(np.iinfo(np.uint16).max)
LABELS, OVERLAY = "labels.tif", "overlay.png"
OBJECTS, LEUKOGRAM, RECORD = "objects.csv", "leukogram.csv", "run.json"
#: Every file of a result.
FILES = (LABELS, OBJECTS, LEUKOGRAM, OVERLAY, RECORD)


def write_labels(path: Path, labels: NDArray[np.integer]) -> None:
    """Write a label image.

    Parameters
    ----------
    path : Path
        The TIFF; it is replaced if it exists.
    labels : ndarray
        (H, W) integers, 0 or more. Written as uint16, or as int32 if a number exceeds 65535;
        losslessly compressed (deflate).

    Raises
    ------
    OutputError
        If it can't be written.
    """
    with atomic_write(path) as temporary:
        encode_labels(temporary, labels)


def encode_labels(target: Path | BytesIO, labels: NDArray[np.integer]) -> None:
    """Write a label image as `write_labels` does, into a new file or into memory."""
    import tifffile

    kind = np.uint16 if int(labels.max(initial=0)) <= _LARGEST_UINT16 else np.int32
    tifffile.imwrite(
        target,
        labels.astype(kind),
        photometric="minisblack",
        compression="zlib",
        metadata={"axes": "YX"},
    )


def save_results(
    folder: Path,
    name: str,
    *,
    image: NDArray[np.uint8],
    labels: NDArray[np.int32],
    table: pd.DataFrame,
    leukogram: pd.DataFrame | None,
    record: Mapping[str, Any],
    overwrite: bool = False,
) -> list[Path]:
    """Save everything about one image: all of its files, or none if one fails.

    Parameters
    ----------
    folder : Path
        Where to; made if it does not exist.
    name : str
        The image's name or path, for the tables.
    image : ndarray
        (H, W, 3) uint8 RGB.
    labels : ndarray
        (H, W) int32.
    table : pandas.DataFrame
        The objects, classified or only measured.
    leukogram : pandas.DataFrame or None
        The count of the classes. Without one, none is written (and an earlier one is removed, since
        it would belong to other objects).
    record : mapping
        As from :func:`napari_leukocyte.reporting.record.make_record`.
    overwrite : bool
        Whether existing files of these names may be replaced. Other files are left alone.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If a file exists and may not be replaced, or the folder can't be written to. What
        was there is then as it was.
    """
    with write_together(folder, FILES, overwrite=overwrite) as staging:
        write_labels(staging / LABELS, labels)
        write_png(staging / OVERLAY, draw_overlay(image, labels, table))
        write_csv(staging / OBJECTS, objects_table([(name, table)]))
        if leukogram is not None:
            blocks = [leukogram.assign(image=who) for who in (name, ALL)]
            joined = pd.concat(blocks, ignore_index=True)
            write_csv(staging / LEUKOGRAM, joined[["image", *leukogram.columns]])
        write_record(staging / RECORD, record)
    return [folder / file for file in FILES if leukogram is not None or file != LEUKOGRAM]
