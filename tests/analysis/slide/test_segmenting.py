"""Blocks against the slide in one piece: whatever they are, nothing differs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide import maps
from napari_leukocyte.analysis.slide.blocks import least_overlap, widest_group
from napari_leukocyte.analysis.slide.label_pyramid import NAME
from napari_leukocyte.analysis.slide.plan import SlidePlan, plan_slide
from napari_leukocyte.analysis.slide.segmenting import (
    LABEL_PYRAMID,
    SlideResult,
    segment_slide,
    write_slide,
)
from napari_leukocyte.errors import Cancelled, ParameterError
from napari_leukocyte.io.slides.image import ArrayImage
from napari_leukocyte.segmentation import tiles
from napari_leukocyte.segmentation.ensemble import segment_members
from napari_leukocyte.segmentation.objects import find_objects
from napari_leukocyte.segmentation.parameters import PostprocessParams
from tests.analysis.slide.conftest import drawn

SIZE = 26.0
#: Names of the members and the diameters that they want, px.
MEMBERS = (("m0", 32.0), ("m1", 24.0))
PARAMETERS = st.sampled_from(
    [
        PostprocessParams(),
        PostprocessParams(least_score=0.0),
        PostprocessParams(least_score=0.05, area_lower_deviation=0.3, area_upper_deviation=0.5),
        PostprocessParams(watershed="nucleus", border="drop", least_score=0.1),
        PostprocessParams(least_score=0.0, fill_holes=False, watershed="none", vote="mean"),
    ]
)


@st.composite
def cells(draw: st.DrawFn, shape: tuple[int, int]) -> list[tuple[float, float, float]]:
    """Cells alone, touching in chains and rings, on the border, and specks."""
    result: list[tuple[float, float, float]] = []
    for _ in range(draw(st.integers(0, 9))):
        y, x = draw(st.floats(-5, shape[0] + 5)), draw(st.floats(-5, shape[1] + 5))
        radius = draw(st.sampled_from([2.0, 9.0, 13.0, 13.0, 17.0]))
        turn = draw(st.floats(0, 6.3))
        for _ in range(draw(st.sampled_from([1, 1, 2, 4, 7]))):
            result.append((y, x, radius))
            turn += draw(st.floats(-1.2, 1.2))
            y, x = y + 1.8 * radius * np.sin(turn), x + 1.8 * radius * np.cos(turn)
    return result


@contextmanager
def tiles_of(blocks: int, *, large: bool = False) -> Iterator[None]:
    """Let networks see tiles of so many blocks, and take every slide for a large one, or not.

    Of large slides tiles are left out by what the finder sees.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "TILE_BLOCKS", blocks)
        patch.setattr(tiles, "OVERLAP_BLOCKS", 2)
        if large:
            patch.setattr(maps, "IN_ONE_PIECE", 0)
        yield


def plan_of(image: NDArray[np.uint8], model: str, params: PostprocessParams) -> SlidePlan:
    return plan_slide(ArrayImage(image), model=model, classifier=None, diameter=SIZE, params=params)


def labels_of(result: SlideResult, plan: SlidePlan, folder: Path) -> NDArray[np.integer]:
    write_slide(folder, result, plan, name="x")
    array = zarr.open_array(str(folder / LABEL_PYRAMID / "labels" / NAME / "0"), mode="r")
    return np.asarray(array[...])


def test_networks_see_every_tile_once(stain_model: str, stain_networks: list[str]) -> None:
    image = drawn((600, 440), [(y, x, 13.0) for y in range(50, 560, 90) for x in (40, 130, 240)])
    plan = dataclasses.replace(plan_of(image, stain_model, PostprocessParams()), overlap_px=90)
    asked = []
    for block_px in (10_000, 220):
        stain_networks.clear()
        with tiles_of(3):
            segment_slide(ArrayImage(image), dataclasses.replace(plan, block_px=block_px))
        asked.append(sorted(stain_networks))
    assert asked[1] == asked[0]
    assert len(asked[0]) > 100


