"""Find cells whose class may be wrong, in the way of confident learning.

A simple model is fitted to what the classifier sees of the cells, and asked about cells of groups
that it was not fitted to. Where it is as sure of another class as it is of nearly all cells that
have that class, and hardly believes the one given, the label is doubtful.

References
----------
Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal of
Artificial Intelligence Research 70 (2021), https://doi.org/10.1613/jair.1.12125. There, a class's
threshold is the mean of what its own cells get; half of the wrong labels among cells that are
easily told apart stay below that, so it is a low quantile here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.dataset.layout import DatasetError
from napari_leukocyte.dataset.reading import Dataset
from napari_leukocyte.progress import Progress, silent

#: Cells and groups that a class needs to be looked at, and cells in all: with fewer, the model
#: knows nothing.
CELLS_OF_CLASS, GROUPS_OF_CLASS, CELLS = 5, 2, 30
FOLDS = 5
#: Probability of the given class above which nothing is doubted, and of another class below which
#: nothing is suggested, whatever the thresholds are.
MOST_BELIEF, LEAST_BELIEF = 0.2, 0.5
#: Share of a class's own cells of which the model is less sure than of a suspect.
UNSURE = 0.1
#: Share of cells whose probabilities must be known to do without the network.
KNOWN = 0.95
#: Smallest probability: logarithms of less say nothing more.
_LEAST = 1e-4
_BATCH = 16


@dataclass(frozen=True)
class Suspect:
    """A cell whose class is doubtful.

    Attributes
    ----------
    image : str
        Name of the photograph.
    label : int
        Number of the cell.
    given, suggested : str
        The class that it has, and the one that is more likely.
    belief : float
        Probability of the given class, 0 to 1.
    """

    image: str
    label: int
    given: str
    suggested: str
    belief: float

    @property
    def sentence(self) -> str:
        """Say so."""
        return (
            f"{self.image}, cell {self.label}: {self.given}, but it looks like {self.suggested} "
            f"({self.belief:.0%} for {self.given})."
        )


def find_suspects(
    dataset: Dataset, table: pd.DataFrame, *, progress: Progress | None = None
) -> list[Suspect]:
    """Find cells whose class may be wrong.

    Parameters
    ----------
    dataset : Dataset
        Of which; its photographs are read only if the table lacks probabilities.
    table : pandas.DataFrame
        Of its objects.
    progress : callable, optional
        Called while the network looks at cells.

    Returns
    -------
    list of Suspect
        The least believed first; none where there are too few cells.

    Raises
    ------
    DatasetError
        If the photographs are needed and can't be read.
    """
    cells = _enough(table[table["class"].notna()].reset_index(drop=True))
    if len(cells) < CELLS or cells["class"].nunique() < 2:
        return []
    features = _probabilities(cells)
    if features is None:
        features = _embeddings(dataset, cells, progress or silent)
    beliefs = _out_of_sample(features, cells)
    return list(_doubted(cells, beliefs))


def _enough(cells: pd.DataFrame) -> pd.DataFrame:
    """Keep the classes that have enough cells and groups."""
    of_class = cells.groupby("class")
    good = (of_class["label"].count() >= CELLS_OF_CLASS) & (
        of_class["group"].nunique() >= GROUPS_OF_CLASS
    )
    names = set(good[good].index)
    return cells[cells["class"].isin(names)].reset_index(drop=True)


def _probabilities(cells: pd.DataFrame) -> NDArray[np.float64] | None:
    columns = [c for c in cells if str(c).startswith("p_")]
    values = cells[columns].to_numpy(np.float64, copy=True)
    if not columns or cells["model_sha256"].nunique() > 1:
        return None
    known = ~np.isnan(values).any(axis=1)
    if known.mean() < KNOWN:
        return None
    values[~known] = 1 / len(columns)
    shape = cells[["equivalent_diameter_px", "circularity", "solidity"]].to_numpy(np.float64)
    scaled = (shape - shape.mean(axis=0)) / np.maximum(shape.std(axis=0), 1e-9)
    return np.hstack([np.log(np.maximum(values, _LEAST)), scaled])


def _embeddings(dataset: Dataset, cells: pd.DataFrame, progress: Progress) -> NDArray[np.float64]:
    """Return what the shipped classifier's last layer is given, (N, D)."""
    from napari_leukocyte.classification.crops import cut_crop
    from napari_leukocyte.classification.regions import iterate_regions
    from napari_leukocyte.images.background import background_color, balance_white
    from napari_leukocyte.models import runtime
    from napari_leukocyte.models.registry import find_model

    manifest = find_model("classification")
    member = manifest.members[0]
    place = {(r.image, r.label): n for n, r in enumerate(cells.itertuples())}
    result: NDArray[np.float64] | None = None
    done = 0
    names = set(cells["image"].tolist())
    for image in dataset.images:
        if image.name not in names:
            continue
        rgb = dataset.read_rgb(image)
        balanced = balance_white(rgb, background_color(rgb))
        wanted = [
            r for r in iterate_regions(dataset.read_labels(image)) if (image.name, r.label) in place
        ]
        for start in range(0, len(wanted), _BATCH):
            regions = wanted[start : start + _BATCH]
            crops = [
                cut_crop(
                    balanced, r, manifest.side_px, member.diameter_px, manifest.nucleus_density
                )
                for r in regions
            ]
            outputs = runtime.run(member, np.stack(crops).astype(np.float32))
            # A classifier without a second output is asked for its opinion.
            found = outputs[1] if len(outputs) > 1 else outputs[0]
            if result is None:
                result = np.zeros((len(cells), found.reshape(len(found), -1).shape[1]))
            for region, row in zip(regions, found.reshape(len(found), -1), strict=True):
                result[place[image.name, region.label]] = row
            done += len(regions)
            progress(done, len(cells), "Looking at cells")
    if result is None or done < len(cells):
        raise DatasetError("Some of the cells of the table have no mask.")
    deviation = np.maximum(result.std(axis=0), 1e-9)
    return np.asarray((result - result.mean(axis=0)) / deviation)


