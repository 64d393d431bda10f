"""Names, colours and sentences that the whole project shares."""

from __future__ import annotations

from dataclasses import dataclass

#: Stands wherever results are shown.
DISCLAIMER = "For research use only. Not for use in diagnostic procedures."


@dataclass(frozen=True)
class CellClass:
    """A class of cell.

    Attributes
    ----------
    name : str
        Lower-case name in the singular, as written in tables.
    color : str
        ``#rrggbb``.
    key : str
        Key that gives this class to the selected objects.
    """

    name: str
    color: str
    key: str


# The colours are Okabe and Ito's, which people with any colour vision tell apart
# (https://jfly.uni-koeln.de/color/).
NEUTROPHIL = CellClass("neutrophil", "#0072B2", "n")
EOSINOPHIL = CellClass("eosinophil", "#D55E00", "e")
BASOPHIL = CellClass("basophil", "#CC79A7", "b")
LYMPHOCYTE = CellClass("lymphocyte", "#009E73", "l")
MONOCYTE = CellClass("monocyte", "#F0E442", "m")
UNIDENTIFIED = CellClass("unidentified", "#999999", "u")

#: The five classes of the differential count, in the order of every table.
LEUKOCYTES = (NEUTROPHIL, EOSINOPHIL, BASOPHIL, LYMPHOCYTE, MONOCYTE)
#: Their names.
LEUKOCYTE_NAMES = tuple(c.name for c in LEUKOCYTES)
#: Every class with a colour and key of its own.
CLASSES = (*LEUKOCYTES, UNIDENTIFIED)
#: Colour of a class by its name.
COLORS = {c.name: c.color for c in CLASSES}
