"""The table of objects: its columns, their types, units and meaning, and the order of each form.

A table grows on its way: measured (`MEASURED`), classified, joined with what readers said (a
session's), and written as results or as a dataset. The columns of probabilities, one a class, stand
behind the confidence, or behind the score where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

#: The number of an object in its label image; with the image, the key of every table.
LABEL = "label"
#: Begins the name of a column with the probability of a class.
_PROBABILITY = "p_"
#: Probability from which a pixel belongs to the nucleus, as in `nucleus_cell_ratio`.
NUCLEUS_THRESHOLD = 0.5

Kind = Literal["whole number", "number", "true or false", "text"]


@dataclass(frozen=True)
class Column:
    """A column of the table of objects.

    Attributes
    ----------
    name : str
        As it stands in files.
    kind : str
        "whole number" (int64), "number" (float64, NaN where unknown), "true or false" (bool) or
        "text" (str).
    meaning : str
        Without its unit.
    unit : str
        "px", "px²", or empty.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""

    @property
    def description(self) -> str:
        """Its meaning with its unit."""
        return f"{self.meaning}, {self.unit}" if self.unit else self.meaning


_ALL = (
    Column("image", "text", "name of the photograph in the dataset"),
    Column(
        "group", "text", "what the photograph was taken of; a group is on one side of the split"
    ),
    Column("side", "text", "train, validation or test"),
    Column(LABEL, "whole number", "number of the object in the label image"),
    Column(
        "class",
        "text",
        "class that counts: the reader's word before the model's; empty if nobody gave one",
    ),
    Column("source", "text", "who gave the class: model or reader"),
    Column(
        "who", "text", "name of the reader who gave or confirmed the class, or else of the model"
    ),
    Column("model", "text", "name of the classifier"),
    Column("model_sha256", "text", "checksum of the classifier"),
    Column("predicted", "text", "class that the classifier gave"),
    Column("confidence", "number", "probability of the predicted class, 0 to 1"),
    Column("score", "number", "evidence that the object is a leukocyte, 0 to 1"),
    Column("reader", "text", "who last said something of the object"),
    Column("when", "text", "when that was (ISO 8601, UTC)"),
    Column("reviewed", "true or false", "whether a reader gave or confirmed the class"),
    Column("flags", "text", "flags of the reader, separated by semicolons"),
    Column("note", "text", "note of the reader"),
    Column("edited", "true or false", "whether the mask was changed by hand"),
    Column("crop", "text", "picture of the object"),
    Column("y", "number", "centroid, row", "px"),
    Column("x", "number", "centroid, column", "px"),
    Column("bbox_y0", "whole number", "first row of the bounding box", "px"),
    Column("bbox_x0", "whole number", "first column of the bounding box", "px"),
    Column("bbox_y1", "whole number", "row after the last of the bounding box", "px"),
    Column("bbox_x1", "whole number", "column after the last of the bounding box", "px"),
    Column("area_px", "whole number", "area", "px²"),
    Column("equivalent_diameter_px", "number", "diameter of the disc of the same area", "px"),
    Column("circularity", "number", "4 pi area over the square of the perimeter, at most 1"),
    Column("solidity", "number", "area over that of the convex hull, at most 1"),
    Column(
        "nucleus_cell_ratio",
        "number",
        "area of the nucleus over that of the cell; empty if unknown",
    ),
)
#: Every column but the probabilities, by name, in the order of a dataset's table.
COLUMNS = {column.name: column for column in _ALL}
_NAMES = tuple(COLUMNS)

#: The bounding box, ends exclusive.
BOX = ("bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1")
#: Where an object is and how large.
PLACE = ("y", "x", *BOX, "area_px")
#: As measured.
MEASURED = (LABEL, *PLACE, *_NAMES[_NAMES.index("area_px") + 1 :])
#: What a reader said, and the class that follows from it and the model's.
REVIEW = ("class", "source", "reviewed", "reader", "when", "flags", "note")
#: Behind a session's measurements; before them stand number, class, confidence, probabilities.
SESSION_BACK = ("source", "edited", "reviewed", "predicted", "reader", "when", "flags", "note")
#: Before the probabilities of results; `PLACE` and the rest follow them.
RESULTS_FRONT = ("image", LABEL, "class", "confidence", "score")
#: Before and behind the probabilities of a dataset.
DATASET_FRONT = _NAMES[: _NAMES.index("score") + 1]
DATASET_BACK = _NAMES[_NAMES.index("score") + 1 :]
#: A dataset's only where it is known: version 0.1.0 gave no scores.
OPTIONAL = frozenset({"score"})


def of_kind(kind: Kind) -> frozenset[str]:
    """Return the names of the columns of a kind, without the probabilities."""
    return frozenset(name for name, column in COLUMNS.items() if column.kind == kind)


TEXTS, TRUTHS, WHOLE = of_kind("text"), of_kind("true or false"), of_kind("whole number")


def probability_column(class_name: str) -> str:
    """Return the name of the column with the probability of a class."""
    return _PROBABILITY + class_name.replace(" ", "_")


def is_probability(name: object) -> bool:
    """Whether a column holds the probability of a class."""
    return str(name).startswith(_PROBABILITY)


def probabilities_of(names: Iterable[object]) -> list[str]:
    """Return those of some columns that hold probabilities, in their order."""
    return [str(name) for name in names if is_probability(name)]


def class_of(name: str) -> str:
    """Return the class of a column with a probability, with _ where it has spaces."""
    return name.removeprefix(_PROBABILITY)


def column_of(name: str) -> Column:
    """Return a column by its name; one that is not known is taken for a probability."""
    of = class_of(name).replace("_", " ")
    known = COLUMNS.get(name)
    return known or Column(name, "number", f"the classifier's probability of {of}, 0 to 1")
