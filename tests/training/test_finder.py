"""The finder network, and how its maps are read."""

from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.segmentation.finder import STRIDE, find_candidates, typical_diameter
from training.abroad_fields import Field, Lazy
from training.networks.finder import finder_loss
from training.size import build_finder
from training.size_figures import size_figures


def _discs(image: np.ndarray) -> np.ndarray:
    """A network that takes dark pixels for leukocytes."""
    cell = (image[..., 0] < 100).astype(np.float32)
    small = cell[:, ::STRIDE, ::STRIDE]
    # Each is told to be as large as it is drawn: none is several that touch.
    return np.stack([small, small, np.full_like(small, 9)], axis=-1)


def _field(side: int, cells: list[tuple[int, int, int]]) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    rgb = np.full((side, side, 3), 230, np.uint8)
    for cy, cx, radius in cells:
        rgb[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = 40
    return rgb


@pytest.mark.parametrize(("side", "radius"), [(300, 60), (640, 50), (2400, 30)])
def test_the_diameter_is_found_at_any_size(side: int, radius: int) -> None:
    rgb = _field(side, [(side // 3, side // 3, radius), (side * 2 // 3, side * 3 // 4, radius)])
    found = find_candidates(rgb, _discs)
    assert len(found) == 2
    assert typical_diameter(found) == pytest.approx(2 * radius, rel=0.12)
    near = min(found, key=lambda c: c.y)
    assert (near.y, near.x) == pytest.approx((side / 3, side / 3), abs=0.2 * radius + 4)


def test_a_few_platelets_do_not_set_the_size() -> None:
    rgb = _field(640, [(200, 200, 60), (500, 100, 15), (100, 500, 15), (500, 500, 15)])
    assert typical_diameter(find_candidates(rgb, _discs)) == pytest.approx(120, rel=0.1)


def test_nothing_on_an_empty_field() -> None:
    found = find_candidates(_field(640, []), _discs)
    assert found == []
    assert typical_diameter(found) is None


def test_the_network_gives_maps_at_a_quarter_and_learns() -> None:
    model = build_finder("lite0")
    assert model(np.zeros((1, 64, 96, 3), np.float32)).shape == (1, 16, 24, 3)
    truth = np.zeros((1, 16, 16, 3), np.float32)
    truth[:, 4:8, 4:8] = (1, 1, 4)
    wrong = np.zeros_like(truth)
    wrong[..., 2] = 5
    nearly = truth.copy()
    nearly[:, 4:8, 4:8, 2] = 4.5
    losses = [float(finder_loss(truth, said)) for said in (truth, nearly, wrong)]
    assert losses[0] < 0.05 < losses[1] < losses[2]


def test_figures_of_sizes_count_what_was_found_and_what_was_not() -> None:
    def lazy(number: int, cells: list[tuple[int, int, int]], diameter: float | None) -> Lazy:
        boxes = np.array([[y - r, x - r, y + r, x + r] for y, x, r in cells], float).reshape(-1, 4)
        rgb = _field(640, [(200, 200, 60)])
        field = Field("a", "fields", f"{number}", "g", rgb, None, boxes, (), diameter)
        return Lazy("a", "fields", f"{number}", lambda: field)

    right = lazy(0, [(200, 200, 60)], 120)
    wrong = lazy(1, [(500, 500, 30)], 60)  # nothing is there, and what is there is no leukocyte
    figures = size_figures([right, wrong, lazy(2, [], None)], _discs)
    assert (figures["found"], figures["missed"], figures["invented"]) == (1, 1, 2)
    assert figures["size_right"] == 0.5
    assert figures["fields"] == 3
