"""Objects of a slide told from candidates, and numbered once, when all blocks are known.

The limits of area are parts of the median of all cells: no block knows it. And numbers follow the
anchors of the objects, row by row, so that they do not depend on the blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_leukocyte.analysis.slide.cells import INTERNAL
from napari_leukocyte.schema import LABEL, probabilities_of
from napari_leukocyte.segmentation.objects import select
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import area_limits

#: Factor between the diameter that a slide was segmented with and that of its cells from which it
#: is said.
FAR_OFF = 1.4
#: Fewer objects than this say nothing of the diameter.
FEWEST = 10


@dataclass(frozen=True, eq=False)
class ChosenObjects:
    """The objects of a slide.

    Attributes
    ----------
    table : pandas.DataFrame
        One row an object in the order of their numbers: ``label``, 1 to N, and what the blocks
        found, with the columns `INTERNAL`.
    candidates : int
        Number of regions that look less like leukocytes.
    """

    table: pd.DataFrame
    candidates: int

    @property
    def public(self) -> pd.DataFrame:
        """The table without what only the program needs."""
        rest = self.table.drop(columns=list(INTERNAL))
        front = [c for c in (LABEL, "class", "confidence", "score") if c in rest]
        chances = probabilities_of(rest)
        order = [*front, *chances]
        return rest[[*order, *(c for c in rest if c not in order)]]


def choose_objects(
    tables: Sequence[pd.DataFrame], params: PostprocessParams, diameter: float
) -> ChosenObjects:
    """Tell objects from candidates by all that was found, and number them.

    Parameters
    ----------
    tables : sequence of pandas.DataFrame
        The blocks' tables, as from `cells_table`, at least one.
    params : PostprocessParams
        Of the post-processing.
    diameter : float
        Diameter of a leukocyte, px.

    Returns
    -------
    ChosenObjects
        The same objects as :func:`~napari_leukocyte.segmentation.objects.find_objects` finds in
        the slide in one piece.
    """
    filled = [t for t in tables if len(t)] or list(tables[:1])
    found = pd.concat(filled, ignore_index=True)
    found = found.sort_values(["anchor_y", "anchor_x"], kind="stable", ignore_index=True)
    if not len(found):
        return ChosenObjects(found.assign(label=pd.Series(dtype=np.int64)), 0)
    # Of the background, too, which is number 0.
    areas = np.append(np.int64(0), found["area_px"].to_numpy(np.int64))
    scores = np.append(0.0, found["score"].to_numpy(np.float64))
    if params.least_score == 0:
        groups = found["region_area_px"].to_numpy(np.int64)
        first = found["first_of_region"].to_numpy(bool)
        low, _ = area_limits(groups[first], diameter, params)
        areas[1:][groups < low] = 0
    kept, faint = select(areas, scores, diameter, params)
    kept, faint = kept[1:], faint[1:]
    if params.border == "drop":
        inner = ~found["at_border"].to_numpy(bool)
        kept, faint = kept & inner, faint & inner
    table = found[kept].reset_index(drop=True)
    table.insert(0, LABEL, np.arange(1, len(table) + 1, dtype=np.int64))
    return ChosenObjects(table, int(np.count_nonzero(faint)))


def check_diameter(table: pd.DataFrame, diameter: float) -> tuple[str, ...]:
    """Compare the diameter that a slide was segmented with with that of its objects.

    Parameters
    ----------
    table : pandas.DataFrame
        The objects.
    diameter : float
        Px.

    Returns
    -------
    tuple of str
        A sentence if they differ by much.
    """
    if len(table) < FEWEST:
        return ()
    typical = float(table["equivalent_diameter_px"].median())
    if 1 / FAR_OFF <= typical / diameter <= FAR_OFF:
        return ()
    return (
        f"The cells found have a median diameter of {typical:.0f} px, but were looked for with "
        f"{diameter:.0f} px: give the diameter and run again.",
    )
