"""Classes of the cells of a block, from crops that are read from the slide one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.cells import SlideCell
from napari_leukocyte.classification.crops import cut_crop
from napari_leukocyte.classification.inference import BATCH, see
from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.io.images.background import balance_white
from napari_leukocyte.io.slides.image import SlideImage
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.schema import probability_column


def classify_cells(
    image: SlideImage,
    cells: Sequence[SlideCell],
    classifier: Manifest,
    background: tuple[float, float, float],
) -> pd.DataFrame:
    """Classify cells of a slide.

    Parameters
    ----------
    image : SlideImage
        The slide.
    cells : sequence of SlideCell
        Which.
    classifier : Manifest
        By what.
    background : tuple of float
        RGB of the slide's empty background, which is brought to white.

    Returns
    -------
    pandas.DataFrame
        A row for each cell: ``class``, ``confidence``, and the probability of each class.

    Raises
    ------
    ImageError, ModelError
        With one sentence on what is wrong.
    """
    probability = np.zeros((len(cells), len(classifier.classes)))
    for start in range(0, len(cells), BATCH):
        part = cells[start : start + BATCH]
        crops = [
            np.stack([_crop(image, cell, classifier, m.diameter_px, background) for cell in part])
            for m in classifier.members
        ]
        probability[start : start + len(part)] = see(crops, classifier).probability
    names = [classifier.classes[i] for i in probability.argmax(axis=1)]
    return pd.DataFrame(
        {
            "class": pd.Series(names, dtype=str),
            "confidence": probability.max(axis=1, initial=0.0),
            **{
                probability_column(name): probability[:, i]
                for i, name in enumerate(classifier.classes)
            },
        }
    )


def _crop(
    image: SlideImage,
    cell: SlideCell,
    classifier: Manifest,
    diameter: float,
    background: tuple[float, float, float],
) -> NDArray[np.uint8]:
    """Cut a cell as `cut_crop` does from the whole slide."""
    y0, x0, y1, x1 = cell.box
    side = classifier.side_px
    half = math.ceil(side / 2 * math.sqrt(4 * cell.area / math.pi) / diameter) + 2
    height, width = image.shape
    # A cell that is long and thin reaches beyond the crop.
    top, left = max(0, min((y0 + y1) // 2 - half, y0)), max(0, min((x0 + x1) // 2 - half, x0))
    bottom = min(height, max((y0 + y1) // 2 + half + 1, y1))
    right = min(width, max((x0 + x1) // 2 + half + 1, x1))
    balanced = balance_white(image.read((top, left, bottom, right)), np.array(background))
    region = Region(1, y0 - top, x0 - left, y1 - top, x1 - left, cell.mask)
    return cut_crop(balanced, region, side, diameter, classifier.nucleus_density)
