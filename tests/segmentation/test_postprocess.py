from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.morphology import close_mask, fill_holes, open_mask
from napari_leukocyte.segmentation.parameters import CHOICES, RANGES, PostprocessParams
from napari_leukocyte.segmentation.postprocess import postprocess

Discs = Callable[..., NDArray[np.float32]]

PARAMS = st.builds(
    PostprocessParams,
    **{name: st.floats(*limits) for name, limits in RANGES.items()},
    **{name: st.sampled_from(allowed) for name, allowed in CHOICES.items()},
    fill_holes=st.booleans(),
)
#: Nothing but threshold and connected regions.
BARE = PostprocessParams(
    opening_size=0,
    closing_size=0,
    fill_holes=False,
    area_lower_deviation=1,
    area_upper_deviation=20,
    few_objects="keep",
    watershed="none",
)


@st.composite
def maps(draw: st.DrawFn) -> NDArray[np.float32]:
    """Smooth maps from 0 to 1, of any shape."""
    shape = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    noise = np.random.default_rng(draw(st.integers(0, 10_000))).random(shape)
    smooth = cv2.GaussianBlur(noise, (0, 0), draw(st.floats(0.3, 5)))
    return np.asarray((smooth - smooth.min()) / (np.ptp(smooth) or 1), np.float32)


def areas(labels: NDArray[np.int32]) -> list[int]:
    return [int(n) for n in np.bincount(labels.ravel())[1:]]


@given(maps(), PARAMS, st.one_of(st.none(), st.floats(0.5, 100)), st.integers(0, 100))
def test_result_is_a_label_image_within_the_cleaned_mask(
    probability: NDArray[np.float32],
    params: PostprocessParams,
    diameter: float | None,
    seed: int,
) -> None:
    markers = np.random.default_rng(seed).uniform(-5, 65, (12, 2))
    before = probability.copy()

    def run() -> NDArray[np.int32]:
        return postprocess(
            probability,
            params,
            diameter=diameter,
            nucleus=probability.T.reshape(before.shape),
            markers=markers,
        )

    labels = run()
    assert labels.dtype == np.int32
    assert labels.shape == probability.shape
    assert sorted(set(labels.ravel().tolist()) | {0}) == list(range(int(labels.max()) + 1))
    np.testing.assert_array_equal(run(), labels)
    np.testing.assert_array_equal(probability, before)
    if diameter is not None:
        mask = (probability >= np.float32(params.threshold)).astype(np.uint8)
        mask = open_mask(mask, params.opening_shape, params.opening_size * diameter)
        mask = close_mask(mask, params.closing_shape, params.closing_size * diameter)
        if params.fill_holes:
            mask = fill_holes(mask)
        assert mask[labels > 0].all()
    if params.border == "drop":
        assert not np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).any()


