"""Every labelled cell as a classifier sees it: probabilities, embedding and image profile.

Measurements of prediction sets and of domain shift rest on them.

Photographs held out are segmented by the plugin's default model, as a user's would be; those of the
training side by the sets' own masks where they have some. Each classifier then sees the one cell.
All is kept, since calibration, distances and their measures ask for the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import see
from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.cropping import cut_cell, stack_crops
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.uncertainty.domain_shift.image_profile import FEATURES, measure_profile
from training.cells import main_region, segmented_labels, truth_labels
from training.data.photographs import CLASSIFIED, DatasetName, Photograph, load
from training.data.splits import Side, select
from training.fitting import RUNS
from training.leave_out import MODELS, classifier_without
from training.predictions import segment_photograph, segmenter_key

#: Of a set's training side, at most so many cells of each class are seen: PBC's thousands would
#: say no more.
MOST_OF_TRAINING = 100
SIDES: tuple[Side, ...] = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class SeenCells:
    """Cells of one set or several, one a photograph.

    Attributes
    ----------
    names, datasets, sides, truth : ndarray
        (N,) str: photograph, set, side of the split, class.
    probability : ndarray
        (N, C) float64: the classifier's, in the order of its classes.
    embedding : ndarray
        (N, E) float32: the mean over the views.
    look : ndarray
        (N, F) float64; see
        :data:`~napari_leukocyte.uncertainty.domain_shift.image_profile.FEATURES`.
    """

    names: NDArray[np.str_]
    datasets: NDArray[np.str_]
    sides: NDArray[np.str_]
    truth: NDArray[np.str_]
    probability: NDArray[np.float64]
    embedding: NDArray[np.float32]
    look: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.names)

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> SeenCells:
        """Return some of the cells."""
        return SeenCells(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def side(self, *sides: Side) -> SeenCells:
        """Return the cells of some sides."""
        return self[np.isin(self.sides, sides)]

    def of(self, classes: Sequence[str]) -> SeenCells:
        """Return the cells of some classes."""
        return self[np.isin(self.truth, classes)]


def join(parts: Sequence[SeenCells]) -> SeenCells:
    """Put cells of several sets together."""
    return SeenCells(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(SeenCells))
    )


def classifiers_left_out() -> dict[DatasetName, Manifest]:
    """Return the exported classifiers that left a set out, by that set.

    ``python -m training evaluate left-out`` exports them.
    """
    found: dict[DatasetName, Manifest] = {}
    for dataset in CLASSIFIED:
        folder = MODELS / classifier_without(dataset)
        if (folder / "manifest.json").is_file():
            found[dataset] = find_model("classification", folder)
    return found


def cells_of_set(
    dataset: DatasetName,
    classifier: Manifest,
    data_root: Path,
    progress: Callable[[str], object] = print,
) -> SeenCells:
    """Return a set's cells as a classifier sees them; kept in ``runs/trust``.

    Parameters
    ----------
    dataset : str
        Which set.
    classifier : Manifest
        Its networks must give an embedding.
    data_root : Path
        Folder of the data sets.
    progress : callable
        Told what is being computed.

    Returns
    -------
    SeenCells
        All cells held out, and of the training side at most `MOST_OF_TRAINING` of each class.
        Photographs in which the segmentation finds no cell are left out.
    """
    path = RUNS / "trust" / segmenter_key() / f"{dataset}-{_key(classifier)}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return SeenCells(*(kept[f.name] for f in fields(SeenCells)))
    progress(f"{classifier.name} sees {dataset}")
    # The same whichever classifier sees the cells.
    of_looks = path.parent / f"looks-{dataset}-{_short(' '.join(FEATURES))}.npz"
    known = _read_looks(of_looks)
    rows, crops, looks = [], [], []
    for photograph, side in _chosen(dataset, data_root):
        rgb = photograph.read()
        region, labels = _segmented(photograph, rgb, side)
        if region is not None:
            rows.append((photograph.name, dataset, side, str(photograph.label)))
            crops.append(cut_cell(rgb, region, classifier))
            if photograph.name not in known:
                known[photograph.name] = measure_profile(rgb, labels).values
            looks.append(known[photograph.name])
    seen = see(stack_crops(crops), classifier)
    if seen.embedding is None:
        raise LeukocyteError(f"The classifier {classifier.name} gives no embedding.")
    text = np.array(rows).T
    made = SeenCells(
        text[0], text[1], text[2], text[3], seen.probability, seen.embedding, np.array(looks)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{f.name: getattr(made, f.name) for f in fields(SeenCells)})
    np.savez_compressed(of_looks, names=made.names, look=made.look)
    return made


def _read_looks(path: Path) -> dict[str, NDArray[np.float64]]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as kept:
        return dict(zip(kept["names"].tolist(), kept["look"], strict=True))


def _key(classifier: Manifest) -> str:
    parts = [f"{m.sha256} {m.weight} {m.diameter_px}" for m in classifier.members]
    crop = f"{classifier.side_px} {classifier.nucleus_density}"
    look = " ".join(FEATURES)
    text = "\n".join([*parts, f"{classifier.temperature} {classifier.views} {crop}", look])
    return f"{classifier.name}-{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _chosen(dataset: DatasetName, data_root: Path) -> list[tuple[Photograph, Side]]:
    photographs = load(dataset, data_root)
    rng = np.random.default_rng(0)
    chosen: list[tuple[Photograph, Side]] = []
    for side in SIDES:
        shown = [p for p in select(photographs, dataset, side) if p.label]
        if side == "train":
            by_class: dict[str, list[Photograph]] = {}
            for p in shown:
                by_class.setdefault(str(p.label), []).append(p)
            shown = [
                ps[i]
                for ps in by_class.values()
                for i in sorted(rng.permutation(len(ps))[:MOST_OF_TRAINING])
            ]
        chosen += [(p, side) for p in shown]
    return chosen


def _segmented(
    photograph: Photograph, rgb: NDArray[np.uint8], side: Side
) -> tuple[Region | None, NDArray[np.int32]]:
    """Return the cell of a photograph, and the label image that its look is measured with."""
    if photograph.mask is None:
        # Segmented already, for training.
        labels = segmented_labels(photograph, rgb)
    elif side == "train":
        labels = truth_labels(photograph)
    else:
        labels = segment_photograph(photograph, rgb).labels
    field = photograph.dataset == "bccd"
    region = main_region(labels, central=not field)
    if region is not None and not field:
        # Other sets' photographs are cut around one cell, and cut others in two.
        labels = np.where(labels == region.label, labels, np.int32(0))
    return region, labels
