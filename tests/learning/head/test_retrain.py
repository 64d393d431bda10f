"""Before and after: what is taken, what is not, and why."""

from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.learning.head.base import Base
from napari_leukocyte.learning.head.cells import Cells, RetrainingError, make_cells
from napari_leukocyte.learning.head.curve import curve_lines, learning_curve
from napari_leukocyte.learning.head.head import Head, HeadParams, fit_head
from napari_leukocyte.learning.head.retrain import as_lines, retrain, verdict
from tests.learning.head.test_head import clouds

#: The default is meant for embeddings of a thousand numbers, not of 24.
FREE = HeadParams(strength=1.0)


@pytest.fixture
def base(rng: np.random.Generator) -> Base:
    counts = {"a": 40, "b": 40, "c": 40}
    return Base(clouds(counts, rng), clouds(counts, rng), "0" * 64)


@pytest.fixture
def former(base: Base) -> Head:
    return fit_head(base.fitting, base.fitting)


def elsewhere(rng: np.random.Generator, each: int = 20) -> Cells:
    """Return cells that the former head mistakes: of another stain."""
    cells = clouds({"a": each, "b": each, "c": each}, rng)
    return make_cells(
        np.roll(cells.embeddings, 5, axis=1), cells.classes.tolist(), cells.groups.tolist()
    )


def test_what_is_better_may_be_taken(base: Base, former: Head, rng: np.random.Generator) -> None:
    result = retrain(elsewhere(rng), base, former, FREE)
    assert not result.refusals
    assert result.own.before.value < 0.6 < 0.9 < result.own.after.value
    assert result.own.difference.low > 0
    assert result.shipped.after.value > result.shipped.before.value - 0.03
    assert [r.name for r in result.own.rows] == ["a", "b", "c"]
    for row in result.own.rows:
        assert row.after.low <= row.after.value <= row.after.high
    assert any("balanced accuracy" in line for line in as_lines(result))


def test_before_is_what_the_classifier_says_of_each_view(
    base: Base, rng: np.random.Generator
) -> None:
    weights = np.zeros((24, 2))
    weights[0] = [-1, 1]
    former = Head(("a", "b"), weights, np.zeros(2))
    views = rng.normal(0, 0.1, (20, 4, 24))
    views[:10, :, 0], views[10:, :, 0] = (-1, -1, -1, 10), 3
    classes = ["a"] * 10 + ["b"] * 10
    own = make_cells(views, classes, [f"p{i % 5}" for i in range(20)])
    # Three views of four say a, and so does the classifier, though their mean looks like b.
    assert set(former.predict(own.embeddings)) == {"b"}
    both = base.only(frozenset("ab"))
    result = retrain(own, both, former, FREE)
    assert [row.before.value for row in result.own.rows] == [1, 1]
    # A classifier that looks at the first view only is asked for that one.
    views[:10, 0, 0] = 2
    own = make_cells(views, classes, own.groups.tolist())
    result = retrain(own, both, former, FREE, former_views=1)
    assert [row.before.value for row in result.own.rows] == [0, 1]


def test_what_is_worse_is_refused_in_words(
    base: Base, former: Head, rng: np.random.Generator
) -> None:
    own = clouds({"a": 20, "b": 20, "c": 20}, rng)
    guessed = make_cells(own.embeddings, rng.permutation(own.classes).tolist(), own.groups.tolist())
    # Right by the former head, so that a head fitted on guesses can only be worse.
    said = former.predict(own.embeddings)
    half = np.arange(len(own)) % 2 == 0
    mixed = make_cells(
        own.embeddings, np.where(half, said, guessed.classes).tolist(), own.groups.tolist()
    )
    result = retrain(mixed, base, former)
    assert result.refusals
    assert result.refusals[0].startswith("It is worse on your cells")
    assert verdict(result).startswith("Not taken. It is worse")


def test_forgetting_is_refused(base: Base, former: Head, rng: np.random.Generator) -> None:
    own = clouds({"a": 60, "b": 60}, rng)
    swapped = np.where(own.classes == "a", "b", "a")
    result = retrain(
        make_cells(own.embeddings, swapped.tolist(), own.groups.tolist()), base, former
    )
    assert any(r.startswith("It forgets") for r in result.refusals)


def test_a_class_of_one_photograph_is_not_measured(
    base: Base, former: Head, rng: np.random.Generator
) -> None:
    own = elsewhere(rng)
    few = make_cells(rng.normal(9, 1, (4, 24)), ["blast"] * 4, ["p1"] * 4)
    both = make_cells(
        np.concatenate([own.embeddings, few.embeddings]),
        [*own.classes.tolist(), *few.classes.tolist()],
        [*own.groups.tolist(), *few.groups.tolist()],
    )
    result = retrain(both, base, former, FREE)
    row = next(r for r in result.own.rows if r.name == "blast")
    assert not row.measured
    assert "blast" in result.head.classes
    assert any("blast: all of its cells are of one photograph" in n for n in result.notes)
    assert not result.refusals


def test_one_photograph_is_measured_with_a_warning(
    base: Base, former: Head, rng: np.random.Generator
) -> None:
    own = elsewhere(rng)
    result = retrain(
        make_cells(own.embeddings, own.classes.tolist(), ["only"] * len(own)), base, former
    )
    assert any("one photograph" in n for n in result.notes)


def test_nothing_to_learn_from(base: Base, former: Head) -> None:
    with pytest.raises(RetrainingError, match="No cell has been reviewed"):
        retrain(make_cells(np.zeros((0, 24)), [], []), base, former)


def test_curve_says_which_class_has_most_to_gain(
    base: Base, former: Head, rng: np.random.Generator
) -> None:
    own = elsewhere(rng, 40)
    # c lies nearly where b does: more cells help there, while few are enough to know a.
    values = own.embeddings.copy()
    of_c = own.classes == "c"
    values[of_c] = values[own.classes == "b"] + rng.normal(0, 0.6, (40, 24)) + 0.35
    groups = [f"p{i % 20}" for i in range(len(own))]
    curve = learning_curve(make_cells(values, own.classes.tolist(), groups), base, former)
    assert curve is not None
    assert [p.cells for p in curve.overall.points] == sorted(p.cells for p in curve.overall.points)
    gains = {line.name: line.gain for line in curve.classes}
    assert max(gains["b"], gains["c"]) > gains["a"]
    assert list(gains.values()) == sorted(gains.values(), reverse=True)
    for line in curve.classes:
        assert line.expected is not None
        assert 0 <= line.expected.low <= line.expected.value <= line.expected.high <= 1
    assert len(curve_lines(curve)) == 5


def test_few_photographs_have_no_curve(base: Base, former: Head, rng: np.random.Generator) -> None:
    own = elsewhere(rng)
    three = make_cells(own.embeddings, own.classes.tolist(), [f"p{i % 3}" for i in range(60)])
    assert learning_curve(three, base, former) is None
    assert "Too few photographs" in curve_lines(None)[0]