def _out_of_sample(features: NDArray[np.float64], cells: pd.DataFrame) -> NDArray[np.float64]:
    """Return the probability of every class by a model that has not seen the cell's group."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    names = sorted(set(cells["class"].tolist()))
    given = np.array([names.index(c) for c in cells["class"].tolist()])
    groups = cells["group"].to_numpy(object)
    folds = GroupKFold(min(FOLDS, len(set(groups.tolist()))))
    beliefs = np.full((len(cells), len(names)), np.nan)
    for train, test in folds.split(features, given, groups):
        if len(set(given[train].tolist())) < 2:
            continue
        # Regularised: it must not learn single wrong labels by heart.
        model: Any = LogisticRegression(C=1.0, max_iter=500, class_weight="balanced")
        model.fit(features[train], given[train])
        beliefs[test] = 0.0
        beliefs[np.ix_(test, model.classes_)] = model.predict_proba(features[test])
    return beliefs


def _doubted(cells: pd.DataFrame, beliefs: NDArray[np.float64]) -> Iterator[Suspect]:
    names = sorted(set(cells["class"].tolist()))
    given = np.array([names.index(c) for c in cells["class"].tolist()])
    asked = np.asarray(~np.isnan(beliefs).any(axis=1))
    own = np.where(asked, beliefs[np.arange(len(cells)), given], np.nan)
    # A class that the model was not asked about is never the likelier one.
    usual = np.full(len(names), np.inf)
    for n in range(len(names)):
        if (mine := asked & (given == n)).any():
            usual[n] = max(LEAST_BELIEF, float(np.quantile(own[mine], UNSURE)))
    sure = np.logical_and(asked[:, np.newaxis], beliefs >= usual)
    np.put_along_axis(sure, given[:, np.newaxis], False, axis=1)
    chosen = np.flatnonzero(np.any(sure, axis=1) & (np.nan_to_num(own, nan=1.0) < MOST_BELIEF))
    for place in chosen[np.argsort(own[chosen], kind="stable")]:
        best = int(np.argmax(np.where(sure[place, :], beliefs[place, :], -1)))
        row = cells.iloc[int(place)]
        yield Suspect(
            str(row["image"]), int(row["label"]), str(row["class"]), names[best], float(own[place])
        )
