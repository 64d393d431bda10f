"""The zone of a drawn smear: empty, sparse, side by side, heaped; and fields picked from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide import sampling
from napari_leukocyte.analysis.slide.battlement import HEIGHT, battlement, count_until
from napari_leukocyte.analysis.slide.outlines import outlines_of, zone_within
from napari_leukocyte.analysis.slide.sampling import find_in_parts, sample_fields
from napari_leukocyte.analysis.slide.zone import CountingZone, find_zone
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.io.slides.image import ArrayImage
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.segmentation.finder import run_finder

DIAMETER = 40.0


@pytest.fixture(scope="module")
def smear() -> NDArray[np.uint8]:
    """Return a smear of four parts side by side, each 800 px wide."""
    fields = [
        synthetic_smear((1600, 800), seed, {"neutrophil": 4}, DIAMETER).image for seed in range(4)
    ]
    background = background_color(fields[0])
    empty = np.broadcast_to(np.round(background).astype(np.uint8), fields[0].shape)
    heaped = background * np.prod([field / background for field in fields], axis=0)
    return np.hstack([empty, fields[0], np.clip(heaped, 0, 255).astype(np.uint8)])


def test_the_monolayer_is_the_zone(smear: NDArray[np.uint8]) -> None:
    steps: list[int] = []
    pyramid = ArrayImage(smear, smear[::2, ::2])
    zone = find_zone(pyramid, DIAMETER, lambda done, total, what: steps.append(done))
    assert zone.side == 400
    assert zone.inside.tolist() == [[False] * 2 + [True] * 2 + [False] * 2] * 4
    assert steps == [1, 2, 3, 4]
    (outline,) = outlines_of(zone)
    assert outline.min(axis=0).tolist() == [0, 800]
    assert outline.max(axis=0).tolist() == [1600, 1600]


@given(hnp.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_outlines_enclose_the_zone_and_no_more(inside: NDArray[np.bool_]) -> None:
    shape = inside.shape[0] * 400, inside.shape[1] * 400
    outlines = outlines_of(CountingZone(inside, 400, shape))
    assert np.array_equal(zone_within(outlines, DIAMETER, shape).inside, inside)


def test_sampled_fields_show_stain(smear: NDArray[np.uint8]) -> None:
    background = background_color(smear[:, :800])
    fields = sample_fields(ArrayImage(smear), background, side=400, most=5)
    assert len(fields) == 5
    assert all(x0 >= 800 for _, x0, _, _ in fields)


def test_a_field_seen_in_parts_shows_the_same(
    smear: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "PART_PX", 256)
    field = smear[np.newaxis, :672, 800:1472].astype(np.float32)
    np.testing.assert_allclose(find_in_parts(field), run_finder(field), rtol=5e-3, atol=0.01)


@given(hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_battlements_pass_each_field_once(inside: NDArray[np.bool_]) -> None:
    order = list(battlement(inside))
    assert sorted(order) == sorted((int(y), int(x)) for y, x in np.argwhere(inside))


def test_battlements_go_up_and_down() -> None:
    order = list(battlement(np.ones((HEIGHT, 5), bool)))
    assert order[:11] == [
        *((0, 0), (1, 0), (2, 0)),
        (2, 1),
        *((2, 2), (1, 2), (0, 2)),
        (0, 3),
        *((0, 4), (1, 4), (2, 4)),
    ]
    assert set(order[11:]) == {(0, 1), (1, 1), (1, 3), (2, 3)}


def test_fields_are_counted_until_there_are_enough() -> None:
    zone = CountingZone(np.ones((2, 3), bool), 100, (230, 260))
    asked = []

    def count(part: tuple[int, int, int, int]) -> int:
        asked.append(part)
        return 3

    found = count_until(zone, 7, count)
    assert (found.total, found.enough, len(asked)) == (9, True, 3)
    assert found.fields == tuple(asked)
    everything = count_until(zone, 1000, count)
    assert (everything.total, everything.enough) == (18, False)
    # Fields tile the slide but for what is less than half a field.
    assert max(part[3] for part in everything.fields) == 260
