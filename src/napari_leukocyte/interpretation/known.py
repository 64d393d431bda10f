"""The embedded cells of the training sets that come with a classifier."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.attributes import FOLDER, checksums
from napari_leukocyte.interpretation.neighbours import Place, ReferenceCells
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.models.manifest import Manifest

DESCRIPTION, ARRAYS = "known-cells.json", "known-cells.npz"
SCHEMA = 1


class ReferenceCellsError(LeukocyteError):
    """There are no embedded cells to compare with; one sentence on why."""


def save_reference_cells(
    known: ReferenceCells, classifier: Manifest, folder: Path = FOLDER
) -> None:
    """Write cells that a classifier embedded; embeddings are stored as whole numbers, -127 to 127.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    scale = np.abs(known.embeddings).max(axis=0).astype(np.float32) / 127
    scale = np.maximum(scale, 1e-9)
    arrays = {
        "embeddings": np.round(known.embeddings / scale).astype(np.int8),
        "scale": scale,
    }
    if known.basis is not None:
        arrays["basis"] = known.basis.astype(np.float16)
    if known.mean is not None:
        arrays["mean"] = known.mean.astype(np.float16)
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    data = buffer.getvalue()
    described = {
        "schema": SCHEMA,
        "classifier": classifier.name,
        "tied_to": checksums(classifier),
        "sha256": hashlib.sha256(data).hexdigest(),
        "cells": list(zip(known.sets, known.names, known.classes, known.places, strict=True)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / ARRAYS) as temporary:
        temporary.write_bytes(data)
    with atomic_write(folder / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(described, separators=(",", ":")) + "\n", encoding="utf-8")


def load_reference_cells(classifier: Manifest, folder: Path = FOLDER) -> ReferenceCells:
    """Read the cells that a classifier embedded.

    Raises
    ------
    ReferenceCellsError
        If there are none, another classifier embedded them, or the files are damaged.
    """
    try:
        stamp = tuple((folder / n).stat().st_mtime_ns for n in (DESCRIPTION, ARRAYS))
    except OSError as error:
        raise ReferenceCellsError(
            "No cells to compare with come with this installation."
        ) from error
    known, name, tied_to = _load(str(folder), stamp)
    if tied_to != checksums(classifier):
        raise ReferenceCellsError(
            f"The cells to compare with were embedded by the classifier {name} as it was then, "
            f"not by this {classifier.name}: no similar cells are shown."
        )
    return known


@lru_cache(maxsize=2)
def _load(folder: str, stamp: tuple[int, ...]) -> tuple[ReferenceCells, str, list[str]]:
    place = Path(folder)
    try:
        described = json.loads((place / DESCRIPTION).read_text(encoding="utf-8"))
        data = (place / ARRAYS).read_bytes()
        if described["schema"] != SCHEMA or hashlib.sha256(data).hexdigest() != described["sha256"]:
            raise ValueError("wrong checksum")
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            embeddings = arrays["embeddings"].astype(np.float32) * arrays["scale"]
            basis = arrays["basis"].astype(np.float32) if "basis" in arrays else None
            mean = arrays["mean"].astype(np.float32) if "mean" in arrays else None
        cells = [(str(s), str(n), str(c), _place(p)) for s, n, c, p in described["cells"]]
        if len(cells) != len(embeddings) or not cells:
            raise ValueError("wrong number of cells")
        sets, names, classes, places = zip(*cells, strict=True)
        known = ReferenceCells(embeddings, sets, names, classes, places, basis, mean)
        return known, str(described["classifier"]), [str(s) for s in described["tied_to"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReferenceCellsError(
            f"The cells to compare with in {place} are damaged: install the plugin again."
        ) from error


def _place(value: Any) -> Place | None:
    if value is None:
        return None
    y0, x0, side = (int(v) for v in value)
    if side < 1:
        raise ValueError("no place")
    return y0, x0, side
