"""Names, colours and sentences that the whole project shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from napari_leukocyte.language import in_use, tr, tr_n

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
#: The two groups of a binary classifier: leukocytes, hence counted, but none of the classes that a
#: reader chooses from. The legend and the leukogram show them only where a model gives them.
MONONUCLEAR = CellClass("mononuclear", "#999933", "")
POLYMORPHONUCLEAR = CellClass("polymorphonuclear", "#44AA99", "")
GROUPS = (MONONUCLEAR, POLYMORPHONUCLEAR)
#: Every class with a colour and key of its own.
CLASSES = (*LEUKOCYTES, *FURTHER, SMUDGE_CELL, ARTEFACT, UNIDENTIFIED)

# What a reader divides the classes above into, where the smear asks for it. No shipped model gives
# these. Keys are those that the classes which they divide leave free.
SEGMENTED_NEUTROPHIL = CellClass("segmented neutrophil", "#1B4F9C", "n")
BAND_NEUTROPHIL = CellClass("band neutrophil", "#7FB8E6", "d")
REACTIVE_LYMPHOCYTE = CellClass("reactive lymphocyte", "#66C2A5", "r")
METAMYELOCYTE = CellClass("metamyelocyte", "#A6CEE3", "t")
MYELOCYTE = CellClass("myelocyte", "#3B9FD1", "c")
PROMYELOCYTE = CellClass("promyelocyte", "#6A51A3", "o")
BLAST = CellClass("blast", "#CC3311", "k")
PLASMA_CELL = CellClass("plasma cell", "#AA4499", "p")
PLATELET = CellClass("platelet", "#AA6677", "h", counted=False)
#: Classes that only a reader gives.
FINER = (
    SEGMENTED_NEUTROPHIL,
    BAND_NEUTROPHIL,
    REACTIVE_LYMPHOCYTE,
    METAMYELOCYTE,
    MYELOCYTE,
    PROMYELOCYTE,
    BLAST,
    PLASMA_CELL,
    PLATELET,
)
#: The parts into which a class is divided; what is left of it is not divided yet.
PARTS: dict[str, tuple[str, ...]] = {
    NEUTROPHIL.name: (SEGMENTED_NEUTROPHIL.name, BAND_NEUTROPHIL.name),
    LYMPHOCYTE.name: (REACTIVE_LYMPHOCYTE.name,),
    IMMATURE_GRANULOCYTE.name: (METAMYELOCYTE.name, MYELOCYTE.name, PROMYELOCYTE.name),
    PLATELET_OR_ARTEFACT.name: (PLATELET.name, ARTEFACT.name),
}
#: Every class that is known, in the order of tables.
ORDERED = (
    *LEUKOCYTES,
    SEGMENTED_NEUTROPHIL,
    BAND_NEUTROPHIL,
    REACTIVE_LYMPHOCYTE,
    IMMATURE_GRANULOCYTE,
    METAMYELOCYTE,
    MYELOCYTE,
    PROMYELOCYTE,
    BLAST,
    PLASMA_CELL,
    ERYTHROBLAST,
    PLATELET_OR_ARTEFACT,
    SMUDGE_CELL,
    PLATELET,
    ARTEFACT,
    UNIDENTIFIED,
    *GROUPS,
)
#: Colour of a class by its name.
COLORS = {c.name: c.color for c in ORDERED}

# The two groups have the field's own: "MON" is the monocyte.
_SHORT = {
    **{c.name: c.name[:3].upper() for c in (*CLASSES, *FINER)},
    BAND_NEUTROPHIL.name: "BND",
    REACTIVE_LYMPHOCYTE.name: "RLY",
    PLASMA_CELL.name: "PLC",
    PLATELET.name: "PLT",
    MONONUCLEAR.name: "MNC",
    POLYMORPHONUCLEAR.name: "PMN",
}
_TAKEN = frozenset(_SHORT.values())


# Stands for cells without a class.
_NO_CLASS = "unclassified"
# Names of classes that are no nouns.
_ADJECTIVES = frozenset({UNIDENTIFIED.name, MONONUCLEAR.name, POLYMORPHONUCLEAR.name})


def written(name: str) -> str:
    """Return a class as a person writes it in a heading or a list: "Platelet or artefact"."""
    said = tr(name)
    return said[:1].upper() + said[1:]


def plural(name: str) -> str:
    """Return cells of a class as a person writes them in a sentence: "platelets or artefacts"."""
    return tr(_plural(name))


def tr_count(number: int, name: str) -> str:
    """Return a number of cells of a class, in the form that the number asks for: "2 basophils"."""
    many = name if name == _NO_CLASS else _plural(name)
    said = tr_n(name, many, number)
    if in_use() != "en" and said in (name, many):  # no language but English adds an s
        return f"{written(name)}: {number}"
    return f"{number} {said}"


def _plural(name: str) -> str:
    if name in _ADJECTIVES:
        return f"{name} cells"
    return " or ".join(f"{part}s" for part in name.split(" or "))


def abbreviate(name: str) -> str:
    """Return the usual three letters of a class, such as "NEU", in the language in use.

    An own class that begins as one of these does has another third letter: a monoblast is "MOB".
    """
    return tr(letters(name))


@lru_cache(maxsize=256)
def letters(name: str) -> str:
    """Return the three letters of a class, for pictures, whose letters are Latin."""
    short = name[:3].upper()
    others = (short[:2] + letter for letter in name[4:].upper() if letter.isalnum())
    free = (found for found in (short, *others) if found not in _TAKEN)
    return _SHORT.get(name) or next(free, short)
