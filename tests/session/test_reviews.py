"""Readers' reviews of objects, and the count that follows from them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.counting.own_classes import own_class, save_own_classes
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.session.predictions import Uncertainty, review_order
from napari_leukocyte.session.reviews import FLAGS, Review
from napari_leukocyte.session.session import Session

MODEL = {"model": "m"}


@pytest.fixture
def session() -> Session:
    """Return four objects: a model gave three of them a class."""
    session = Session(np.zeros((40, 80, 3), np.uint8), "field")
    labels = np.zeros((40, 80), np.int32)
    for number in (1, 2, 3, 7):
        labels[10:20, 10 * number : 10 * number + 8] = number
    session.accept_edit(labels)
    session.reader = "A. Reader"
    session.set_predictions(said(monocyte=[1, 2], basophil=[3]), "m", MODEL)
    return session


def said(**classes: list[int]) -> pd.DataFrame:
    pairs = sorted((n, name) for name, numbers in classes.items() for n in numbers)
    table = pd.DataFrame(pairs, columns=["label", "class"]).astype({"class": "str"})
    return table.assign(confidence=0.8, p_monocyte=0.8, p_basophil=0.15)


def row(session: Session, number: int) -> dict[str, Any]:
    table = session.table()
    (found,) = table[table["label"] == number].to_dict("records")
    return {str(k): v for k, v in found.items()}


def test_the_table_tells_who_said_what(session: Session) -> None:
    session.set_class([1], "neutrophil")
    session.approve([2])
    session.set_flag([2, 3], "to discuss")
    session.set_flag([3], "smudge")
    session.set_note(3, " torn ")
    columns = ["class", "source", "reviewed", "predicted", "reader", "flags", "note"]
    table = session.table().set_index("label")[columns]
    table = table.astype(object).where(table.notna(), None)
    assert table.T.to_dict("list") == {
        1: ["neutrophil", "reader", True, "monocyte", "A. Reader", "", ""],
        2: ["monocyte", "model", True, "monocyte", "A. Reader", "to discuss", ""],
        3: ["basophil", "model", False, "basophil", "A. Reader", "smudge; to discuss", "torn"],
        7: [None, None, False, None, "", "", ""],
    }
    assert row(session, 1)["when"].endswith("+00:00")
    assert session.review_progress == (2, 4)
    assert session.reviews[3].flags == {"smudge", "to discuss"}
    with pytest.raises(TypeError):
        session.reviews[3] = Review()  # type: ignore[index]
    differ = session.disagreements()
    assert differ[["label", "predicted", "class"]].values.tolist() == [
        [1, "monocyte", "neutrophil"]
    ]
    assert list(differ) == ["label", "predicted", "confidence", "class", "reader", "when"]


def test_taking_a_word_back_leaves_flags_and_nothing_else(session: Session) -> None:
    session.set_class([1, 2], "neutrophil")
    session.set_flag([2], FLAGS[0])
    session.clear_class([1, 2])
    assert session.assigned == {}
    assert list(session.reviews) == [2]
    assert not session.reviews[2].reviewed
    session.set_flag([2], FLAGS[0], on=False)
    assert not session.reviews


def test_a_confirmed_class_stands_when_a_model_changes_its_mind(session: Session) -> None:
    session.approve([1, 2, 3])
    session.set_predictions(said(basophil=[1, 3]), "newer", {"model": "newer"})
    assert [row(session, n)["class"] for n in (1, 2, 3)] == ["monocyte", "monocyte", "basophil"]
    assert session.assigned == {1: "monocyte", 2: "monocyte"}
    assert session.disagreements()["label"].tolist() == [1]


def test_answers_about_some_objects_join_those_of_the_same_model_only(session: Session) -> None:
    session.set_predictions(said(basophil=[7]), "m", MODEL, all_objects=False)
    assert row(session, 7)["class"] == "basophil"
    assert row(session, 1)["class"] == "monocyte"
    session.set_predictions(said(monocyte=[7]), "m", {"model": "m", "v": 2}, all_objects=False)
    assert row(session, 7)["class"] == "monocyte"
    assert pd.isna(row(session, 1)["class"])


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.set_class([1, 9], "monocyte"),
        lambda s: s.clear_class([9]),
        lambda s: s.approve([9]),
        lambda s: s.approve([7]),
        lambda s: s.set_flag([9], FLAGS[0]),
        lambda s: s.set_flag([1], "odd"),
        lambda s: s.set_note(9, "x"),
        lambda s: s.sign_off(),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(session: Session, act: object) -> None:
    before, text = dict(session.reviews), session.undo_text
    with pytest.raises(ParameterError) as caught:
        act(session)  # type: ignore[operator]
    assert str(caught.value).endswith(".")
    assert (dict(session.reviews), session.undo_text) == (before, text)


def test_signing_off_needs_every_cell_and_lasts_until_the_next_change(session: Session) -> None:
    session.approve([1, 2, 3])
    with pytest.raises(ParameterError, match="1 cell of 4 must be reviewed"):
        session.sign_off()
    session.set_class([7], "artefact")
    session.sign_off()
    assert session.signed_off is not None
    assert session.signed_off.reader == "A. Reader"
    session.set_markers([[1, 2]])
    assert session.signed_off is not None
    session.set_class([7], "monocyte")
    assert session.signed_off is None
    session.undo()
    assert session.signed_off is not None
    session.withdraw_sign_off()
    assert session.signed_off is None
    empty = Session(session.rgb)
    with pytest.raises(ParameterError, match="no cells"):
        empty.sign_off()


def test_first_comes_what_would_change_the_count_most() -> None:
    names = ("neutrophil", "basophil", "artefact", "erythroblast")
    shares = {
        1: (0.55, 0.45, 0, 0),  # could be the only basophil
        2: (0.55, 0, 0.45, 0),  # could be none
        3: (0.99, 0, 0, 0.01),
        4: (0, 0.99, 0.01, 0),
        5: (0, 0, 0.5, 0.5),  # counts in neither case
        6: (0.55, 0.45, 0, 0),
    }
    predicted = pd.DataFrame.from_dict(shares, "index", columns=[f"p_{n}" for n in names])
    predicted["class"] = [names[int(np.argmax(v))] for v in shares.values()]
    predicted["confidence"] = [max(v) for v in shares.values()]
    counts = Counter(predicted["class"]) + Counter(neutrophil=40)
    uncertainty, waiting = Uncertainty.of(predicted), np.array([*shares, 9])
    assert review_order(uncertainty, counts, waiting, [9]) == [9, 1, 6, 2, 4, 3, 5]
    assert review_order(uncertainty, counts, np.array([3, 2])) == [2, 3]
    assert review_order(uncertainty, counts, np.array([], int)) == []
    assert review_order(None, counts, np.array([4, 3])) == [3, 4]
    # Without probabilities, the confidence says how sure the model is.
    sure = Uncertainty.of(predicted[["class", "confidence"]])
    assert review_order(sure, counts, waiting, [9]) == [9, 1, 2, 6, 4, 3, 5]


def test_the_order_of_review_follows_what_counts(session: Session) -> None:
    predicted = pd.DataFrame(
        {"p_monocyte": [0.6, 0.9, 0], "p_ghost": [0.4, 0.1, 0.5], "p_haunt": [0, 0, 0.5]},
        index=[1, 2, 3],
    )
    predicted["class"], predicted["confidence"] = "monocyte", 0.6
    uncertainty, counts, waiting = (
        Uncertainty.of(predicted),
        Counter(monocyte=9),
        np.array([1, 2, 3]),
    )
    assert review_order(uncertainty, counts, waiting) == [3, 1, 2]  # nobody says that they don't
    save_own_classes([own_class(n, "#123456", counted=False) for n in ("ghost", "haunt")])
    assert review_order(uncertainty, counts, waiting) == [1, 2, 3]  # 3 changes no count
    assert review_order(uncertainty, counts, waiting, uncounted=["monocyte"]) == [3, 1, 2]
    session.set_predictions(predicted.rename_axis("label").reset_index(), "m", MODEL)
    assert session.review_order() == [7, 1, 2, 3]
    assert session.review_order(["haunt"]) == [7, 3, 1, 2]


def test_a_table_of_a_few_changes_is_that_of_all(session: Session) -> None:
    session.table()
    told: list[object] = []
    session.table_changed.connect(told.append)
    session.set_class([1, 7], "basophil")
    session.set_flag([3], FLAGS[0])
    session.set_note(1, "once more")
    session.approve([3])
    session.undo()
    session.clear_class([7])
    with session.group("Both"):
        session.set_class([2], "monocyte")
        session.set_flag([3], FLAGS[1])
    assert told == [{1, 7}, {3}, {1}, {3}, {3}, {7}, {2, 3}]
    kept = session.table()
    session._table = None
    pd.testing.assert_frame_equal(kept, session.table())
    session.set_predictions(said(monocyte=[1, 2, 3, 7]), "m2", MODEL)
    session.edit_labels(lambda a: np.where(a == 2, 0, a), "Delete")
    assert told[-2:] == [None, None]


def test_the_order_of_review_leaves_out_what_is_reviewed(session: Session) -> None:
    assert session.review_order()[0] == 7
    assert sorted(session.review_order()) == [1, 2, 3, 7]
    session.approve([1])
    assert sorted(session.review_order()) == [2, 3, 7]


def test_classes_of_several_words_are_counted_by_their_names() -> None:
    said = pd.DataFrame(
        {
            "class": ["immature granulocyte", "platelet or artefact"],
            "confidence": [0.6, 0.6],
            "p_immature_granulocyte": [0.6, 0.0],
            "p_platelet_or_artefact": [0.0, 0.6],
            "p_neutrophil": [0.4, 0.4],
        },
        index=[1, 2],
    )
    uncertainty = Uncertainty.of(said)
    assert uncertainty.names[:2] == ("immature granulocyte", "platelet or artefact")
    counts = Counter({"immature granulocyte": 1, "neutrophil": 50, "platelet or artefact": 1})
    first, second = uncertainty.review_priority(counts, {"platelet or artefact"})
    # Platelets are in no differential: only the neutrophil's count would change.
    assert first > 10 * second
