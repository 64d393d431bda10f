"""The error of fitting a head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features, embed
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL
from napari_leukocyte.vocabulary import UNIDENTIFIED

if TYPE_CHECKING:
    import pandas as pd

    from napari_leukocyte.annotations.dataset.reading import Dataset
    from napari_leukocyte.session.snapshot import SessionSnapshot


class RetrainingError(LeukocyteError):
    """A head that can't be fitted, or not taken; one sentence."""


#: A reader who was not sure teaches nothing.
UNCERTAIN = "uncertain class"


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells with a class.

    Attributes
    ----------
    embeddings : ndarray
        (N, E) float32: of each cell the mean over its views.
    classes : ndarray
        (N,) str.
    groups : ndarray
        (N,) str: the photograph, or the smear, that each is of. What is held out is held out by
        group.
    views : ndarray or None
        (N, V, E): the embeddings of the views, which a classifier answers for one by one; None
        where only their mean is known.
    """

    embeddings: NDArray[np.float32]
    classes: NDArray[np.str_]
    groups: NDArray[np.str_]
    views: NDArray[np.floating] | None = None

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.classes)

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Cells:
        """Return some of the cells."""
        views = None if self.views is None else self.views[chosen]
        return Cells(self.embeddings[chosen], self.classes[chosen], self.groups[chosen], views)

    def names(self) -> tuple[str, ...]:
        """Return the classes that occur, in alphabetical order."""
        return tuple(str(n) for n in np.unique(self.classes))


def make_cells(
    embeddings: NDArray[np.floating], classes: Sequence[str], groups: Sequence[str]
) -> Cells:
    """Return cells from embeddings of several views, (N, V, E), or of one, (N, E)."""
    values = np.asarray(embeddings, np.float32)
    names, of = np.array(classes, dtype=str), np.array(groups, dtype=str)
    if values.ndim == 3:
        return Cells(values.mean(axis=1), names, of, np.asarray(embeddings))
    return Cells(values, names, of)


def join_cells(parts: Sequence[Cells]) -> Cells:
    """Return the cells of several tables as one; those without any cell are passed over.

    Their views are kept if those of all are known.
    """
    filled = [p for p in parts if len(p)]
    if not filled:
        return parts[0]
    views = [p.views for p in filled if p.views is not None]
    return Cells(
        np.concatenate([p.embeddings for p in filled]),
        np.concatenate([p.classes for p in filled]),
        np.concatenate([p.groups for p in filled]),
        np.concatenate(views) if len(views) == len(filled) else None,
    )


@dataclass(frozen=True, eq=False)
class CollectedCells:
    """Cells to learn from, and their source as a model's card names it.

    Attributes
    ----------
    cells : Cells
        Every reviewed cell with a class.
    source : str
        Where they are from, in words.
    left_out : tuple of str
        Photographs that could not be used, and why, a sentence each.
    """

    cells: Cells
    source: str
    left_out: tuple[str, ...] = ()


def reviewed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of objects that can be learnt from.

    Those that a reader has reviewed and that have a class, without those left unidentified or
    flagged as uncertain.
    """
    known = table["reviewed"].fillna(False).astype(bool) & table["class"].notna()
    known &= ~table["class"].isin(["", UNIDENTIFIED.name])
    if "flags" in table:
        known &= ~table["flags"].fillna("").str.contains(UNCERTAIN, regex=False)
    return table[known]


def from_dataset(
    dataset: Dataset, features: Features, progress: Progress = silent
) -> CollectedCells:
    """Collect the cells of a dataset, those of its test side left alone.

    Parameters
    ----------
    dataset : Dataset
        A version of one.
    features : Features
        Of the classifier that gets a new head.
    progress : callable
        Called after each photograph.

    Returns
    -------
    CollectedCells
        The groups are the dataset's.

    Raises
    ------
    DatasetError
        If the dataset is damaged.
    ModelError, RetrainingError
        If the classifier can't be used, or no cell can be learnt from.
    """
    table = reviewed(dataset.objects())
    parts, left_out = [], []
    images = [i for i in dataset.images if i.side != "test"]
    for step, image in enumerate(images):
        progress(step, len(images), "Looking at cells")
        rows = table[table["image"] == image.name]
        if rows.empty:
            continue
        if image.image is None:
            left_out.append(f"{image.name} was left out, as its photograph is not there any more.")
            continue
        found = embed(
            dataset.read_rgb(image), dataset.read_labels(image), features, rows[LABEL].tolist()
        )
        classes = rows.set_index(LABEL)["class"].loc[found.labels.tolist()].astype(str).tolist()
        parts.append(make_cells(found.embeddings, classes, [image.group] * len(found)))
    return CollectedCells(_joined(parts), describe_dataset(dataset), tuple(left_out))


def from_sessions(
    snapshots: Iterable[SessionSnapshot], features: Features, progress: Progress = silent
) -> CollectedCells:
    """Collect the reviewed cells of sessions, each of which is one photograph.

    Raises
    ------
    ModelError, RetrainingError
        If the classifier can't be used, or no cell can be learnt from.
    """
    parts, names = [], []
    every = list(snapshots)
    for step, taken in enumerate(every):
        progress(step, len(every), "Looking at cells")
        rows = reviewed(taken.table)
        if rows.empty:
            continue
        found = embed(taken.rgb, taken.labels, features, rows[LABEL].tolist())
        classes = rows.set_index(LABEL)["class"].loc[found.labels.tolist()].astype(str).tolist()
        group = image_key(taken.rgb)
        parts.append(make_cells(found.embeddings, classes, [group] * len(found)))
        names.append(f"{taken.name} (pixels {group[:12]})")
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return CollectedCells(_joined(parts), f"reviewed cells of {shown}, not exported as a dataset")


def describe_dataset(dataset: Dataset) -> str:
    """Return what names a version of a dataset on a model's card, with its checksum."""
    # The versions of a dataset lie in a folder of the dataset's.
    name = dataset.folder.absolute().parent.parent.name
    return f"version {dataset.version} of {name}, SHA-256 {dataset.sha256}"


def _joined(parts: list[Cells]) -> Cells:
    if not parts:
        raise RetrainingError(
            "There is no reviewed cell with a class to learn from: review some first."
        )
    return join_cells(parts)