def test_answers_are_kept_for_blocks_ahead_alone() -> None:
    tile = np.zeros((64, 96, 2), np.float32)
    answers = maps.RecentAnswers(3 * tile.nbytes, unit=40)
    for column in range(4):
        answers[0, column] = tile
    assert list(answers) == [(0, 1), (0, 2), (0, 3)]
    answers.asked_again = lambda box: box[3] > 300
    answers[2, 2] = answers[2, 5] = tile
    assert (2, 2) not in answers
    assert (2, 5) in answers
    answers.asked_again = lambda box: box == (80, 200, 160, 320)
    answers.forget()
    assert list(answers) == [(2, 5)]


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_blocks_give_what_one_piece_gives(
    data: st.DataObject, stain_model: str, stain_networks: list[str]
) -> None:
    shape = (data.draw(st.integers(40, 330)), data.draw(st.integers(40, 330)))
    image = drawn(shape, data.draw(cells(shape)))
    params = data.draw(PARAMETERS)
    whole = dataclasses.replace(plan_of(image, stain_model, params), block_px=10_000)
    blocks = dataclasses.replace(
        whole,
        block_px=data.draw(st.integers(30, 200)),
        overlap_px=least_overlap(params, SIZE) + data.draw(st.integers(0, 60)),
    )
    large = data.draw(st.booleans())
    with tiles_of(data.draw(st.sampled_from([3, 5, 16])), large=large):
        one, many = (segment_slide(ArrayImage(image), plan) for plan in (whole, blocks))
    pd.testing.assert_frame_equal(many.objects.table, one.objects.table, check_exact=True)
    assert many.objects.candidates == one.objects.candidates
    assert many.notes == one.notes


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_blocks_give_what_a_photograph_gives(
    data: st.DataObject,
    stain_model: str,
    stain_networks: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shape = (data.draw(st.integers(60, 300)), data.draw(st.integers(60, 300)))
    image = drawn(shape, data.draw(cells(shape)))
    # Wide gaps between cells are filled in a photograph, and not in a slide.
    params = dataclasses.replace(data.draw(PARAMETERS), fill_holes=False)
    plan = dataclasses.replace(plan_of(image, stain_model, params), block_px=110)
    # Networks that need not be asked about a part are asked in a photograph.
    with tiles_of(data.draw(st.sampled_from([3, 5, 16]))):
        expected = find_objects(segment_members(image, stain_model, SIZE), params)
        found = segment_slide(ArrayImage(image), plan)
    labels = labels_of(found, plan, tmp_path_factory.mktemp("out"))
    assert len(found.objects.table) == expected.labels.max()
    assert found.objects.candidates == len(expected.candidate_scores)
    # One number each, in another order.
    pairs = np.unique(np.stack([labels.ravel(), expected.labels.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(labels)) == len(np.unique(expected.labels))
    scores = found.objects.table["score"].to_numpy()
    for mine, theirs in pairs.T.tolist():
        assert mine == theirs == 0 or scores[mine - 1] == expected.scores[theirs]


@pytest.mark.parametrize("fill_holes", [True, False])
@pytest.mark.parametrize("block", [40, 1000])
def test_small_holes_are_filled_if_they_are_to_be(
    fill_holes: bool, block: int, stain_model: str, stain_networks: list[str], tmp_path: Path
) -> None:
    # Eight cells around a gap of 18 px.
    angles = np.arange(8) * np.pi / 4
    ring = [(60 + 20 * np.sin(a), 70 + 20 * np.cos(a), 11.0) for a in angles]
    image = drawn((120, 140), ring)
    params = PostprocessParams(
        least_score=0.0, fill_holes=fill_holes, watershed="none", area_upper_deviation=20.0
    )
    plan = dataclasses.replace(plan_of(image, stain_model, params), block_px=block)
    labels = labels_of(segment_slide(ArrayImage(image), plan), plan, tmp_path)
    expected = find_objects(segment_members(image, stain_model, SIZE), params).labels
    np.testing.assert_array_equal(labels, expected)
    assert (labels[60, 70] > 0) == fill_holes


def test_where_one_network_sees_nothing_the_others_are_not_asked(
    stain_model: str, stain_networks: list[str]
) -> None:
    image = drawn((330, 330), [(50, 60, 13.0)])
    found = []
    for vote in ("minimum", "mean"):
        plan = plan_of(image, stain_model, PostprocessParams(vote=vote, least_score=0.0))
        stain_networks.clear()
        with tiles_of(5):
            found.append(segment_slide(ArrayImage(image), plan))
            tiles_in_all = {m: tiles.lattice(image.shape[:2], s / SIZE).n_tiles for m, s in MEMBERS}
        asked = {name: stain_networks.count(name) for name in ("m0", "m1")}
        if vote == "mean":
            assert asked == tiles_in_all
        else:
            assert asked["m1"] == tiles_in_all["m1"]
            assert 0 < asked["m0"] < tiles_in_all["m0"] / 2
    assert [len(f.objects.table) for f in found] == [1, 1]


def test_tiles_of_a_large_slide_without_leukocytes_are_left_out(
    stain_model: str, stain_networks: list[str]
) -> None:
    # At the border of tiles as well as within one.
    image = drawn((900, 900), [(50, 60, 13.0), (52, 262, 13.0), (700, 640, 12.0)])
    plan = plan_of(image, stain_model, PostprocessParams(least_score=0.0))
    found, asked = [], []
    for large in (False, True):
        stain_networks.clear()
        with tiles_of(5, large=large):
            found.append(segment_slide(ArrayImage(image), plan).objects.table)
        asked.append(len([name for name in stain_networks if name != "finder"]))
    pd.testing.assert_frame_equal(found[1], found[0], check_exact=True)
    assert len(found[0]) == 3
    assert asked[1] < asked[0] / 2


def test_a_slide_is_left_when_the_user_cancels(stain_model: str, stain_networks: list[str]) -> None:
    image = drawn((200, 200), [(50, 60, 13.0)])
    plan = dataclasses.replace(plan_of(image, stain_model, PostprocessParams()), block_px=100)
    steps: list[int] = []

    def stop(done: int, total: int, what: str) -> None:
        steps.append(total)
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment_slide(ArrayImage(image), plan, progress=stop)
    assert steps == [4, 4, 4]


def test_blocks_must_overlap_enough(stain_model: str) -> None:
    plan = plan_of(drawn((100, 100), []), stain_model, PostprocessParams())
    with pytest.raises(ParameterError, match="at least"):
        dataclasses.replace(plan, overlap_px=least_overlap(plan.params, SIZE) - 1)


def test_a_group_that_is_too_wide_is_left_out_whatever_the_blocks(
    stain_model: str, stain_networks: list[str]
) -> None:
    length = int(widest_group(SIZE)) + 60
    row = [(40.0, float(x), 12.0) for x in range(20, length, 18)]
    image = drawn((100, length + 60), [*row, (80.0, 30.0, 12.0)])
    plan = plan_of(image, stain_model, PostprocessParams(least_score=0.0))
    for block in (90, 10_000):
        found = segment_slide(ArrayImage(image), dataclasses.replace(plan, block_px=block))
        assert len(found.objects.table) == 1
        assert any("too wide" in note for note in found.notes)
