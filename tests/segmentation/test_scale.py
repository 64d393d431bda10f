from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.errors import Cancelled
from napari_leukocyte.models.manifest import read_manifest
from napari_leukocyte.progress import silent
from napari_leukocyte.segmentation.scale import estimate_diameter

Smear = Callable[..., NDArray[np.uint8]]
Stain = tuple[str, list[tuple[int, ...]]]


@pytest.mark.parametrize(
    ("shape", "radius"),
    [
        ((60, 80), 8.0),
        ((480, 640), 20.0),
        ((480, 640), 55.0),
        ((480, 640), 150.0),
        ((120, 120), 45.0),
    ],
)
def test_diameter_of_drawn_cells_is_measured(
    smear: Smear, stain_model: Stain, shape: tuple[int, int], radius: float
) -> None:
    folder, _ = stain_model
    centres = [(0.5 * shape[0], 0.5 * shape[1])]
    if min(shape) > 6 * radius:
        centres += [(0.2 * shape[0], 0.2 * shape[1]), (0.8 * shape[0], 0.7 * shape[1])]
        centres.append((0, 0.8 * shape[1]))  # cut by the border: says less
    # Platelets do not count.
    rgb = np.minimum(
        smear(shape, centres, radius), smear(shape, [(0.9 * shape[0], 0.05 * shape[1])], radius / 5)
    )
    member = read_manifest(Path(folder)).members[0]
    found = estimate_diameter(rgb, member, silent)
    assert found.px == pytest.approx(2 * radius, rel=0.08)
    assert found.notes == ()


def test_cut_cells_are_measured_only_where_all_are_cut(smear: Smear, stain_model: Stain) -> None:
    member = read_manifest(Path(stain_model[0])).members[0]
    cut = [(0, x) for x in range(50, 600, 100)]
    found = estimate_diameter(smear((400, 600), [*cut, (200, 300)], 30), member, silent)
    assert found.px == pytest.approx(60, rel=0.05)
    found = estimate_diameter(smear((400, 600), cut, 30), member, silent)
    assert found.px == pytest.approx(60 / np.sqrt(2), rel=0.08)


def test_no_leukocyte_is_said_and_something_sensible_assumed(
    smear: Smear, stain_model: Stain
) -> None:
    member = read_manifest(Path(stain_model[0])).members[0]
    small = estimate_diameter(smear((200, 300), [], 1), member, silent)
    assert small.px == member.diameter_px
    assert len(small.notes) == 1
    assert "64 px" in small.notes[0]
    assert estimate_diameter(smear((1000, 1200), [], 1), member, silent).px == 100


def test_large_image_is_measured_in_its_darkest_windows(smear: Smear, stain_model: Stain) -> None:
    folder, shown = stain_model
    rgb = np.tile(smear((300, 300), [], 1), (10, 10, 1))
    # Cells in one corner only: a look at the middle would not find them.
    rgb[-400:, -400:] = smear((400, 400), [(90, 90), (300, 110), (200, 300)], 20)
    found = estimate_diameter(rgb, read_manifest(Path(folder)).members[0], silent)
    assert found.px == pytest.approx(40, rel=0.08)
    # A 3000 px field at the right scale has 23 million px of input; this has no more than ten
    # looks at five windows of 512 px each.
    assert sum(n * h * w for n, h, w, _ in shown) < 50 * 600**2


def test_estimate_can_be_stopped(smear: Smear, stain_model: Stain) -> None:
    folder, shown = stain_model

    def stop(done: int, total: int, what: str) -> None:
        assert 0 <= done < total
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        estimate_diameter(
            smear((200, 300), [(100, 100)], 20), read_manifest(Path(folder)).members[0], stop
        )
    assert len(shown) == 1
