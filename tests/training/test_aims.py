"""Aims: what was measured decides, rounded as it is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from training.aims import Aim, aims
from training.fitting import RESULTS
from training.pages.models import PAGE


def _measured() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    names = ("segmentation", "classification", "left-out")
    one, two, three = (json.loads((RESULTS / f"{n}.json").read_text("utf-8")) for n in names)
    return one, two, three


@pytest.mark.parametrize(
    ("aimed", "measured", "at_most", "reached"),
    [
        (0.96, 0.9596, False, True),
        (0.96, 0.9594, False, False),
        (0.05, 0.0504, True, True),
        (0.05, 0.06, True, False),
    ],
)
def test_reached(aimed: float, measured: float, at_most: bool, reached: bool) -> None:
    assert Aim("a", aimed, measured, at_most).reached is reached


def test_every_measured_figure_has_its_row() -> None:
    figures = _measured()
    listed = list(aims(*figures))
    assert len({aim.figure for aim in listed}) == len(listed)
    left_out = sum("left out" in aim.figure for aim in listed)
    assert left_out == len(figures[2]["segmentation"]) + 2 * len(figures[2]["classification"])
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("**not reached**") == sum(not aim.reached for aim in listed)
    assert all(f"| {aim.figure} | " in page for aim in listed)


def test_the_vote_is_compared_with_the_member_that_is_best_over_all_sets() -> None:
    segmentation, classification, left_out = _measured()
    for number, figures in enumerate(segmentation["sets"].values()):
        methods = figures["methods"]
        for name in methods:
            methods[name]["foreground_iou"] = 0.9
        methods["unet-lite1"]["foreground_iou"] = 0.93
        methods["unet-lite0"]["foreground_iou"] = 0.95 if number == 0 else 0.9
        methods["ensemble"]["foreground_iou"] = 0.94
    gain = next(a for a in aims(segmentation, classification, left_out) if "vote" in a.figure)
    assert "unet-lite1" in gain.figure
    assert gain.aimed == 0.93
    assert gain.measured == pytest.approx(0.94)
    assert gain.reached
