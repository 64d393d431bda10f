"""The classes that a reader is offered, five-part or extended, and their sums.

The classes of the models are coarse: five, or eight. In the extended differential it is the reader
who divides them: a neutrophil becomes a segmented or a band one, an immature granulocyte a
metamyelocyte, myelocyte or promyelocyte. What is not divided stays what the model has called it,
and a sum holds both, so that nothing is lost from the neutrophils while they are being divided.

Names are those of ICSH's nomenclature [1]_, which also says which cells to report and how abnormal
ones are graded. Band and segmented neutrophils are summed, since the absolute count of neutrophils
is that of both [2]_. Erythroblasts stand beside the count, to 100 leukocytes. How many cells are
counted is the laboratory's choice: 100 as a rule; 200 by each of two readers in the reference
method for judging analysers [3]_; 400 for both together; 500 where a rare class decides, as ICSH's
guidelines of bone marrow ask [4]_. The limits that stand beside each percentage say what a number
of cells is worth.

References
----------
.. [1] Palmer, Briggs, McFadden, Zini, Burthem, Rozenberg, Proytcheva and Machin, "ICSH
   recommendations for the standardization of nomenclature and grading of peripheral blood cell
   morphological features", Int. J. Lab. Hematol. 37, 2015, doi:10.1111/ijlh.12327.
.. [2] CAP Today, Q&A column, February 2019, https://www.captodayonline.com/qa-column-0219/.
.. [3] CLSI, "Reference leukocyte (WBC) differential count (proportional) and evaluation of
   instrumental methods", H20-A2, 2007.
.. [4] Lee, Erber, Porwit, Tomonaga and Peterson, "ICSH guidelines for the standardization of bone
   marrow specimens and reports", Int. J. Lab. Hematol. 30, 2008.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from napari_leukocyte.counting.leukogram import (
    COLUMNS,
    assess,
    clopper_pearson,
    divided,
    is_counted,
)
from napari_leukocyte.counting.reference import ReferenceRanges
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file
from napari_leukocyte.vocabulary import (
    ARTEFACT,
    BAND_NEUTROPHIL,
    BASOPHIL,
    BLAST,
    CLASSES,
    EOSINOPHIL,
    ERYTHROBLAST,
    IMMATURE_GRANULOCYTE,
    LYMPHOCYTE,
    METAMYELOCYTE,
    MONOCYTE,
    MYELOCYTE,
    NEUTROPHIL,
    PARTS,
    PLASMA_CELL,
    PLATELET,
    PLATELET_OR_ARTEFACT,
    PROMYELOCYTE,
    REACTIVE_LYMPHOCYTE,
    SEGMENTED_NEUTROPHIL,
    SMUDGE_CELL,
    UNIDENTIFIED,
    CellClass,
)

FILE_NAME = "preset.json"
_KEY = "preset"


@dataclass(frozen=True)
class ClassPreset:
    """The classes that a reader is offered.

    Attributes
    ----------
    name : str
        In the user's file.
    title : str
        For the window.
    classes : tuple of CellClass
        In the order of lists, with keys of their own. No two overlap.
    """

    name: str
    title: str
    classes: tuple[CellClass, ...]


#: Five classes and what the shipped classifier also tells apart. It knows platelets and artefacts
#: as one class, hence a reader's artefacts are in it, too.
FIVE_PART = ClassPreset(
    "five-part", "Five-part", tuple(c for c in CLASSES if c.name != ARTEFACT.name)
)
EXTENDED = ClassPreset(
    "extended",
    "Extended",
    (
        SEGMENTED_NEUTROPHIL,
        BAND_NEUTROPHIL,
        EOSINOPHIL,
        BASOPHIL,
        LYMPHOCYTE,
        REACTIVE_LYMPHOCYTE,
        MONOCYTE,
        METAMYELOCYTE,
        MYELOCYTE,
        PROMYELOCYTE,
        BLAST,
        PLASMA_CELL,
        ERYTHROBLAST,
        SMUDGE_CELL,
        PLATELET,
        ARTEFACT,
        UNIDENTIFIED,
    ),
)
#: The default first.
PRESETS = (FIVE_PART, EXTENDED)
#: What stands before the sum of a class and its parts.
SUM_TITLES = {
    NEUTROPHIL.name: "All neutrophils",
    LYMPHOCYTE.name: "All lymphocytes",
    IMMATURE_GRANULOCYTE.name: "All immature granulocytes",
    PLATELET_OR_ARTEFACT.name: "All platelets and artefacts",
}


def find_preset(name: str) -> ClassPreset:
    """Return a preset by its name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    for preset in PRESETS:
        if preset.name == name:
            return preset
    known = " or ".join(repr(p.name) for p in PRESETS)
    raise ParameterError(
        "A preset of classes is {known}, not {name!r}.", known=known, name=str(name)[:40]
    )


def recall_preset() -> ClassPreset:
    """Return the preset that was last chosen, or the default.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """
    path = config_folder() / FILE_NAME
    name = read_user_file(path, _KEY)
    if name is None:
        return FIVE_PART
    try:
        return find_preset(name)
    except ParameterError as error:
        raise ParameterError("{path}: {reason}", path=path, reason=str(error)) from error


def preset_in_use() -> ClassPreset:
    """Return what `recall_preset` does; the default of a damaged file, of which others tell."""
    try:
        return recall_preset()
    except ParameterError:
        return FIVE_PART


def remember_preset(preset: ClassPreset) -> None:
    """Keep a preset as the user's habit.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    write_user_file(config_folder() / FILE_NAME, _KEY, preset.name)


def offered(preset: ClassPreset, own: Iterable[CellClass]) -> tuple[CellClass, ...]:
    """Return the classes that a reader is offered: a preset's and, after them, the user's own.

    What the user has said of a class stands over the preset: one with the same name takes its
    place, and one with the same key takes the key.
    """
    custom = {c.name: c for c in own}
    keys = {c.key for c in custom.values() if c.key}
    listed = [
        custom.pop(c.name, replace(c, key="") if c.key in keys else c) for c in preset.classes
    ]
    return (*listed, *custom.values())


def sums(leukogram: pd.DataFrame) -> pd.DataFrame:
    """Add up the classes that were divided with their parts.

    Parameters
    ----------
    leukogram : pandas.DataFrame
        As from :func:`napari_leukocyte.counting.leukogram.count`.

    Returns
    -------
    pandas.DataFrame
        The same columns; a row for each class of which a part was found and which counts, with
        the name of the class: the count, percentage and 95 % Clopper-Pearson limits of the class
        and its parts together, as far as they count.
    """
    counting = leukogram[is_counted(leukogram)].set_index("class")
    rows: list[tuple[str, int, float, float, float, int]] = []
    for name in (n for n in PARTS if n in divided(leukogram)):
        members = [n for n in (name, *PARTS[name]) if n in counting.index]
        if members:
            found = int(counting.loc[members, "count"].sum())
            total = int(counting["total"].iloc[0])
            low, high = (100 * limit for limit in clopper_pearson(found, total))
            percent = 100 * found / total if total else float("nan")
            rows.append((name, found, percent, low, high, total))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def assess_sums(
    leukogram: pd.DataFrame,
    ranges: ReferenceRanges | None = None,
    leukocytes: float | None = None,
) -> pd.DataFrame:
    """Return the sums with absolute counts and flags: a range of a class is one of its sum.

    Takes, returns and raises the same as :func:`napari_leukocyte.counting.leukogram.assess`, but
    for the rows, which are those of `sums`.
    """
    return assess(sums(leukogram), ranges, leukocytes)
