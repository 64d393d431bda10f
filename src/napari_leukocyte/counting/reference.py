"""Reference ranges: what is usual in the blood of healthy people, by whose word."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file
from napari_leukocyte.io.validation import Number, parse, record

FILE_NAME = "reference_ranges.json"


@dataclass(frozen=True)
class Range:
    """The usual range of one class.

    Attributes
    ----------
    low, high : float
        Ends, which belong to it; 0 and infinity where it is open.

    Raises
    ------
    ParameterError
        If they are no range.
    """

    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        # False for NaN.
        if not 0 <= self.low <= self.high:
            raise ParameterError(
                "A reference range must start at 0 or more and not end below its start; "
                "{low:g} to {high:g} does not.",
                low=self.low,
                high=self.high,
            )

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"≥ {self.low:g}" if self.low else "any"
        return f"{self.low:g} – {self.high:g}" if self.low else f"≤ {self.high:g}"


def _range(ends: object) -> object:
    """Return the range of a file's two ends, of which one that is open is null."""
    if isinstance(ends, Range):
        return ends
    if not isinstance(ends, (list, tuple)) or len(ends) != 2:
        raise ValueError("two ends, null where it is open")
    low, high = parse(tuple[Number | None, Number | None], ends)
    return Range(low or 0.0, math.inf if high is None else high)


Ends = Annotated[Range, BeforeValidator(_range)]


@record(frozen=True)
class ReferenceRanges:
    """A set of reference ranges.

    Attributes
    ----------
    name : str
        Shown to the user; unique.
    source : str
        Where the figures come from.
    percent : mapping of str to Range
        Share of a class in the differential, %.
    absolute : mapping of str to Range
        Number of its cells in the blood, 10^9/L.

    Raises
    ------
    ParameterError
        If name or source are empty or a percentage exceeds 100.
    """

    name: str
    source: str
    percent: Mapping[str, Ends] = field(default_factory=dict)
    absolute: Mapping[str, Ends] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ParameterError("Reference ranges need a name.")
        if not self.source.strip():
            raise ParameterError(
                "Say where the reference ranges {name!r} come from.", name=self.name
            )
        for name, limits in self.percent.items():
            if limits.low > 100 or 100 < limits.high < math.inf:
                raise ParameterError("The range of {name} reaches beyond 100 %.", name=name)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; an open end is null."""
        return {
            "name": self.name,
            "source": self.source,
            "percent": {name: _ends(r) for name, r in self.percent.items()},
            "absolute": {name: _ends(r) for name, r in self.absolute.items()},
        }


#: Mean ± 2 standard deviations, or the central 95 % where the values are skewed. The book gives
#: "< 1 to 2 %" for basophils: such a range has no lower end. The absolute ranges are also
#: those of Oxford University Hospitals (Frontiers in Pharmacology 11:314, 2020, table 6).
DACIE_AND_LEWIS = ReferenceRanges(
    name="Adults (Dacie and Lewis)",
    source=(
        "Bain, Bates, Laffan and Lewis (editors), Dacie and Lewis Practical Haematology, "
        "11th edition, Churchill Livingstone, 2011, chapter 2, table 2.1 (adults)."
    ),
    percent={
        "neutrophil": Range(40, 80),
        "eosinophil": Range(1, 6),
        "basophil": Range(0, 2),
        "lymphocyte": Range(20, 40),
        "monocyte": Range(2, 10),
    },
    absolute={
        "neutrophil": Range(2.0, 7.0),
        "eosinophil": Range(0.02, 0.5),
        "basophil": Range(0.02, 0.1),
        "lymphocyte": Range(1.0, 3.0),
        "monocyte": Range(0.2, 1.0),
    },
)
#: Segmented and band neutrophils together, as this plugin's classes have them.
ORFANAKIS = ReferenceRanges(
    name="Adults (Orfanakis 1970)",
    source=(
        "Orfanakis, Ostlund, Bishop and Athens, Normal blood leukocyte concentration values, "
        "American Journal of Clinical Pathology 53, 1970: 95 % limits of 291 healthy people, from "
        "differential counts of 200 cells."
    ),
    absolute={
        "neutrophil": Range(1.83, 7.25),
        "eosinophil": Range(0, 0.7),
        "basophil": Range(0, 0.15),
        "lymphocyte": Range(1.5, 4.0),
        "monocyte": Range(0.2, 0.95),
    },
)
#: Ranges that come with the package. Every laboratory should have its own.
SHIPPED = (DACIE_AND_LEWIS, ORFANAKIS)


def list_ranges() -> tuple[ReferenceRanges, ...]:
    """List the shipped ranges and, after them, the user's own by name.

    Raises
    ------
    ParameterError
        If the user's file is damaged.
    """
    return (*SHIPPED, *_load())


def find_ranges(name: str) -> ReferenceRanges:
    """Return the ranges of a name.

    Raises
    ------
    ParameterError
        If there are none, or the user's file is damaged.
    """
    for ranges in SHIPPED:
        if ranges.name == name:
            return ranges
    for ranges in _load():
        if ranges.name == name:
            return ranges
    raise ParameterError("There are no reference ranges {name!r}.", name=name)


def save_ranges(ranges: ReferenceRanges) -> None:
    """Keep ranges for the user, in place of their own ones of that name.

    Raises
    ------
    ParameterError
        If shipped ranges have that name, or the user's file is damaged.
    OutputError
        If the file can't be written.
    """
    if any(s.name == ranges.name for s in SHIPPED):
        raise ParameterError(
            "The ranges {name!r} come with the plugin: give yours another name.", name=ranges.name
        )
    _store([r for r in _load() if r.name != ranges.name] + [ranges])


def delete_ranges(name: str) -> None:
    """Delete ranges of the user's own.

    Raises
    ------
    ParameterError
        If there are none of that name, or the user's file is damaged.
    OutputError
        If the file can't be written.
    """
    own = _load()
    if all(r.name != name for r in own):
        raise ParameterError("You have no reference ranges {name!r} of your own.", name=name)
    _store([r for r in own if r.name != name])


def _load() -> list[ReferenceRanges]:
    path = config_folder() / FILE_NAME
    entries = read_user_file(path, "ranges")
    if entries is None:
        return []
    return list(parse(tuple[ReferenceRanges, ...], entries, where=f"{path}: "))


def _store(own: list[ReferenceRanges]) -> None:
    entries = [r.to_dict() for r in sorted(own, key=lambda r: r.name)]
    write_user_file(config_folder() / FILE_NAME, "ranges", entries)


def _ends(limits: Range) -> list[float | None]:
    return [limits.low, None if math.isinf(limits.high) else limits.high]