@given(maps(), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_higher_threshold_covers_less(
    probability: NDArray[np.float32], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    # Of this diameter no region is small or large enough to be told from the median.
    more, less = (
        postprocess(probability, replace(BARE, threshold=t), diameter=60) > 0 for t in (low, high)
    )
    assert (more | ~less).all()
    np.testing.assert_array_equal(more, probability >= np.float32(low))


@pytest.mark.parametrize("watershed", ["none", "distance", "nucleus", "points"])
@pytest.mark.parametrize("estimated", [False, True])
def test_one_setting_serves_every_magnification(
    discs: Discs, watershed: Any, estimated: bool
) -> None:
    # Apart, touching, at the border, a platelet, and debris joined to a cell.
    centres = np.array(
        [(50, 50), (50, 150), (50, 183), (140, 60), (150, 150), (180, 250), (20, 250)]
    )
    found = []
    for scale in (0.5, 1, 2):
        shape = round(200 * scale), round(280 * scale)
        cell = discs(shape, centres * scale, 20 * scale)
        cell = np.maximum(cell, discs(shape, [(100 * scale, 230 * scale)], 5 * scale))
        cell[round(139 * scale) : round(141 * scale), round(80 * scale) : round(110 * scale)] = 1
        labels = postprocess(
            cell,
            PostprocessParams(watershed=watershed),
            diameter=None if estimated else 40 * scale,
            nucleus=discs(shape, centres * scale, 8 * scale),
            markers=centres * scale,
        )
        found.append(np.array(areas(labels)) / scale**2)
    assert [len(a) for a in found] == [6 if watershed == "none" else 7] * 3
    np.testing.assert_allclose(np.sort(found[0]), np.sort(found[2]), rtol=0.06)


@pytest.mark.parametrize("watershed", ["distance", "nucleus", "points"])
@pytest.mark.parametrize(
    "centres",
    [
        [(50, 50), (50, 88)],
        [(40, 40), (68, 66)],
        [(50, 40), (50, 78), (82, 60)],
        [(60, 40), (60, 74), (60, 108), (60, 142)],
    ],
    ids=["two", "diagonal", "three", "row"],
)
def test_touching_cells_are_parted(
    discs: Discs, watershed: Any, centres: list[tuple[int, int]]
) -> None:
    cell = discs((130, 190), centres, 20)
    # Closing would fill the gap between three, and the cut through it is arbitrary.
    params = PostprocessParams(watershed=watershed, closing_size=0)
    joined = postprocess(cell, replace(params, watershed="none"), diameter=40)
    assert len(areas(joined)) == 1
    parted = postprocess(
        cell,
        params,
        diameter=40,
        nucleus=discs(cell.shape, centres, 9),
        markers=centres,
    )
    np.testing.assert_array_equal(parted > 0, joined > 0)
    assert sorted(parted[y, x] for y, x in centres) == list(range(1, len(centres) + 1))
    y, x = np.mgrid[:130, :190]
    nearest = np.argmin([np.hypot(y - cy, x - cx) for cy, cx in centres], axis=0)
    for i, centre in enumerate(centres):
        own = parted == parted[centre]
        assert (own & (nearest == i)).sum() / (own | ((nearest == i) & (joined > 0))).sum() > 0.93


def test_single_cells_of_odd_shape_stay_whole() -> None:
    for axes, angle in (((30, 20), 20), ((34, 19), 70), ((25, 25), 0)):
        mask = np.zeros((100, 100), np.float32)
        cv2.ellipse(mask, ((50, 50), (2 * axes[0], 2 * axes[1]), angle), 1, -1)
        # A rough edge makes small peaks of the distance transform.
        rough = mask + 0.3 * np.random.default_rng(4).normal(size=mask.shape)
        assert len(areas(postprocess(cv2.GaussianBlur(rough, (0, 0), 2), diameter=48))) == 1


def test_lobes_of_a_nucleus_are_one_cell(discs: Discs) -> None:
    cell = discs((100, 160), [(50, 50), (50, 94)], 24)
    lobes = discs((100, 160), [(40, 45), (52, 42), (58, 54)], 5)
    other = discs((100, 160), [(50, 94)], 10)
    specks = discs((100, 160), [(35, 110), (66, 108)], 1)
    params = PostprocessParams(watershed="nucleus")
    labels = postprocess(cell, params, diameter=48, nucleus=np.maximum(lobes, other) + specks)
    assert len(areas(labels)) == 2
    apart = replace(params, marker_distance=0.3, area_lower_deviation=1)
    assert len(areas(postprocess(cell, apart, diameter=48, nucleus=other + specks))) == 1
    apart = replace(params, marker_distance=0.1)
    assert len(areas(postprocess(cell, apart, diameter=48, nucleus=np.maximum(lobes, other)))) == 4


@pytest.mark.parametrize("watershed", ["distance", "nucleus"])
def test_every_cell_of_a_large_clump_is_found(discs: Discs, watershed: Any) -> None:
    centres = [(20 + 27 * i, 20 + 27 * j) for i in range(6) for j in range(6)]
    cell = discs((180, 180), centres, 15)
    labels = postprocess(
        cell,
        PostprocessParams(watershed=watershed, fill_holes=False, closing_size=0),
        diameter=30,
        nucleus=discs(cell.shape, centres, 5),
    )
    assert len({int(labels[c]) for c in centres} - {0}) == 36


def test_what_hangs_on_a_corner_goes_with_its_cell(discs: Discs) -> None:
    cell = discs((100, 140), [(50, 50), (50, 86)], 20) >= 0.5
    for i in range(12):
        cell[36 - i, 101 + i] = True  # a hair of single pixels, corner to corner
    params = replace(BARE, watershed="distance")
    labels = postprocess(cell, params, diameter=40)
    assert len(areas(labels)) == 2
    assert {int(labels[36 - i, 101 + i]) for i in range(12)} == {int(labels[50, 86])}


def test_marker_height_and_distance_decide_what_is_parted(discs: Discs) -> None:
    cell = discs((100, 140), [(50, 50), (50, 78)], 20)

    def count(**values: Any) -> int:
        return len(areas(postprocess(cell, PostprocessParams(**values), diameter=40)))

    assert count() == 2
    assert count(marker_distance=0.8) == 1
    assert count(marker_height=0.3) == 1
    heights = [count(marker_height=h) for h in np.linspace(0, 0.5, 11)]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize(
    ("markers", "parts"),
    [
        ([], 1),
        ([(50, 50)], 1),
        ([(50, 40), (50, 60)], 2),
        ([(50, 40), (50, 40.2)], 1),
        ([(50, 40), (5, 5)], 1),
        ([(50, 40), (-1e300, 1e300), (-1, 50), (100, 50), (99.6, 50), (50, 1e9)], 1),
        ([(50, 40), (np.nan, 50), (np.inf, np.nan)], 1),
        ([(49.6, 40.4), (50, 60), (40, 50), (60, 50)], 4),
    ],
)
def test_points_of_the_user_part_their_cell(
    discs: Discs, markers: list[tuple[float, float]], parts: int
) -> None:
    cell = discs((100, 200), [(50, 50), (50, 150)], 22)
    params = PostprocessParams(watershed="points", area_lower_deviation=1, area_upper_deviation=20)
    labels = postprocess(cell, params, diameter=44, markers=markers)
    assert len(areas(labels)) == parts + 1
    inside = {labels[round(y), round(x)] for y, x in markers if 30 < y < 70 and 30 < x < 70}
    assert 0 not in inside
    assert labels[50, 150] not in inside


@pytest.mark.parametrize(
    ("radii", "values", "kept"),
    [
        ((20, 20, 20, 9), {}, 3),
        ((20, 20, 20, 9), {"area_lower_deviation": 0.9}, 4),
        ((20, 20, 20, 34), {"area_upper_deviation": 1.0}, 3),
        ((20, 20, 20, 34), {}, 4),
        ((20, 20, 20, 34), {"area_upper_deviation": 0.0, "area_lower_deviation": 0.0}, 3),
        # Fewer than three: the median of two says nothing, the expected size does.
        ((20, 9), {}, 1),
        ((9,), {}, 0),
        ((20, 9), {"few_objects": "keep"}, 2),
        ((9,), {"few_objects": "keep"}, 1),
        ((34,), {"area_upper_deviation": 1.0}, 0),
        ((34,), {"area_upper_deviation": 1.0, "few_objects": "keep"}, 1),
        # Platelets must not decide what a usual size is.
        ((20, 20, 20, 5, 5, 5, 5, 5), {}, 3),
        ((20, 5, 5, 5, 5, 5), {}, 1),
    ],
)
def test_areas_are_compared_with_the_median_of_three_or_more(
    discs: Discs, radii: tuple[int, ...], values: dict[str, Any], kept: int
) -> None:
    cell = np.zeros((100, 800), np.float32)
    for i, radius in enumerate(radii):
        cell = np.maximum(cell, discs(cell.shape, [(50, 50 + 95 * i)], radius))
    params = PostprocessParams(watershed="none", **values)
    assert len(areas(postprocess(cell, params, diameter=40))) == kept


def test_cut_cells_are_dropped_on_request(discs: Discs) -> None:
    centres = [(0, 60), (60, 0), (119, 60), (60, 119), (60, 60), (22, 22)]
    cell = discs((120, 120), centres, 20)
    kept = postprocess(cell, PostprocessParams(border="keep"), diameter=40)
    dropped = postprocess(cell, PostprocessParams(border="drop"), diameter=40)
    assert len(areas(kept)) == 6
    assert dropped[60, 60]
    assert dropped[22, 22]  # near the border, not cut
    assert len(areas(dropped)) == 2


def test_holes_belong_to_their_cell(discs: Discs) -> None:
    ring = discs((80, 80), [(40, 40)], 25) - discs((80, 80), [(40, 40)], 12)
    assert postprocess(ring, diameter=50)[40, 40] == 1
    assert postprocess(ring, PostprocessParams(fill_holes=False), diameter=50)[40, 40] == 0


def odd_maps() -> dict[str, tuple[Any, int]]:
    disc = cv2.circle(np.zeros((60, 80), np.uint8), (40, 30), 20, 1, -1)
    half_nan = disc.astype(np.float32)
    half_nan[:, 40:] = np.nan
    return {
        "no rows": (np.zeros((0, 7)), 0),
        "no columns": (np.zeros((7, 0)), 0),
        "nothing": (np.zeros((20, 20)), 0),
        "everything": (np.ones((20, 20)), 1),
        "one pixel": (np.ones((1, 1)), 1),
        "one row": (np.ones((1, 50)), 1),
        "NaN": (np.full((20, 20), np.nan), 0),
        "infinite": (np.full((20, 20), np.inf), 1),
        "half NaN": (half_nan, 1),
        "float64": (disc.astype(np.float64), 1),
        "float16": (disc.astype(np.float16), 1),
        "bool": (disc.astype(bool), 1),
        "list": (disc.tolist(), 1),
        "not contiguous": (np.repeat(disc, 2, axis=1).astype(np.float32)[:, ::2], 1),
        "turned": (disc.astype(np.float32)[::-1].T, 1),
        "read only": (
            np.frombuffer(disc.astype(np.float32).tobytes(), np.float32).reshape(60, 80),
            1,
        ),
        "big-endian": (disc.astype(">f4"), 1),
    }


@pytest.mark.parametrize("name", odd_maps())
@pytest.mark.parametrize("watershed", ["none", "distance", "nucleus", "points"])
def test_odd_maps_work(name: str, watershed: Any) -> None:
    probability, count = odd_maps()[name]
    params = PostprocessParams(watershed=watershed)
    labels = postprocess(probability, params, nucleus=probability, markers=[(30, 40)])
    assert labels.shape == np.shape(probability)
    assert len(areas(labels)) == count


@pytest.mark.parametrize(
    ("probability", "arguments"),
    [
        (np.zeros(5), {}),
        (np.zeros((5, 5, 3)), {}),
        (np.float32(0.5), {}),
        ([[0.5, 1], [0.5]], {}),
        ("map.tif", {}),
        (None, {}),
        (np.zeros((5, 5)), {"diameter": 0}),
        (np.zeros((5, 5)), {"diameter": -3}),
        (np.zeros((5, 5)), {"diameter": np.nan}),
        (np.zeros((5, 5)), {"diameter": np.inf}),
        (np.zeros((5, 5)), {"diameter": "auto"}),
        (np.ones((5, 5)), {"params": PostprocessParams(watershed="nucleus")}),
        (
            np.ones((5, 5)),
            {"params": PostprocessParams(watershed="nucleus"), "nucleus": np.ones((5, 6))},
        ),
        (np.ones((5, 5)), {"params": PostprocessParams(watershed="points")}),
        (
            np.ones((5, 5)),
            {"params": PostprocessParams(watershed="points"), "markers": np.ones((2, 3))},
        ),
        (np.ones((5, 5)), {"params": PostprocessParams(watershed="points"), "markers": "here"}),
    ],
)
def test_bad_input_gets_one_sentence(probability: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as caught:
        postprocess(probability, **arguments)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message


def test_diameter_beyond_reason_takes_no_time() -> None:
    field = np.random.default_rng(0).random((300, 300))
    assert postprocess(field, diameter=1e12).max() == 0


def test_noise_over_the_whole_image_is_done_in_moments() -> None:
    # A low threshold joins everything to few regions with thousands of peaks.
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.random((600, 600)), (0, 0), 2)
    mask = noise >= np.percentile(noise, 25)
    params = replace(BARE, watershed="distance")
    start = time.process_time()
    labels = postprocess(mask, params, diameter=16)
    assert time.process_time() - start < 10  # two hundredths of that on an idle machine
    assert labels.max() > 500


CORE_ONLY = """
import sys
import napari_leukocyte as nl
nl.postprocess([[0.0, 1.0]], nl.PostprocessParams())
bad = {"onnxruntime", "napari", "qtpy", "PyQt6", "pandas", "magicgui"} & set(sys.modules)
sys.exit(f"loaded: {bad}" if bad else 0)
"""


def test_needs_no_network_and_no_viewer() -> None:
    subprocess.run([sys.executable, "-c", CORE_ONLY], check=True)
