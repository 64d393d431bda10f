from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import napari_leukocyte as nl
from napari_leukocyte.errors import Cancelled, ImageError, ModelError, ParameterError
from napari_leukocyte.segmentation.ensemble import MemberMaps, segment, segment_members

Smear = Callable[..., NDArray[np.uint8]]
Discs = Callable[..., NDArray[np.float32]]
Stain = tuple[str, list[tuple[int, ...]]]

SHARES = st.floats(0, 1e6).map(lambda w: w if w > 1e-6 else 0.0)


def ensemble(maps: NDArray[np.float32], weights: tuple[float, ...] | None = None) -> MemberMaps:
    names = tuple(f"m{i}" for i in range(len(maps)))
    own = weights or (1.0,) * len(maps)
    return MemberMaps(maps, maps[:, ::-1], names, own, 50.0, "test", ("0" * 64,) * len(maps))


@st.composite
def votes(draw: st.DrawFn) -> tuple[MemberMaps, list[float]]:
    count = draw(st.integers(1, 5))
    maps = draw(hnp.arrays(np.float32, (count, 2, 3), elements=st.floats(0, 1, width=32)))
    weights = draw(st.lists(SHARES, min_size=count, max_size=count).filter(any))
    return ensemble(maps), weights


@given(votes())
def test_the_rules_are_ordered_and_each_is_what_its_name_says(
    vote: tuple[MemberMaps, list[float]],
) -> None:
    maps, weights = vote
    voting = maps.cell[maps.voting(weights)].astype(np.float64)
    least, geometric, mean = (
        maps.combine(weights, rule) for rule in ("minimum", "geometric", "mean")
    )
    np.testing.assert_array_equal(least, voting.min(axis=0).astype(np.float32))
    shares = np.array([w for w in weights if w > 0])
    logarithms = np.average(np.log(np.maximum(voting, 1e-7)), axis=0, weights=shares)
    np.testing.assert_allclose(geometric, np.minimum(np.exp(logarithms), 1), atol=1e-4)
    assert (least <= geometric + 1e-4).all()
    assert (geometric <= mean + 1e-4).all()


@given(votes())
def test_vote_is_the_weighted_mean(vote: tuple[MemberMaps, list[float]]) -> None:
    maps, weights = vote
    cell = maps.cell.astype(np.float64)
    mean = np.average(cell, axis=0, weights=weights)
    spread = np.sqrt(np.average((cell - mean) ** 2, axis=0, weights=weights))
    combined, disagreement = maps.combine(weights, "mean"), maps.disagreement(weights)
    np.testing.assert_allclose(combined, mean, atol=1e-5)
    np.testing.assert_allclose(disagreement, spread, atol=1e-3)
    np.testing.assert_allclose(maps.combine_nucleus(weights), mean[::-1], atol=1e-5)
    for result in (combined, disagreement):
        assert result.dtype == np.float32
        assert result.shape == (2, 3)
    assert 0 <= combined.min() <= combined.max() <= 1
    assert 0 <= disagreement.min() <= disagreement.max() <= 0.5
    scaled = maps.combine([7 * w for w in weights], "mean")
    np.testing.assert_allclose(scaled, combined, atol=1e-6)


