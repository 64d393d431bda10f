"""Embed the cells of the training sets, for the similar cells that the plugin shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_leukocyte.interpretation.attributes import FOLDER
from napari_leukocyte.interpretation.similar_cells import ReferenceCells, save_reference_cells
from napari_leukocyte.models.registry import find_model
from training.attribute_head import Directions, embedded
from training.data.photographs import CLASSIFIED, DatasetName, Photograph, load
from training.data.splits import Side, select
from training.explained import crops_of

#: Directions that are kept of an embedding: the file is an eighth of the size.
DIRECTIONS = 96
#: Nearest cells whose commonest class is compared with the true one.
NEAREST = 5


def make_reference_cells(
    data_root: Path, model: str = "default", folder: Path = FOLDER
) -> dict[str, Any]:
    """Embed the training sides of all sets with classes, write them, and try them.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    model : str
        The classifier.
    folder : Path
        Where they are written; the package's by default.

    Returns
    -------
    dict
        The number of cells by set; the share of the embeddings' variance that was kept; and for
        cells of the test sides by set, the share of the `NEAREST` cells that are of the
        same class.
    """
    manifest = find_model("classification", model)
    shown: dict[DatasetName, list[Photograph]] = {
        d: [p for p in load(d, data_root) if p.label in manifest.classes] for d in CLASSIFIED
    }
    train = [p for d, ps in shown.items() for p in select(ps, d, "train")]
    by_name = {p.name: p for ps in shown.values() for p in ps}
    names, embeddings = embedded(train, manifest)
    found = Directions.of(embeddings, DIRECTIONS, scaled=False)
    # Only fields show more than the one cell that they are about.
    fields = [by_name[n] for n in names if by_name[n].dataset == "bccd"]
    places = {p.name: (c.y0, c.x0, c.extent) for p, c in crops_of(fields, manifest)}
    known = ReferenceCells(
        embeddings=found.apply(embeddings),
        sets=tuple(by_name[n].dataset for n in names),
        names=tuple(names),
        classes=tuple(str(by_name[n].label) for n in names),
        places=tuple(places.get(n) for n in names),
        basis=found.basis,
        mean=found.mean,
    )
    save_reference_cells(known, manifest, folder)
    sides: tuple[Side, ...] = ("test",)
    right: dict[str, float] = {}
    for dataset, photographs in shown.items():
        held, asked = embedded(select(photographs, dataset, *sides), manifest)
        same = [
            np.mean([n.class_name == by_name[name].label for n in known.nearest(e, NEAREST)])
            for name, e in zip(held, asked, strict=True)
        ]
        right[dataset] = float(np.mean(same))
    return {
        "cells": {d: known.sets.count(d) for d in CLASSIFIED},
        "directions": DIRECTIONS,
        "variance_kept": found.share,
        f"of_{NEAREST}_nearest_same_class_on_held_out_cells": right,
    }
