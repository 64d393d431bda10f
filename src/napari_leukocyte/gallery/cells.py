"""The rows of a session's table as a gallery wants them: one cell at a time, quickly."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from napari_leukocyte.schema import BOX, LABEL, PLACE, probabilities_of


class Place(NamedTuple):
    """The place of a cell, and enough of its shape to know whether its mask was changed.

    Attributes
    ----------
    label : int
        Number of the object.
    y0, x0, y1, x1 : int
        Bounding box, px; the ends are exclusive.
    area : int
        Area, px.
    y, x : float
        Centroid, px.
    """

    label: int
    y0: int
    x0: int
    y1: int
    x1: int
    area: int
    y: float
    x: float


@dataclass(frozen=True)
class GalleryCell:
    """One cell as a gallery shows it.

    Attributes
    ----------
    place : Place
        Where it is.
    class_name : str or None
        The class that counts; None if there is none, or it must not be shown.
    predicted : str or None
        The model's.
    confidence : float
        The model's, 0 to 1; NaN if unknown.
    by_reader : bool
        Whether the class is a reader's word.
    reviewed, edited : bool
        Whether a reader has decided on it; whether its mask was changed by hand.
    flags : str
        Joined by "; ".
    hidden : bool
        Whether what the model said must not be shown.
    """

    place: Place
    class_name: str | None
    predicted: str | None
    confidence: float
    by_reader: bool
    reviewed: bool
    edited: bool
    flags: str
    hidden: bool

    @property
    def candidate(self) -> bool:
        """Whether it is no cell yet, but a region that could be taken."""
        return self.place.label < 0

    @property
    def disagrees(self) -> bool:
        """Whether reader and model differ."""
        return self.by_reader and self.predicted is not None and self.class_name != self.predicted


class CellTable:
    """The cells of an image by their numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`, without what must not be
        shown (see `mask_predictions`).
    hidden : collection of int
        Cells whose model's class must not be shown.
    """

    def __init__(self, table: pd.DataFrame, hidden: Collection[int] = ()) -> None:
        self._hidden = hidden
        # As they are in the table: of thousands of cells, only those in sight are asked for.
        self._columns: dict[str, Any] = {name: table[name].array for name in _COLUMNS}
        self._row = {n: row for row, n in enumerate(table[LABEL].to_numpy().tolist())}

    def __len__(self) -> int:
        return len(self._row)

    def __contains__(self, label: object) -> bool:
        return label in self._row

    def __getitem__(self, label: int) -> GalleryCell:
        row = self._row[label]
        value = {name: column[row] for name, column in self._columns.items()}
        y0, x0, y1, x1, area = (int(value[name]) for name in (*BOX, "area_px"))
        place = Place(label, y0, x0, y1, x1, area, float(value["y"]), float(value["x"]))
        return GalleryCell(
            place=place,
            class_name=_text(value["class"]),
            predicted=_text(value["predicted"]),
            confidence=float(value["confidence"]),
            by_reader=value["source"] == "reader",
            reviewed=bool(value["reviewed"]),
            edited=bool(value["edited"]),
            flags=_text(value["flags"]) or "",
            hidden=label in self._hidden,
        )

    def row_of(self, label: int) -> int:
        """Return which row of the table a cell is in."""
        return self._row[label]

    def reviewed(self, label: int) -> bool:
        """Whether a reader has decided on a cell."""
        return bool(self._columns["reviewed"][self._row[label]])


#: What the model said, beside the probabilities.
_SAID = {"class": None, "predicted": None, "confidence": math.nan, "source": None}
_COLUMNS = (*PLACE, *_SAID, "reviewed", "edited", "flags")


def mask_predictions(table: pd.DataFrame, hidden: Collection[int]) -> pd.DataFrame:
    """Take out of a session's table what the model said of some cells, and their classes.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`; not changed.
    hidden : collection of int
        Numbers of the cells.

    Returns
    -------
    pandas.DataFrame
        Class, confidence, probabilities, source and predicted class of these are missing.
    """
    if not hidden or not len(table):
        return table
    masked = table.copy()
    rows = masked[LABEL].isin(list(hidden)).to_numpy()
    for name, nothing in _SAID.items():
        masked.loc[rows, name] = nothing
    for column in probabilities_of(masked):
        masked.loc[rows, column] = math.nan
    return masked


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
