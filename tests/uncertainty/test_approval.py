"""Only clear, open cells are approved in bulk, in one step, and never count as looked at."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.schema import probability_column
from napari_leukocyte.session.session import Session
from napari_leukocyte.uncertainty.approval import approvable, approve_in_bulk, prediction_sets
from napari_leukocyte.uncertainty.calibration import Calibration, SetSettings
from napari_leukocyte.uncertainty.recalibration import reviewed_cells

CLASSES = ("neutrophil", "lymphocyte", "monocyte")
SURE, TORN, ODD = (0.98, 0.01, 0.01), (0.45, 0.45, 0.1), (0.34, 0.33, 0.33)


def known() -> Calibration:
    """Return 200 cells, nine in ten clear and right, of the others half."""
    rng = np.random.default_rng(0)
    rows, truth = [], []
    for i in range(200):
        clear = i % 10 > 0
        p = np.array(SURE if clear else TORN) + rng.uniform(0, 1e-3, 3)
        rows.append(p / p.sum())
        truth.append(CLASSES[0] if clear or i % 20 else CLASSES[1])
    return Calibration.of(CLASSES, truth, np.array(rows), "a")


@pytest.fixture
def session() -> Session:
    """Return six cells: four clear (one flagged, one of another class by the reader), two not."""
    labels = np.zeros((40, 120), np.int32)
    for i in range(6):
        cv2.circle(labels, (10 + 20 * i, 20), 6, i + 1, -1)
    made = Session(np.full((40, 120, 3), 200, np.uint8), "field")
    made.start_afresh(labels)
    rows = [SURE, SURE, SURE, SURE, TORN, ODD]
    table = pd.DataFrame(
        {
            "label": range(1, 7),
            "class": [CLASSES[0]] * 6,
            "confidence": [max(r) for r in rows],
            **{probability_column(c): [r[i] for r in rows] for i, c in enumerate(CLASSES)},
        }
    )
    made.set_predictions(table, "model")
    made.set_flag([3], "to discuss")
    made.set_class([4], CLASSES[2])
    return made


def test_sets_are_ordered_by_probability(session: Session) -> None:
    found = prediction_sets(session.table(), known(), SetSettings(0.95))
    assert found["set"][0] == ("neutrophil",)
    assert found["set"][4][:2] == ("neutrophil", "lymphocyte")
    assert found["size"].tolist() == [len(s) for s in found["set"]]


def test_only_clear_open_cells_are_approved(session: Session) -> None:
    approval = approvable(session.table(), known(), SetSettings(0.9))
    assert approval.labels == (1, 2)
    sets = prediction_sets(session.table(), known(), SetSettings(0.9))
    single = int((sets["size"] == 1).sum())
    assert single > 2
    # What has a single class and what can be approved are told apart.
    assert f"{single} of 6 cells have a single class, and 2 of these can" in approval.bound
    assert "at most 10 % (1)" in approval.bound
    assert 0 <= approval.observed <= approval.observed_high < 0.1


def test_bulk_approval_is_one_step_and_is_no_review(session: Session) -> None:
    approval = approvable(session.table(), known(), SetSettings(0.9))
    session.set_note(1, "large")
    approve_in_bulk(session, approval)
    assert session.reviews[1].note == "large; approved in bulk at 90 %"
    assert session.reviews[2].reviewed
    # Only what a reader looked at calibrates: object 4.
    assert reviewed_cells(session.table(), CLASSES).counts() == {
        "neutrophil": 0,
        "lymphocyte": 0,
        "monocyte": 1,
    }
    session.undo()
    assert not session.reviews[1].reviewed
    assert session.reviews[1].note == "large"
    assert 2 not in session.reviews


def test_too_few_known_cells_approve_nothing(session: Session) -> None:
    few = Calibration.of(CLASSES, ["neutrophil"] * 3, np.array([SURE] * 3))
    approval = approvable(session.table(), few, SetSettings(0.9))
    assert approval.labels == ()
    assert "takes 9 cells of known class, and there are 3" in approval.bound
    empty = approvable(session.table().iloc[:0], few)
    assert empty.labels == ()
