"""Holding out by photograph."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.learning.head.cells import make_cells
from napari_leukocyte.learning.head.head import FOLDS, fold_of

cells = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("pqrstuvw")), min_size=2, max_size=60
)


@given(cells)
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
