from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import Cancelled
from napari_leukocyte.interpretation.embedding_map.cells import directions
from napari_leukocyte.interpretation.embedding_map.neighbours import (
    FEWEST,
    find_label_suspects,
    find_outliers,
    most_similar,
    nearest,
)
from tests.interpretation.embedding_map.made import cells_of, embeddings


@given(st.integers(0, 30), st.integers(1, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_neighbours_are_those_of_a_plain_search(
    number: int, k: int, seed: int, others: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors = directions(rng.normal(size=(number, 5)))
    among = directions(rng.normal(size=(7, 5))) if others else None
    found, distances = nearest(vectors, k, among)
    where = vectors if among is None else among
    table = np.linalg.norm(vectors[:, np.newaxis] - where[np.newaxis], axis=2)
    if among is None:
        np.fill_diagonal(table, np.inf)
    expected = np.sort(table, axis=1)[:, : found.shape[1]]
    assert found.shape == distances.shape == (number, max(0, min(k, len(where) - (not others))))
    np.testing.assert_allclose(distances, expected, atol=2e-3)
    np.testing.assert_allclose(np.take_along_axis(table, found, 1), expected, atol=2e-3)
    assert among is not None or not (found == np.arange(number)[:, np.newaxis]).any()


@given(st.integers(1, 30), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_the_most_similar_are_those_of_a_plain_search(number: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = directions(rng.normal(size=(number, 5)))
    chosen = rng.choice(number, rng.integers(1, number + 1), replace=False).tolist()
    found = most_similar(vectors, chosen, k)
    rest = [i for i in range(number) if i not in chosen]
    cosine = {i: max(float(vectors[i] @ vectors[c]) for c in chosen) for i in rest}
    assert len(found) == len(set(found.tolist())) == min(k, len(rest))
    assert set(found.tolist()) <= set(rest)
    best = sorted(cosine.values(), reverse=True)[: len(found)]
    np.testing.assert_allclose([cosine[int(i)] for i in found], best, atol=1e-6)


def test_copies_are_neighbours_of_each_other_and_not_of_themselves() -> None:
    vectors = np.ones((6, 1), np.float32)
    found, distances = nearest(vectors, 3)
    assert all(i not in row and len(set(row)) == 3 for i, row in enumerate(found.tolist()))
    assert not distances.any()
    assert not len(most_similar(vectors, [], 3))


def test_what_is_no_number_does_not_spread() -> None:
    odd = np.array([[1, 0], [np.nan, 1], [np.inf, np.inf], [0, 0]], np.float16)
    assert np.isfinite(directions(odd)).all()
    np.testing.assert_allclose(np.linalg.norm(directions(odd), axis=1), [1, 1, 0, 0])


def test_outliers_are_the_cells_unlike_all_others() -> None:
    found, _ = embeddings(120, seed=1)
    rng = np.random.default_rng(5)
    strange = rng.normal(size=(3, *found.shape[1:])) * 0.1 + rng.normal(size=(3, 1, found.shape[2]))
    cells = cells_of(np.concatenate([found, strange.astype(np.float16)]))
    _, distances = nearest(cells.vectors, 10)
    outliers = find_outliers(distances)
    assert {o.row for o in outliers[:3]} == {120, 121, 122}
    assert len(outliers) <= 5
    assert outliers[0].distance >= outliers[-1].distance
    assert all(o.times > 1 for o in outliers)


def test_few_cells_or_copies_have_no_outliers() -> None:
    cells = cells_of(embeddings(FEWEST - 1)[0])
    assert not find_outliers(nearest(cells.vectors, 10)[1])
    copies = np.ones((40, 3), np.float32) / np.sqrt(3)
    assert not find_outliers(nearest(copies.astype(np.float32), 10)[1])


NAMES = ("neutrophil", "lymphocyte", "monocyte")


def test_wrong_labels_are_found_as_by_cleanlab() -> None:
    found, group = embeddings(160, seed=4, spread=0.8)
    rng = np.random.default_rng(0)
    given = group.copy()
    wrong = set(rng.choice(160, 8, replace=False).tolist())
    for i in wrong:
        given[i] = (given[i] + 1) % 3
    classes: list[str | None] = [NAMES[g] for g in given]
    classes[next(i for i in range(160) if i not in wrong)] = None
    cells = cells_of(found)
    suspects = find_label_suspects(cells, classes)
    assert suspects is not None
    assert {s.row for s in suspects} >= wrong
    assert len(suspects) <= 10
    assert all(s.suggested == NAMES[group[s.row]] for s in suspects if s.row in wrong)
    assert all(s.given == classes[s.row] for s in suspects)
    beliefs = [s.belief for s in suspects]
    assert beliefs == sorted(beliefs)

    cleanlab = pytest.importorskip("cleanlab.filter")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    asked = cross_val_predict(
        LogisticRegression(max_iter=2000), 10 * cells.vectors, given, cv=5, method="predict_proba"
    )
    issues = cleanlab.find_label_issues(given, asked, filter_by="both", n_jobs=1)
    theirs = set(np.flatnonzero(issues).tolist())
    assert theirs >= wrong
    assert len(theirs) <= 10


def test_few_cells_or_one_class_say_nothing() -> None:
    cells = cells_of(embeddings(29)[0])
    assert find_label_suspects(cells, ["neutrophil", *["monocyte"] * 28]) is None
    cells = cells_of(embeddings(60)[0])
    assert find_label_suspects(cells, ["neutrophil"] * 60) is None
    assert find_label_suspects(cells, [None] * 60) is None
    assert find_label_suspects(cells_of(embeddings(0)[0]), []) is None


def test_it_can_be_stopped() -> None:
    found, group = embeddings(60)

    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        find_label_suspects(cells_of(found), [NAMES[g] for g in group], stop)
