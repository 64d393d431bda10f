"""Find cells of a dataset whose class may be wrong.

How is in :mod:`napari_leukocyte.classification.label_errors`; here is what of each cell is
looked at.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.classification.label_errors import (
    CELLS,
    LabelError,
    enough,
    find_label_errors,
)
from napari_leukocyte.progress import Progress, silent

#: Share of cells whose probabilities must be known to do without the network.
KNOWN = 0.95
#: Smallest probability: logarithms of less say nothing more.
_LEAST = 1e-4
_BATCH = 16


def find_suspects(
    dataset: Dataset, table: pd.DataFrame, *, progress: Progress | None = None
) -> list[LabelError]:
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
    list of LabelError
        The least believed first; none where there are too few cells.

    Raises
    ------
    DatasetError
        If the photographs are needed and can't be read.
    """
    cells = enough(table[table["class"].notna()].reset_index(drop=True))
    if len(cells) < CELLS or cells["class"].nunique() < 2:
        return []
    features = _probabilities(cells)
    if features is None:
        features = _embeddings(dataset, cells, progress or silent)
    return find_label_errors(cells, features)


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
    from napari_leukocyte.io.images.background import background_color, balance_white
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
