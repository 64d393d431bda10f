"""Settings of a differential count: classes that count, number of cells, reference ranges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, field, replace
from typing import Annotated, Any, Literal, get_args

import numpy as np

from napari_leukocyte.counting.leukogram import CONFIDENCE, DEFAULT_COUNTED, in_order
from napari_leukocyte.counting.own_classes import load_own_classes
from napari_leukocyte.counting.presets import preset_in_use
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file
from napari_leukocyte.io.validation import FORBID, Name, Number, must, parse, record
from napari_leukocyte.vocabulary import CLASSES, FINER, GROUPS, CellClass

#: Cells of a usual differential count. 200 is the CLSI's (H20) for each of two readers; see
#: `counting.presets` for the others.
Target = Literal[100, 200, 400, 500]
TARGETS: tuple[Target, ...] = get_args(Target)
#: More leukocytes than any blood has, 10^9/L.
MOST_LEUKOCYTES = 2000.0
Leukocytes = Annotated[
    Number,
    must(lambda n: 0 < n <= MOST_LEUKOCYTES, f"above 0 and at most {MOST_LEUKOCYTES:g} × 10⁹/L"),
]
FILE_NAME = "differential.json"


def default_counted() -> tuple[str, ...]:
    """Return the classes that count unless the user decides otherwise, the user's own among them.

    Of a damaged file of own classes nothing is taken; whoever lists or changes them tells of it.
    """
    try:
        own = load_own_classes()
    except ParameterError:
        own = ()
    said = {c.name: c.counted for c in (*preset_in_use().classes, *own)}
    further = (name for name, counts in said.items() if counts and name not in DEFAULT_COUNTED)
    return (*DEFAULT_COUNTED, *further)


def not_counted(counted: Collection[str] | None = None) -> frozenset[str]:
    """Return the classes of the vocabulary and the user's own that do not count.

    Parameters
    ----------
    counted : collection of str, optional
        Those that count; `default_counted` by default. A class that only a model knows is neither
        here nor there: of it nobody has said that it does not count.
    """
    try:
        own = load_own_classes()
    except ParameterError:
        own = ()
    said = {c.name: c for c in (*CLASSES, *GROUPS, *FINER, *own)}
    known = tuple(said.values())
    if counted is None:
        return frozenset(c.name for c in known if not c.counted)
    return frozenset(c.name for c in known) - frozenset(counted)


@record(frozen=True)
class DifferentialSettings:
    """Settings of a differential count; saved with its results.

    Attributes
    ----------
    counted : tuple of str
        The classes whose cells are in the total; kept in the order of the vocabulary. By default
        those of the vocabulary and the user's own of which it is said that they count.
    target : int
        Cells to be counted: 100, 200, 400 or 500.
    leukocytes : float or None
        Leukocytes of the blood, 10^9/L, from another method; None if unknown. If that method also
        counts erythroblasts, the number must have been corrected for them.
    reference : str or None
        Name of the reference ranges; None for no ranges.

    Raises
    ------
    ParameterError
        If a value is out of its range.
    """

    __pydantic_config__ = FORBID

    counted: tuple[Name, ...] = field(default_factory=default_counted)
    target: Target = 100
    leukocytes: Leukocytes | None = None
    reference: str | None = None

    def __post_init__(self) -> None:
        if not self.counted:
            raise ParameterError("At least one class must count in the differential.")
        object.__setattr__(self, "counted", tuple(in_order(set(self.counted))))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        return asdict(self) | {"counted": list(self.counted)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DifferentialSettings:
        """Make settings from what `to_dict` gave; what is missing has its default.

        Raises
        ------
        ParameterError
            If an entry is unknown or out of its range.
        """
        return parse(cls, values)


def with_own_classes(
    settings: DifferentialSettings, former: Iterable[CellClass], now: Iterable[CellClass]
) -> DifferentialSettings:
    """Return settings that follow a change of the user's own classes.

    A class that is new, or of which it is newly said whether it counts, counts as is said of it.
    One that was taken away counts as before, since cells may still have it.

    Parameters
    ----------
    settings : DifferentialSettings
        Before the change.
    former, now : iterable of CellClass
        The user's own classes before and after.

    Raises
    ------
    ParameterError
        If no class would count any more.
    """
    before = {c.name: c.counted for c in former}
    changed = [c for c in now if before.get(c.name) != c.counted]
    counted = set(settings.counted) - {c.name for c in changed}
    counted |= {c.name for c in changed if c.counted}
    return replace(settings, counted=tuple(counted))


def remember_settings(settings: DifferentialSettings) -> None:
    """Keep settings as the user's habit, without the total of leukocytes: that is one patient's.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    habit = replace(settings, leukocytes=None)
    write_user_file(config_folder() / FILE_NAME, "differential", habit.to_dict())


def recall_settings() -> DifferentialSettings:
    """Return the settings that were last remembered, or the defaults.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """
    path = config_folder() / FILE_NAME
    values = read_user_file(path, "differential")
    if values is None:
        return DifferentialSettings()
    return parse(DifferentialSettings, values, where=f"{path}: ")


#: Nobody counts so many cells of a smear by eye.
MOST_CELLS = 5_000
#: Numbers that are tried at a time.
_BLOCK = 1024


def cells_needed(
    found: int,
    total: int,
    share: float,
    confidence: float = CONFIDENCE,
    most: int = MOST_CELLS,
) -> int | None:
    """Return how many more cells tell a class's share from a given one.

    It is the smallest N of 0, 1, 2 ... such that, if `total + N` cells hold the class at the very
    share that was found so far, the Clopper-Pearson interval of that share excludes the given one.
    The class's cells are then (total + N) * found / total, which need not be whole: the interval's
    ends are quantiles of beta distributions, which exist for any positive number of cells, so
    that N does not jump with rounding. It is a forecast, since the next cells may change the share.

    Parameters
    ----------
    found, total : int
        Cells of the class, and all that count; 0 <= found <= total.
    share : float
        The share to be told from, 0 to 1.
    confidence : float
        Of the interval, 0 to 1.
    most : int
        The largest N that is tried.

    Returns
    -------
    int or None
        0 if the interval excludes the share already; None if nothing has been counted, if the share
        that was found equals the given one, or if more than `most` cells were needed.

    Raises
    ------
    ParameterError
        If the share is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ParameterError("A share must be from 0 to 100 %, not {share:g} %.", share=100 * share)
    if not total or found == share * total:
        return None
    from scipy.special import betainc, betaincc

    tail = (1 - confidence) / 2
    for start in range(0, most + 1, _BLOCK):
        more = np.arange(start, min(start + _BLOCK, most + 1))
        cells = (total + more).astype(np.float64)
        of_class = cells * (found / total)
        others = cells * ((total - found) / total)
        # The lower limit exceeds the share where so many cells or more of the class would be found
        # with less than the tail's probability, if the share were true; and the upper likewise.
        if found > share * total:
            excluded = betainc(of_class, others + 1, share) < tail
        else:
            excluded = betaincc(of_class + 1, others, share) < tail
        if excluded.any():
            return int(more[np.argmax(excluded)])
    return None
