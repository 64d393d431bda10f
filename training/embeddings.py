"""The embeddings that ship with a classifier, so that a retrained head forgets nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_leukocyte.classification.embedding import Features, embed_crops, features_of
from napari_leukocyte.learning.head.base import FILE_NAME, Base, write_base
from napari_leukocyte.learning.head.cells import Cells, make_cells
from napari_leukocyte.vocabulary import PLATELET_OR_ARTEFACT
from training.cell_batches import ClassifierConfig, plain_crops
from training.cells import Cell, load_cells, load_mistaken
from training.data.photographs import CLASSIFIED, DatasetName, Photograph, load
from training.data.splits import Side, select

#: Most cells of each set and class that heads are fitted on, and that they are measured on: about
#: 700 and 300 in all, 1.2 MB.
FITTING, MEASURING = 40, 25
#: Photographs of each set from which objects that are no leukocytes are taken.
MISTAKEN = 20
#: Chooses the cells.
SEED = 1
#: Crops at once.
_BATCH = 32


def ship_embeddings(data_root: Path, model: str = "default") -> Path:
    """Write the embeddings of public cells beside a classifier.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    model : str
        The classifier.

    Returns
    -------
    Path
        The file.
    """
    features = features_of(model)
    path = features.manifest.folder / FILE_NAME
    write_base(path, base_of(features, CLASSIFIED, data_root))
    return path


def base_of(features: Features, datasets: Sequence[DatasetName], data_root: Path) -> Base:
    """Return embeddings of some cells of some sets.

    Parameters
    ----------
    features : Features
        Of a classifier. Cells of classes that it lacks are among them.
    datasets : sequence of str
        The sets.
    data_root : Path
        Their folder.

    Returns
    -------
    Base
        For fitting cells of the sets' train sides, for measuring of their validation sides.
    """
    fitting = _side(features, datasets, data_root, "train", FITTING)
    measuring = _side(features, datasets, data_root, "validation", MEASURING)
    return Base(fitting, measuring, features.sha256)


def embed_cells(cells: Sequence[Cell], features: Features) -> Cells:
    """Return the embeddings of cells, cut as the plugin cuts them."""
    config = ClassifierConfig(
        side=features.manifest.side_px,
        diameter=features.member.diameter_px,
        nucleus_density=features.manifest.nucleus_density or 0.0,
    )
    found = []
    for start in range(0, len(cells), _BATCH):
        crops = plain_crops(list(cells[start : start + _BATCH]), config)
        # The mean here, as no more is kept of them.
        found.append(embed_crops(crops.astype(np.uint8), features).astype(np.float32).mean(axis=1))
    photographs = [c.photograph for c in cells]
    return make_cells(
        np.concatenate(found), [str(p.label) for p in photographs], [p.key for p in photographs]
    )


def cut(photographs: list[Photograph], features: Features) -> list[Cell]:
    """Cut the cell of each photograph for a classifier."""
    return load_cells(photographs, features.manifest.side_px, features.member.diameter_px)


def _side(
    features: Features, datasets: Sequence[DatasetName], data_root: Path, side: Side, most: int
) -> Cells:
    cells: list[Cell] = []
    rng = np.random.default_rng(SEED)
    for dataset in datasets:
        there = [p for p in select(load(dataset, data_root), dataset, side) if p.label]
        chosen = []
        for name in sorted({str(p.label) for p in there}):
            of_class = [p for p in there if p.label == name]
            chosen += [of_class[i] for i in rng.permutation(len(of_class))[:most]]
        cells += cut(chosen, features)
        if PLATELET_OR_ARTEFACT.name in features.manifest.classes:
            few = [there[i] for i in rng.permutation(len(there))[:MISTAKEN]]
            found = load_mistaken(few, features.manifest.side_px, features.member.diameter_px, SEED)
            cells += [found[i] for i in rng.permutation(len(found))[:most]]
    return embed_cells([_keyed(c) for c in cells], features)


def _keyed(cell: Cell) -> Cell:
    """Return the cell with its set's name in the group, as names recur between sets."""
    p = cell.photograph
    return dataclasses.replace(
        cell, photograph=dataclasses.replace(p, group=f"{p.dataset}/{p.key}")
    )
