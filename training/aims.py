"""Figures that the shipped models were to reach, beside those that they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Foreground IoU on photographs held out, and on sets left out of training.
IOU_HELD_OUT = {"zheng1": 0.96, "zheng2": 0.965, "bccd": 0.93}
IOU_LEFT_OUT = {"zheng1": 0.90, "zheng2": 0.90, "bccd": 0.85}
#: Macro F1 of the five classes held out, and balanced accuracy left out.
F1_HELD_OUT = {"zheng1": 0.95, "zheng2": 0.95, "bccd": 0.95, "pbc": 0.985}
BALANCED_LEFT_OUT = 0.80
#: Largest calibration error, held out and left out.
CALIBRATION_HELD_OUT, CALIBRATION_LEFT_OUT = 0.05, 0.10
_NAMES = {
    "zheng1": "Zheng 1",
    "zheng2": "Zheng 2",
    "bccd": "BCCD",
    "pbc": "PBC",
    "raabin_labelled": "Raabin",
    "choi_marrow": "Choi",
}


@dataclass(frozen=True)
class Aim:
    """A figure that was to be reached.

    Attributes
    ----------
    figure : str
        What it is.
    aimed, measured : float
        The figure.
    at_most : bool
        Whether it is to be small.
    """

    figure: str
    aimed: float
    measured: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether it was reached, to three digits."""
        measured = round(self.measured, 3)
        return measured <= self.aimed if self.at_most else measured >= self.aimed


def aims(
    segmentation: dict[str, Any], classification: dict[str, Any], left_out: dict[str, Any]
) -> Iterator[Aim]:
    """Yield every aim with what was measured.

    Parameters
    ----------
    segmentation, classification, left_out : dict
        As from :mod:`training.evaluate` and :mod:`training.leave_out`.
    """
    methods = {d: s["methods"] for d, s in segmentation["sets"].items()}
    for d, aimed in IOU_HELD_OUT.items():
        measured = methods[d]["ensemble"]["foreground_iou"]
        yield Aim(f"foreground IoU held out, {_NAMES[d]}", aimed, measured)
    yield _gain(methods)
    for d, aimed in IOU_LEFT_OUT.items():
        if d in left_out["segmentation"]:
            measured = left_out["segmentation"][d]["methods"]["ensemble"]["foreground_iou"]
            yield Aim(f"foreground IoU left out, {_NAMES[d]}", aimed, measured)
    for d, aimed in F1_HELD_OUT.items():
        figures = classification["sets"][d]
        name = f"macro F1 held out, {_NAMES[d]} ({figures['photographs']} cells)"
        yield Aim(name, aimed, figures["macro_f1"])
    for d, figures in left_out["classification"].items():
        name = f"balanced accuracy left out, {_NAMES[d]}"
        yield Aim(name, BALANCED_LEFT_OUT, figures["balanced_accuracy"])
    error = classification["together"]["calibration_error"]
    yield Aim("calibration error held out, all cells", CALIBRATION_HELD_OUT, error, at_most=True)
    for d, figures in left_out["classification"].items():
        name = f"calibration error left out, {_NAMES[d]}"
        yield Aim(name, CALIBRATION_LEFT_OUT, figures["calibration_error"], at_most=True)


def _gain(methods: dict[str, dict[str, Any]]) -> Aim:
    """Compare the vote with its best member by the mean over the sets."""
    names = [n for n in next(iter(methods.values())) if n.startswith("unet")]
    mean = {
        name: sum(m[name]["foreground_iou"] for m in methods.values()) / len(methods)
        for name in (*names, "ensemble")
    }
    best = max(names, key=lambda name: mean[name])
    figure = f"mean foreground IoU of the vote, against its best member's ({best})"
    return Aim(figure, round(mean[best], 4), mean["ensemble"])
