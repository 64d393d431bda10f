"""Objects by evidence: scores, candidates, and the rule of areas beside them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.evidence import FEATURES, PLAIN, shipped_score_model
from napari_leukocyte.segmentation.objects import find_objects, score_labels
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import postprocess

SHAPE, DIAMETER = (200, 260), 40.0
Disc = tuple[float, float, float, float]


def draw(discs: list[Disc], nuclei: bool = True) -> MemberMaps:
    """Return three members' maps of discs: y, x, radius, and how sure the members are."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    cell, nucleus = np.full((3, *SHAPE), 0.01, np.float32), np.zeros((3, *SHAPE), np.float32)
    for cy, cx, radius, sure in discs:
        distance = np.hypot(y - cy, x - cx)
        inside = distance < radius
        for member, doubt in enumerate((0, 0.5, 1)):
            cell[member, inside] = sure + (1 - sure) * (1 - doubt) * 0.5
        if nuclei:
            nucleus[:, distance < radius * 0.6 * sure] = 0.95
    names = ("a", "b", "c")
    return MemberMaps(cell, nucleus, names, (1.0, 1.0, 1.0), DIAMETER, "drawn", ("0" * 64,) * 3)


CONVINCING: Disc = (60, 60, 20, 0.99)
DOUBTFUL: Disc = (140, 190, 15, 0.8)


def test_what_convinces_is_an_object_and_the_rest_a_candidate() -> None:
    found = find_objects(draw([CONVINCING, DOUBTFUL]))
    assert set(np.unique(found.labels)) == {0, 1}
    assert found.labels[60, 60] == 1
    assert found.candidates[140, 190] == 1
    assert found.scores[1] > 0.8 > 0.5 > found.candidate_scores[1]
    assert found.notes == ("1 more region looks less like a leukocyte and was not taken.",)


def test_nothing_convincing_is_removed_for_its_area() -> None:
    fragments: list[Disc] = [(30, 120 + 30 * i, 10, 0.55) for i in range(4)]
    maps = draw([CONVINCING, *fragments])
    strict = PostprocessParams(area_lower_deviation=0.1, area_upper_deviation=0.1)
    assert find_objects(maps, strict).labels[60, 60] > 0
    # The paper's rule: four fragments set the median, and the one leukocyte goes.
    by_area = dataclasses.replace(strict, least_score=0.0, vote="mean")
    assert find_objects(maps, by_area).labels[60, 60] == 0


@given(
    st.lists(
        st.tuples(
            st.floats(0, SHAPE[0]), st.floats(0, SHAPE[1]), st.floats(3, 45), st.floats(0.5, 1)
        ),
        max_size=5,
    ),
    st.floats(0.01, 1),
    st.booleans(),
)
def test_scores_part_objects_from_candidates(discs: list[Disc], least: float, nuclei: bool) -> None:
    maps, params = draw(discs, nuclei), PostprocessParams(least_score=least)
    found = find_objects(maps, params)
    assert set(found.scores) == set(np.unique(found.labels)) - {0}
    assert set(found.candidate_scores) == set(np.unique(found.candidates)) - {0}
    assert not ((found.labels > 0) & (found.candidates > 0)).any()
    assert all(score >= least for score in found.scores.values())
    scored = score_labels(found.labels, maps)
    assert scored == pytest.approx(found.scores)
    # A higher bar never makes an object of a candidate.
    higher = find_objects(maps, dataclasses.replace(params, least_score=min(1, least + 0.2)))
    assert not ((higher.labels > 0) & (found.labels == 0)).any()


def test_without_evidence_it_is_the_paper_s_post_processing() -> None:
    maps = draw([CONVINCING, DOUBTFUL, (150, 60, 18, 0.9)])
    params = PostprocessParams.as_in_0_1_0()
    found = find_objects(maps, params)
    vote = maps.combine(rule="mean")
    expected = postprocess(vote, params, diameter=DIAMETER, nucleus=maps.combine_nucleus())
    np.testing.assert_array_equal(found.labels, expected)
    assert not found.candidates.any()


def test_a_member_without_weight_has_no_say() -> None:
    maps = draw([CONVINCING])
    blind: NDArray[np.float32] = maps.cell.copy()
    blind[2] = 0
    alone = dataclasses.replace(maps, cell=blind)
    assert not find_objects(alone).labels.any()
    assert find_objects(alone, weights=(1, 1, 0)).labels[60, 60] == 1


@pytest.mark.parametrize("nuclei", [True, False])
def test_the_shipped_regression_weighs_what_there_is(nuclei: bool) -> None:
    model = shipped_score_model(nuclei=nuclei)
    assert len(model.weights) == len(FEATURES)
    used = {f for f, w in zip(FEATURES, model.weights, strict=True) if w}
    assert used == set(FEATURES if nuclei else PLAIN)
