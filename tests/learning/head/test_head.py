"""The head: its fit, one dense layer in the end, and cells held out by photograph."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_leukocyte.learning.head.cells import Cells, make_cells
from napari_leukocyte.learning.head.head import (
    FOLDS,
    HeadParams,
    calibrated,
    cell_weights,
    fit_head,
    fold_of,
)

CENTRES = {"a": 0, "b": 1, "c": 2}
classes_and_groups = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("pqrstuvw")), min_size=2, max_size=60
)


def clouds(
    counts: dict[str, int], rng: np.random.Generator, shift: float = 0.0, length: int = 24
) -> Cells:
    """Return cells around a point for each class."""
    names = [n for n, count in counts.items() for _ in range(count)]
    centres = np.eye(length)[[CENTRES[n] for n in names]] * 6
    values = centres + rng.normal(0, 1, centres.shape) + shift
    return make_cells(values, names, [f"p{i % 7}" for i in range(len(names))])


def test_knows_shipped_classes_that_the_reader_has_not_met(rng: np.random.Generator) -> None:
    head = fit_head(clouds({"a": 20, "b": 20}, rng), clouds({"a": 30, "c": 30}, rng))
    asked = clouds({"a": 50, "b": 50, "c": 50}, rng)
    assert head.classes == ("a", "b", "c")
    assert np.mean(head.predict(asked.embeddings) == asked.classes) > 0.95


def test_one_cell_of_a_class_is_enough_to_learn_it(rng: np.random.Generator) -> None:
    own = clouds({"a": 10, "b": 10, "c": 1}, rng)
    head = fit_head(own, clouds({"a": 40, "b": 40}, rng))
    assert head.predict(own.embeddings[-1:]).tolist() == ["c"]


def test_two_classes_and_views(rng: np.random.Generator) -> None:
    own = clouds({"a": 15, "b": 15}, rng)
    head = fit_head(own, own[np.zeros(30, bool)])
    views = np.stack([own.embeddings, own.embeddings + 0.1], axis=1)
    probability = head.probabilities(views)
    assert np.allclose(probability.sum(axis=1), 1)
    singly = [head.probabilities(views[:, v]) for v in range(2)]
    assert np.allclose(probability, np.mean(singly, axis=0))


def test_is_the_regression_that_scikit_learn_fits(rng: np.random.Generator) -> None:
    from sklearn.linear_model import LogisticRegression

    from napari_leukocyte.learning.head.head import fit_projection

    own, base = clouds({"a": 12, "b": 9}, rng, 1.0), clouds({"a": 20, "c": 20}, rng)
    params = HeadParams(components=10)
    every = np.concatenate([own.embeddings, base.embeddings])
    projection = fit_projection(every, params)
    classes = np.concatenate([own.classes, base.classes])
    regression = LogisticRegression(C=params.strength, max_iter=300, tol=1e-3).fit(
        projection.scores(every),
        classes,
        sample_weight=cell_weights(own.classes, base.classes, params.own_weight),
    )
    expected = regression.predict_proba(projection.scores(every))
    assert np.allclose(fit_head(own, base, params).probabilities(every), expected, atol=1e-4)


names = st.lists(st.sampled_from("abcd"), max_size=30).map(lambda n: np.array(n, dtype=str))


@given(names, names, st.floats(0.05, 0.95))
def test_classes_weigh_alike_however_many_cells(
    own: NDArray[np.str_], base: NDArray[np.str_], share: float
) -> None:
    classes = np.concatenate([own, base])
    if not len(classes):
        return
    weights = cell_weights(own, base, share)
    assert np.isclose(weights.sum(), len(classes))
    of = {n: weights[classes == n].sum() for n in np.unique(classes)}
    assert np.allclose(list(of.values()), next(iter(of.values())))
    for name in set(own) & set(base):
        mine = weights[: len(own)][own == name].sum()
        assert np.isclose(mine, share * of[name])


def test_calibration_makes_probabilities_mean_what_they_say(rng: np.random.Generator) -> None:
    head = fit_head(clouds({"a": 30, "b": 30}, rng), clouds({"a": 30, "b": 30}, rng))
    truth = rng.choice(["a", "b"], 4000)
    # Right in 4 of 5, and always sure to 1 in 3000.
    shown = np.where(rng.random(4000) < 0.8, truth, np.where(truth == "a", "b", "a"))
    logits = np.where(shown[:, None] == np.array(["a", "b"]), 8.0, 0.0)
    found = calibrated(head, logits, truth.tolist())
    sure = 1 / (1 + np.exp(-8 / found.temperature))
    assert abs(sure - 0.8) < 0.02


@given(classes_and_groups)
def test_a_photograph_is_held_out_as_a_whole(given_cells: list[tuple[str, str]]) -> None:
    classes, groups = (list(v) for v in zip(*given_cells, strict=True))
    own = make_cells(np.zeros((len(classes), 2)), classes, groups)
    folds = fold_of(own)
    photographs = set(groups)
    if len(photographs) > 1:
        assert all(len(set(folds[own.groups == g].tolist())) == 1 for g in photographs)
    assert 2 <= len(set(folds.tolist())) <= FOLDS
    assert folds.tolist() == fold_of(own).tolist()


def test_rare_classes_are_dealt_out_to_all_parts() -> None:
    classes = ["a"] * 95 + ["rare"] * 5
    own = make_cells(np.zeros((100, 2)), classes, [f"p{i}" for i in range(100)])
    folds = fold_of(own)
    assert sorted(folds[own.classes == "rare"].tolist()) == [0, 1, 2, 3, 4]
