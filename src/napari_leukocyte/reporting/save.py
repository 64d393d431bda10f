"""The objects and the leukogram as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.io.atomic import atomic_write, write_together
from napari_leukocyte.io.spreadsheet_text import escape_surrogates
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.reporting.pictures import draw_overlay
from napari_leukocyte.reporting.record import write_record
from napari_leukocyte.schema import LABEL, PLACE, RESULTS_FRONT, probabilities_of

#: What stands in the leukogram's column ``image`` for all images together.
ALL = "ALL"
#: Six decimals: more than any measurement means, and the same on every machine.
FLOAT_FORMAT = "%.6f"


def objects_table(tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Put the objects of several images into one table.

    Parameters
    ----------
    tables : sequence of (str, pandas.DataFrame)
        Each image's name and objects, classified or only measured.

    Returns
    -------
    pandas.DataFrame
        ``image``, ``label``, ``class``, ``confidence``, ``score``, a probability for every class,
        the columns of `PLACE`, then the rest. Class and confidence are missing where nothing was
        classified, the score where there were no maps.
    """
    named = []
    for name, table in tables:
        if "class" in table:
            full = table.copy()
        else:
            full = table.assign(confidence=float("nan"))
            full["class"] = pd.Series(None, index=table.index, dtype="str")
        if "score" not in full:
            full["score"] = float("nan")
        full.insert(0, "image", pd.Series(escape_surrogates(name), index=full.index, dtype="str"))
        named.append(full)
    # Of tables without rows only the columns say anything; their types would spoil the others'.
    joined = pd.concat([t for t in named if len(t)] or named[:1], ignore_index=True)
    order = [*RESULTS_FRONT, *probabilities_of(joined), *PLACE]
    return joined[[*order, *(c for c in joined if c not in order)]]


def with_scores(table: pd.DataFrame, scores: Mapping[int, float]) -> pd.DataFrame:
    """Return a table of objects with their scores as the column ``score``.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an object, with ``label``.
    scores : mapping of int to float
        The evidence that each is a leukocyte, 0 to 1; missing for labels that it lacks.

    Returns
    -------
    pandas.DataFrame
        ``score`` stands after ``confidence``, or after ``label`` where nothing was classified.
    """
    after = "confidence" if "confidence" in table else LABEL
    result = table.copy()
    column = [scores.get(int(n), float("nan")) for n in table[LABEL]]
    place = list(result.columns).index(after) + 1
    result.insert(place, "score", pd.Series(column, index=result.index, dtype="float64"))
    return result


def leukogram_table(tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Count each image and all together.

    Parameters
    ----------
    tables : sequence of (str, pandas.DataFrame)
        Each image's name and classified objects.

    Returns
    -------
    pandas.DataFrame
        ``image`` and the columns of :func:`napari_leukocyte.counting.leukogram.count`: a block
        for each image, and last the block ``ALL``, counted over the cells of all images.
    """
    classes = [t[["class"]] for _, t in tables]
    pooled = pd.concat([t for t in classes if len(t)] or classes[:1], ignore_index=True)
    blocks = [*((name, count(table)) for name, table in tables), (ALL, count(pooled))]
    named = []
    for name, block in blocks:
        block.insert(0, "image", escape_surrogates(name))
        named.append(block)
    return pd.concat(named, ignore_index=True)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV: UTF-8, comma, point, empty where a value is missing.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists.
    table : pandas.DataFrame
        Written without its index.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    text = table.to_csv(index=False, lineterminator="\n", float_format=FLOAT_FORMAT, na_rep="")
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


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
