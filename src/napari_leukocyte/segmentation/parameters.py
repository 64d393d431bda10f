"""Parameters of the post-processing, with their ranges, and as a JSON file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.json_text import read_json
from napari_leukocyte.io.validation import FORBID, Number, Truth, between, parse, record

KernelShape = Literal["ellipse", "rectangle", "cross"]
FewObjects = Literal["expected", "keep"]
Watershed = Literal["none", "distance", "nucleus", "points"]
Border = Literal["keep", "drop"]
Vote = Literal["minimum", "geometric", "mean"]

#: Parameters that version 0.1.0 did not have, with the values at which all is as it was then.
_AS_IN_0_1_0: dict[str, Any] = {"vote": "mean", "least_score": 0.0}
#: Inclusive range of every number.
RANGES: dict[str, tuple[float, float]] = {
    "threshold": (0.01, 0.99),
    "opening_size": (0.0, 0.6),
    "closing_size": (0.0, 0.6),
    "area_lower_deviation": (0.0, 1.0),
    "area_upper_deviation": (0.0, 20.0),
    "marker_distance": (0.05, 2.0),
    "marker_height": (0.0, 0.5),
    "least_score": (0.0, 1.0),
}
#: Unit of every number.
UNITS: dict[str, str] = {
    "threshold": "probability",
    "opening_size": "diameters",
    "closing_size": "diameters",
    "area_lower_deviation": "median areas",
    "area_upper_deviation": "median areas",
    "marker_distance": "diameters",
    "marker_height": "diameters",
    "least_score": "score",
}
#: Allowed values of every choice.
CHOICES: dict[str, tuple[str, ...]] = {
    "vote": get_args(Vote),
    "opening_shape": get_args(KernelShape),
    "closing_shape": get_args(KernelShape),
    "few_objects": get_args(FewObjects),
    "watershed": get_args(Watershed),
    "border": get_args(Border),
}


@record(frozen=True)
class PostprocessParams:
    """Parameters that turn a probability map into a label image.

    Lengths are in parts of the diameter of a leukocyte, so that one setting serves every
    magnification.

    Attributes
    ----------
    vote : {"minimum", "geometric", "mean"}
        Rule by which the members' maps become one: the pixelwise minimum, the weighted geometric
        mean, or the weighted mean of Chernykh, Mikhelev and others (2024). A member whose weight is
        0 has no vote.
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
        Objects smaller than ``(1 - area_lower_deviation)`` medians are removed, unless their score
        convinces; 0 to 1, and 1 removes none.
    area_upper_deviation : float
        Objects larger than ``(1 + area_upper_deviation)`` medians are removed, unless their score
        convinces; 0 to 20.
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
    least_score : float
        Objects whose score, the evidence that they are leukocytes, is lower are no objects but
        candidates; 0 to 1. At 0 evidence counts for nothing, and areas alone decide.
    """

    __pydantic_config__ = FORBID

    vote: Vote = "minimum"
    threshold: Annotated[Number, between(*RANGES["threshold"])] = 0.5
    opening_shape: KernelShape = "ellipse"
    opening_size: Annotated[Number, between(*RANGES["opening_size"])] = 0.1
    closing_shape: KernelShape = "ellipse"
    closing_size: Annotated[Number, between(*RANGES["closing_size"])] = 0.1
    fill_holes: Truth = True
    area_lower_deviation: Annotated[Number, between(*RANGES["area_lower_deviation"])] = 0.7
    area_upper_deviation: Annotated[Number, between(*RANGES["area_upper_deviation"])] = 3.0
    few_objects: FewObjects = "expected"
    watershed: Watershed = "distance"
    marker_distance: Annotated[Number, between(*RANGES["marker_distance"])] = 0.5
    marker_height: Annotated[Number, between(*RANGES["marker_height"])] = 0.05
    border: Border = "keep"
    least_score: Annotated[Number, between(*RANGES["least_score"])] = 0.4

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PostprocessParams:
        """Make parameters from a dictionary; what it does not name keeps its default.

        A dictionary that is whole for version 0.1.0, and so was written by it, gives what that
        version would have made of it: the weighted mean, and no scores.

        Raises
        ------
        ParameterError
            If this is no dictionary, a name is unknown or a value is outside its range.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        if isinstance(values, Mapping) and set(values) == known - set(_AS_IN_0_1_0):
            values = {**values, **_AS_IN_0_1_0}
        return parse(cls, values)

    @classmethod
    def as_in_0_1_0(cls) -> PostprocessParams:
        """Return the defaults of version 0.1.0."""
        return cls(**_AS_IN_0_1_0)


#: Version of the layout that is written and read.
PRESET_VERSION = 1


def save_preset(path: Path, params: PostprocessParams) -> None:
    """Write parameters to a file, which is replaced if it exists.

    Parameters
    ----------
    path : Path
        Where to.
    params : PostprocessParams
        What.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    data = {"schema": PRESET_VERSION, "parameters": params.to_dict()}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def load_preset(path: Path) -> PostprocessParams:
    """Read parameters from a file.

    Parameters
    ----------
    path : Path
        As written by :func:`save_preset`, a ``run.json``, or an object of the parameters alone.

    Returns
    -------
    PostprocessParams
        What the file does not name has its default.

    Raises
    ------
    ParameterError
        If the file can't be read, is no such JSON, is of another version, or a value is out of its
        range.
    """
    data = read_json(path, ParameterError)
    if data is None:
        raise ParameterError(f"{path} can't be read: there is no such file.")
    values = data
    if isinstance(data, dict) and "parameters" in data:
        values = data["parameters"]
        version = data.get("schema", PRESET_VERSION)
        if version != PRESET_VERSION:
            raise ParameterError(
                f"{path} has layout version {version!r}; this plugin reads {PRESET_VERSION}."
            )
    try:
        return PostprocessParams.from_dict(values)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error