def test_one_member_alone_is_its_own_map_and_agrees_with_itself() -> None:
    maps = ensemble(np.random.default_rng(0).random((3, 4, 5), np.float32), (1.0, 2.0, 5.0))
    for i in range(3):
        alone = [float(j == i) for j in range(3)]
        np.testing.assert_array_equal(maps.combine(alone), maps.cell[i])
        assert not maps.disagreement(alone).any()
    np.testing.assert_array_equal(maps.combine(), maps.combine([1, 2, 5]))
    assert maps.combine(np.array([1, 2, 5])).shape == (4, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "weights",
    [
        [],
        [1],
        [1, 1, 1],
        [1, -0.1],
        [0, 0],
        [1, np.nan],
        [np.inf, 1],
        [1e308, 1e308],
        ["a", "b"],
        [None, 1],
        5,
        [[1, 2], [3, 4]],
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: Any) -> None:
    maps = ensemble(np.zeros((2, 4, 4), np.float32))
    for method in (maps.combine, maps.combine_nucleus, maps.disagreement):
        with pytest.raises(ParameterError, match=r"^[^\n]+\.$"):
            method(weights)


def test_every_member_sees_the_cells_at_its_own_size(
    smear: Smear, discs: Discs, stain_model: Stain
) -> None:
    folder, shown = stain_model
    centres = [(60, 70), (150, 220)]
    image = smear((210, 300), centres, 40)
    told: list[tuple[int, int, str]] = []
    maps = segment_members(image, folder, 80, lambda *step: told.append(step))
    # 32 px of input stand for 40 and 53 px of the image, in whole blocks.
    assert shown == [(1, 192, 256, 3), (1, 128, 192, 3)]
    assert maps.cell.shape == maps.nucleus.shape == (2, 210, 300)
    assert maps.cell.dtype == maps.nucleus.dtype == np.float32
    truth = discs((210, 300), centres, 40)
    np.testing.assert_allclose(maps.cell[0], truth, atol=0.4)
    np.testing.assert_allclose(maps.cell[1], 0.5 * truth, atol=0.2)
    for member in (maps.cell[0], 2 * maps.cell[1], maps.combine([1, 0])):
        assert np.abs((member >= 0.5).sum() / (truth >= 0.5).sum() - 1) < 0.02
    assert (maps.nucleus <= maps.cell + 1e-6).all()
    mean = 0.75 * maps.cell[0] + 0.25 * maps.cell[1]
    np.testing.assert_allclose(maps.combine(rule="mean"), mean, atol=1e-6)
    np.testing.assert_array_equal(maps.combine(), maps.cell.min(axis=0))
    assert (maps.diameter, maps.model, maps.names) == (80, "stain", ("m0", "m1"))
    assert maps.weights == (3.0, 1.0)
    assert [t[:2] for t in told] == [(0, 2), (1, 2), (2, 2)]


def test_diameter_is_found_and_told_of(smear: Smear, stain_model: Stain) -> None:
    image = smear((400, 500), [(100, 100), (250, 350), (300, 120)], 30)
    found = segment_members(image, stain_model[0])
    assert found.diameter == pytest.approx(60, rel=0.15)
    labels = nl.postprocess(found.combine(rule="mean"), diameter=found.diameter)
    assert labels.max() == 3
    nothing = segment_members(np.full((100, 100), 250, np.uint8), stain_model[0])
    assert len(nothing.notes) == 2  # grey, and no leukocyte
    assert not nothing.combine().any() or nothing.combine().max() < 0.5


def test_run_can_be_stopped_after_any_tile(smear: Smear, stain_model: Stain) -> None:
    folder, shown = stain_model

    def stop(done: int, total: int, what: str) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(smear((900, 900), [], 1), folder, 40, progress=stop)
    assert len(shown) == 2


@pytest.mark.parametrize(
    "diameter", [7.9, 2001, 0, -5, np.nan, np.inf, True, None, "large", "64", [64], 64j]
)
def test_diameter_out_of_range_is_refused(stain_model: Stain, diameter: Any) -> None:
    with pytest.raises(ParameterError, match=r"^The diameter .*\.$"):
        segment(np.zeros((64, 64, 3), np.uint8), stain_model[0], diameter)
    assert stain_model[1] == []


def test_other_bad_input_is_refused_before_any_network_runs(stain_model: Stain) -> None:
    folder, shown = stain_model
    with pytest.raises(ImageError):
        segment(np.zeros((4, 4, 3), np.uint8), folder)
    with pytest.raises(ModelError):
        segment(np.zeros((64, 64, 3), np.uint8), "no such model")
    assert shown == []


def test_network_that_gives_something_else_is_no_model(
    stain_model: Stain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the files that the manifest names do not exist
    with pytest.raises(ModelError, match="missing"):
        segment(np.zeros((64, 64, 3), np.uint8), stain_model[0], 64)
