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
        Key that gives this class to the selected objects; empty if none does.
    counted : bool
        Whether it counts in the differential unless the user decides otherwise: leukocytes do,
        erythroblasts, what is broken and what is no cell do not.
    """

    name: str
    color: str
    key: str
    counted: bool = True


# The first eight colours are Okabe and Ito's, which people with any colour vision tell apart
# (https://jfly.uni-koeln.de/color/); the others are from Tol's muted scheme
# (https://sronpersonalpages.nl/~pault/), and greys.
NEUTROPHIL = CellClass("neutrophil", "#0072B2", "n")
EOSINOPHIL = CellClass("eosinophil", "#D55E00", "e")
BASOPHIL = CellClass("basophil", "#CC79A7", "b")
LYMPHOCYTE = CellClass("lymphocyte", "#009E73", "l")
MONOCYTE = CellClass("monocyte", "#F0E442", "m")
IMMATURE_GRANULOCYTE = CellClass("immature granulocyte", "#56B4E9", "i")
ERYTHROBLAST = CellClass("erythroblast", "#E69F00", "y", counted=False)
PLATELET_OR_ARTEFACT = CellClass("platelet or artefact", "#882255", "p", counted=False)
SMUDGE_CELL = CellClass("smudge cell", "#DDDDDD", "s", counted=False)
ARTEFACT = CellClass("artefact", "#555555", "a", counted=False)
UNIDENTIFIED = CellClass("unidentified", "#999999", "u", counted=False)

#: The five classes of the differential count, in the order of every table.
LEUKOCYTES = (NEUTROPHIL, EOSINOPHIL, BASOPHIL, LYMPHOCYTE, MONOCYTE)
#: Their names.
LEUKOCYTE_NAMES = tuple(c.name for c in LEUKOCYTES)
#: What the shipped classifier also tells apart, so that nothing is forced into the five.
FURTHER = (IMMATURE_GRANULOCYTE, ERYTHROBLAST, PLATELET_OR_ARTEFACT)
#: The two groups of a binary classifier; they are no classes of the differential, and the legend
#: shows them only where a model gives them.
MONONUCLEAR = CellClass("mononuclear", "#999933", "", counted=False)
POLYMORPHONUCLEAR = CellClass("polymorphonuclear", "#44AA99", "", counted=False)
GROUPS = (MONONUCLEAR, POLYMORPHONUCLEAR)
#: Every class with a colour and key of its own.
CLASSES = (*LEUKOCYTES, *FURTHER, SMUDGE_CELL, ARTEFACT, UNIDENTIFIED)
#: Colour of a class by its name.
COLORS = {c.name: c.color for c in (*CLASSES, *GROUPS)}
