from __future__ import annotations

import pandas as pd
import pytest

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.gallery.arrange import SORTS, Choice, Show, Sort, arrange
from napari_leukocyte.gallery.cells import CellTable, mask_predictions
from napari_leukocyte.session.reviews import recall_reader, remember_reader
from tests.gallery.work import CLASSES, session


def flat(table: pd.DataFrame, choice: Choice, **more: object) -> list[int]:
    return [n for group in arrange(table, choice, **more) for n in group.labels]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("number", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("size", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("uncertainty", [8, 2, 5, 6, 3, 4, 1, 7]),
        ("position", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("queue", [5, 3, 1, 2, 4, 6, 7, 8]),
    ],
)
def test_sorted(sort: Sort, expected: list[int]) -> None:
    choice = Choice(sort=sort, grouped=False)
    assert flat(session().table(), choice, order=[5, 3]) == expected


def test_groups_stand_in_the_vocabularys_order_and_keep_the_sorting() -> None:
    work = session()
    work.set_class([6], "smudge cell")
    work.edit_labels(_with_a_ninth, "Add")
    groups = arrange(work.table(), Choice(sort="uncertainty"))
    assert [(g.kind, g.name, g.labels) for g in groups] == [
        ("class", "neutrophil", (2, 1, 7)),
        ("class", "eosinophil", (3,)),
        ("class", "basophil", (8,)),
        ("class", "lymphocyte", (5, 4)),
        ("class", "smudge cell", (6,)),
        ("unclassified", "", (9,)),
    ]


def _with_a_ninth(labels):  # type: ignore[no-untyped-def]
    labels[:3, :3] = 9
    return labels


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("unreviewed", [1, 4, 5, 6, 7, 8]),
        ("flagged", [4]),
        ("disagreements", [2]),
        ("class", [1, 7]),
    ],
)
def test_filtered(show: Show, expected: list[int]) -> None:
    work = session()
    work.set_class([2], "monocyte")
    work.approve([3])
    work.set_flag([4], "smudge")
    choice = Choice(show, "neutrophil", "number", grouped=False)
    assert flat(work.table(), choice) == expected


@pytest.mark.parametrize("sort", SORTS)
def test_nothing_tells_what_is_hidden(sort: Sort) -> None:
    work = session()
    work.set_class([3], "monocyte")
    hidden = [3, 8, 2]
    table = mask_predictions(work.table(), hidden)
    rows = table[table["label"].isin(hidden)]
    told = ["class", "predicted", "confidence", "source", "p_neutrophil"]
    assert rows[told].isna().all().all()
    assert work.table()["class"].notna().all()  # the session's own is not touched
    groups = arrange(table, Choice(sort=sort), work.review_order(), hidden)
    assert (groups[0].kind, groups[0].labels) == ("hidden", (2, 3, 8))
    assert arrange(table, Choice("disagreements"), (), hidden) == []
    for name in set(CLASSES):
        shown = flat(table, Choice("class", name), hidden=hidden)
        assert not set(shown) & set(hidden)


def test_an_empty_table_has_no_groups() -> None:
    work = session()
    work.edit_labels(lambda labels: labels * 0, "Delete")
    for sort in SORTS:
        assert arrange(work.table(), Choice(sort=sort)) == []


def test_cells_by_number() -> None:
    work = session()
    work.set_class([2], "monocyte")
    work.set_flag([2], "smudge")
    cells = CellTable(mask_predictions(work.table(), [5]), [5])
    assert len(cells) == 8
    assert 5 in cells
    assert 9 not in cells
    second = cells[2]
    assert (second.class_name, second.predicted, second.disagrees) == (
        "monocyte",
        "neutrophil",
        True,
    )
    assert (second.reviewed, second.flags, second.hidden) == (True, "smudge", False)
    assert second.place.label == 2
    assert (cells[5].class_name, cells[5].predicted, cells[5].hidden) == (None, None, True)


def test_the_readers_name_is_remembered() -> None:
    assert recall_reader() == ""
    remember_reader("  Ada \n Lovelace ")
    assert recall_reader() == "Ada Lovelace"


def test_a_damaged_name_is_one_sentence() -> None:
    from napari_leukocyte.io.user_files import config_folder, write_user_file
    from napari_leukocyte.session.reviews import FILE_NAME

    write_user_file(config_folder() / FILE_NAME, "reader", ["no", "name"])
    with pytest.raises(ParameterError, match="must hold a name"):
        recall_reader()
