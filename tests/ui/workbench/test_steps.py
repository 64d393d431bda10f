"""The next step of the work, from an empty window to the trained classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.workbench.steps import CELL_VIEWS, STEPS, suggest


def _session(cells: int) -> Session:
    session = Session(np.full((60, 200, 3), 200, np.uint8))
    labels = np.zeros((60, 200), np.int32)
    for i in range(cells):
        labels[10:30, 10 + 40 * i : 30 + 40 * i] = i + 1
    session.edit_labels(lambda _: labels, "Draw")
    return session


def test_what_comes_next_follows_the_work() -> None:
    assert suggest(False, None, "segment").step is None
    first = suggest(True, None, "smear")
    assert (first.step, first.act) == ("segment", "segment")
    session = _session(3)
    found = suggest(True, session, "segment")
    assert (found.step, found.act) == ("count", "classify")
    assert "3 cells" in found.text
    table = pd.DataFrame({"label": [1, 2, 3], "class": "neutrophil", "confidence": 0.9})
    session.set_predictions(table, "any", {})
    assert suggest(True, session, "count").step == "review"
    session.approve([1, 2])
    assert "1 cell " in suggest(True, session, "review").text
    session.approve([3])
    steps = [suggest(True, session, front).step for front in ("review", "count", "export")]
    assert steps == ["count", "export", "improve"]


@pytest.mark.parametrize("step", [*STEPS, *CELL_VIEWS], ids=lambda s: s.name)
def test_titles_are_short_and_explained(step: object) -> None:
    assert len(step.title) <= 8  # type: ignore[attr-defined]
    assert step.tip.endswith(".")  # type: ignore[attr-defined]
