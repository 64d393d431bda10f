"""How a cell's class is explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from napari_leukocyte.errors import ParameterError

Method = Literal["activation", "occlusion", "lime", "shap"]
Fill = Literal["blurred", "background"]
METHODS: tuple[Method, ...] = get_args(Method)
FILLS: tuple[Fill, ...] = get_args(Fill)
#: The names of the methods for a user.
TITLES: dict[Method, str] = {
    "activation": "Class activation map",
    "occlusion": "Occlusion",
    "lime": "LIME on superpixels",
    "shap": "SHAP on superpixels",
}


@dataclass(frozen=True)
class ExplainSettings:
    """How a cell's class is explained.

    Attributes
    ----------
    fill : {"blurred", "background"}
        What stands where a part of the cell is hidden: the crop's own content, blurred until no
        structure is left, or the empty background.
    windows : int
        Windows across the cell, along one side, that occlusion hides one by one; 2 to 24.
    superpixels : int
        Superpixels that LIME and SHAP hide; 4 to 200.
    samples : int
        Choices of superpixels that LIME and SHAP try; 16 to 5000.
    runs : int
        Images that LIME and SHAP let the networks see at most: one for each sample, view and
        member. Samples, then superpixels become fewer to keep to it. 64 to 50000.
    seed : int
        Of all chance.

    Raises
    ------
    ParameterError
        If a value is outside its range.
    """

    fill: Fill = "blurred"
    windows: int = 5
    superpixels: int = 40
    samples: int = 300
    runs: int = 480
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ParameterError(f"What hides a part must be one of {', '.join(FILLS)}.")
        for name, low, high in (
            ("windows", 2, 24),
            ("superpixels", 4, 200),
            ("samples", 16, 5000),
            ("runs", 64, 50000),
            ("seed", 0, 2**31 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"{name.capitalize()} must lie from {low} to {high}.")
