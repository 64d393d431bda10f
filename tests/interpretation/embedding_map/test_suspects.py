from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.errors import Cancelled
from napari_leukocyte.interpretation.embedding_map.neighbours import find_label_suspects
from tests.interpretation.embedding_map.made import cells_of, embeddings

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
