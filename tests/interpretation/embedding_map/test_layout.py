from __future__ import annotations

import re
from importlib.metadata import requires

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from napari_leukocyte.errors import Cancelled, ParameterError
from napari_leukocyte.interpretation.embedding_map.layout import MapSettings, lay_out
from tests.interpretation.embedding_map.made import cells_of, embeddings, part


@pytest.mark.parametrize("number", [0, 1, 2, 5, 14, 15, 30])
def test_every_number_of_cells_has_a_map(number: int) -> None:
    cells = cells_of(embeddings(number)[0])
    layout = lay_out(cells)
    places = layout.positions(cells)
    assert places.shape == (number, 2)
    assert np.isfinite(places).all()
    assert layout.method == ("t-SNE" if number >= 15 else "principal components")
    if number > 1:
        assert len(np.unique(places.round(6), axis=0)) == number
        assert places.std() > 1e-3  # not all in one point


def test_copies_have_a_map_too() -> None:
    cells = cells_of(np.ones((40, 4, 6), np.float16))
    assert np.isfinite(lay_out(cells).positions(cells)).all()


def test_groups_lie_apart_and_the_same_cells_give_the_same_map() -> None:
    found, group = embeddings(150, seed=2)
    cells = cells_of(found)
    places = lay_out(cells).positions(cells)
    assert silhouette_score(places, group) > 0.6
    np.testing.assert_array_equal(lay_out(cells).positions(cells), places)
    assert not np.array_equal(lay_out(cells, settings=MapSettings(seed=1)).positions(cells), places)


@settings(max_examples=10)
@given(st.integers(4, 60), st.integers(0, 2**32 - 1))
def test_cells_keep_their_places_whatever_comes_and_goes(number: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    everything = cells_of(embeddings(number + 5, seed=seed % 1000)[0])
    brief = MapSettings(iterations=40)
    before = part(everything, list(range(number)))
    layout = lay_out(before, settings=brief)
    kept = sorted(
        rng.choice(number, rng.integers(5, number + 1), replace=False).tolist()
        if number > 5
        else range(number)
    )
    new = list(range(number, number + int(rng.integers(1, min(5, len(kept)) + 1))))
    now = part(everything, [*kept, *new])
    after = lay_out(now, layout, brief)
    np.testing.assert_array_equal(
        after.positions(part(everything, kept)), layout.positions(part(everything, kept))
    )
    assert np.isfinite(after.positions(now)).all()
    # Those deleted come back to where they were, and one comes to the same place alone.
    np.testing.assert_array_equal(after.positions(before), layout.positions(before))
    alone = lay_out(part(everything, [*kept, new[0]]), layout, brief)
    one = part(everything, [new[0]])
    np.testing.assert_allclose(alone.positions(one), after.positions(one), atol=1e-3)


def test_new_cells_come_to_their_like() -> None:
    found, group = embeddings(170, seed=3)
    everything = cells_of(found)
    layout = lay_out(part(everything, list(range(150))))
    places = lay_out(everything, layout).positions(everything)
    for i in range(150, 170):
        distance = np.linalg.norm(places[:150] - places[i], axis=1)
        nearest = group[:150][np.argsort(distance)[:5]]
        assert (nearest == group[i]).sum() >= 4


def test_too_many_new_cells_are_laid_out_anew() -> None:
    everything = cells_of(embeddings(40)[0])
    first = part(everything, list(range(10)))
    layout = lay_out(first)
    now = lay_out(everything, layout)
    assert now.method == "t-SNE"
    assert not np.array_equal(now.positions(first), layout.positions(first))


def test_it_can_be_stopped() -> None:
    cells = cells_of(embeddings(60)[0])
    seen = []

    def stop(done: int, total: int, what: str) -> None:
        seen.append((done, total))
        if done > 50 and what == "Laying out cells":
            raise Cancelled

    with pytest.raises(Cancelled):
        lay_out(cells, progress=stop)
    assert all(0 <= done <= total for done, total in seen)


def test_settings_must_make_sense() -> None:
    for wrong in ({"perplexity": 0}, {"fewest": 1}, {"iterations": 0}, {"kept_share": 2}):
        with pytest.raises(ParameterError):
            MapSettings(**wrong)


def test_no_compiler_comes_with_it() -> None:
    # Numba's LLVM would clash with the one of Mesa's OpenGL.
    needed = {
        re.split(r"[^\w-]", r)[0].lower() for r in requires("openTSNE") or [] if "extra" not in r
    }
    assert "scikit-learn" in needed
    assert not {"numba", "llvmlite", "pynndescent", "umap-learn"} & needed
