"""Parameters of the post-processing, with their ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

from napari_leukocyte.errors import ParameterError

KernelShape = Literal["ellipse", "rectangle", "cross"]
FewObjects = Literal["expected", "keep"]
Watershed = Literal["none", "distance", "nucleus", "points"]
Border = Literal["keep", "drop"]

#: Inclusive range of every number.
RANGES: dict[str, tuple[float, float]] = {
    "threshold": (0.01, 0.99),
    "opening_size": (0.0, 0.6),
    "closing_size": (0.0, 0.6),
    "area_lower_deviation": (0.0, 1.0),
    "area_upper_deviation": (0.0, 20.0),
    "marker_distance": (0.05, 2.0),
    "marker_height": (0.0, 0.5),
}
#: Allowed values of every choice.
CHOICES: dict[str, tuple[str, ...]] = {
    "opening_shape": get_args(KernelShape),
    "closing_shape": get_args(KernelShape),
    "few_objects": get_args(FewObjects),
    "watershed": get_args(Watershed),
    "border": get_args(Border),
}


@dataclass(frozen=True)
class PostprocessParams:
    """Parameters that turn a probability map into a label image.

    Lengths are in parts of the diameter of a leukocyte, so that one setting serves every
    magnification.

    Attributes
    ----------
    threshold : float
        Probability from which a pixel belongs to a cell; 0.01 to 0.99.
    opening_shape, closing_shape : {"ellipse", "rectangle", "cross"}
        Shape of the kernel.
    opening_size, closing_size : float
        Width of the kernel, 0 to 0.6 diameters; a kernel of one pixel does nothing. Opening
        removes what is thinner, closing then joins what is nearer.
    fill_holes : bool
        Whether holes become part of the cell around them.
    area_lower_deviation : float
        Objects smaller than ``(1 - area_lower_deviation)`` medians are removed; 0 to 1, and
        1 removes none.
    area_upper_deviation : float
        Objects larger than ``(1 + area_upper_deviation)`` medians are removed; 0 to 20.
    few_objects : {"expected", "keep"}
        With fewer than three objects a median says nothing. ``"expected"`` compares with the area
        of a disc of the leukocyte's diameter instead, ``"keep"`` removes nothing.
    watershed : {"none", "distance", "nucleus", "points"}
        Where the markers come from that part touching cells: peaks of the distance
        transform, the nucleus map, or points that a user placed.
    marker_distance : float
        Markers nearer than this are one cell; 0.05 to 2 diameters.
    marker_height : float
        Least height of a peak of the distance transform above the saddle to a
        higher one (h-maxima); 0 to 0.5 diameters.
    border : {"keep", "drop"}
        What happens to cells that the image's border cuts.
    """

    threshold: float = 0.5
    opening_shape: KernelShape = "ellipse"
    opening_size: float = 0.1
    closing_shape: KernelShape = "ellipse"
    closing_size: float = 0.1
    fill_holes: bool = True
    area_lower_deviation: float = 0.7
    area_upper_deviation: float = 3.0
    few_objects: FewObjects = "expected"
    watershed: Watershed = "distance"
    marker_distance: float = 0.5
    marker_height: float = 0.05
    border: Border = "keep"

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            if not is_number:
                raise ParameterError(f"{name} must be a number, not {value!r}.")
            if not low <= value <= high:
                raise ParameterError(f"{name} is {value}; it must lie from {low:g} to {high:g}.")
            # NumPy's scalars are welcome, but JSON does not know them.
            object.__setattr__(self, name, float(value))
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ParameterError(
                    f"{name} is {value!r}; it must be one of {', '.join(allowed)}."
                )
        if not isinstance(self.fill_holes, bool):
            raise ParameterError(f"fill_holes must be true or false, not {self.fill_holes!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PostprocessParams:
        """Make parameters from a dictionary; what it does not name keeps its default.

        Raises
        ------
        ParameterError
            If this is no dictionary, a name is unknown or a value is outside its range.
        """
        if not isinstance(values, Mapping):
            raise ParameterError(f"Parameters are names with values, not {values!r}.")
        known = [f.name for f in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise ParameterError(
                    f"There is no parameter {name!r}: known are {', '.join(known)}."
                )
        return cls(**values)
