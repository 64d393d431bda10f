from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_leukocyte.segmentation import objects
from napari_leukocyte.ui.review.gallery_model import describe_cell
from napari_leukocyte.ui.review.grid_view import title_of
from napari_leukocyte.ui.segment.widget import SegmentWidget
from tests.ui.review.conftest import Bench


@pytest.fixture(autouse=True)
def _score_by_place(all_convincing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what lies in the upper half of the field convince, the rest less."""

    def score(labels: NDArray[np.int32], *_: object) -> dict[int, float]:
        rows = {int(n): np.nonzero(labels == n)[0].mean() for n in np.unique(labels) if n}
        return {n: 0.9 if row < len(labels) / 2 else 0.2 + n / 1000 for n, row in rows.items()}

    monkeypatch.setattr(objects, "score_objects", score)


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., napari.Viewer]) -> napari.Viewer:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    viewer.window.resize(1200, 900)
    return viewer


@pytest.fixture
def bench(viewer: napari.Viewer, segmented: SegmentWidget, qtbot: QtBot) -> Bench:
    session = segmented.session
    assert session is not None
    bench = Bench(viewer, session, qtbot)
    bench.choose(grouped=True)
    return bench


def waiting(bench: Bench) -> list[int]:
    return [n for n in bench.shown if n < 0]


def test_candidates_are_a_group_of_their_own_the_best_first(bench: Bench) -> None:
    session, groups = bench.session, bench.gallery.cells.groups
    known = session.candidates.scores
    assert len(known) > 1
    assert [g.kind for g in groups] == ["unclassified", "candidates"]
    assert title_of(groups[-1]).startswith("Candidates")
    best_first = sorted(known, key=lambda n: -known[n])
    assert list(groups[-1].labels) == [-n for n in best_first]
    form = bench.widget.form
    numbers = {form.show_box.itemData(i): form.show_box.itemText(i) for i in range(5)}
    assert numbers["candidates"] == f"Candidates ({len(known)})"
    assert form.progress.format().endswith(f"of {len(session.table())} reviewed")
    bench.choose(show="candidates")
    assert bench.shown == list(groups[-1].labels)
    assert [g.kind for g in bench.gallery.cells.groups] == ["candidates"]
    bench.choose(show="unreviewed")
    assert not waiting(bench)
    cells = bench.widget.cells
    assert cells is not None
    bench.choose(grouped=False)
    assert title_of(bench.gallery.cells.groups[0]) == "Cells"
    cells = bench.widget.cells
    assert cells is not None
    assert "score 2" in describe_cell(cells[waiting(bench)[0]])


def test_a_click_or_a_key_takes_a_candidate(bench: Bench) -> None:
    session = bench.session
    before = len(session.table())
    first, *rest = waiting(bench)
    inside = session.candidates.labels == -first
    bench.click(first)
    bench.settle()
    table = session.table()
    assert len(table) == before + 1
    taken = int(session.labels[inside][0])
    assert (session.labels[inside] == taken).all()
    assert waiting(bench) == rest
    assert bench.selected == [taken] == sorted(session.selection)
    # Enter takes, and the key of a class takes and classifies.
    bench.gallery.select_labels([rest[0]], rest[0])
    bench.key(Qt.Key.Key_Return)
    bench.settle()
    assert len(session.table()) == before + 2
    if len(rest) > 1:
        bench.gallery.select_labels([rest[1]], rest[1])
        bench.key(Qt.Key.Key_N)
        bench.settle()
        assert (session.table()["class"] == "neutrophil").sum() == 1
    # Its class and its being a cell are two steps.
    session.undo()
    session.undo()
    bench.settle()
    assert waiting(bench)


def test_candidates_are_no_cells_to_confirm_flag_or_select(bench: Bench) -> None:
    session = bench.session
    session.set_class(session.table()["label"].tolist(), "monocyte")
    before = len(session.table())
    bench.widget.form.approve_all.click()
    bench.settle()
    number = waiting(bench)[0]
    bench.gallery.select_labels([number], number)
    bench.key(Qt.Key.Key_1)
    bench.key(Qt.Key.Key_Backspace)
    bench.widget.go_to(number)
    bench.settle()
    assert len(session.table()) == before
    assert session.selection == frozenset()
    assert not session.table()["flags"].fillna("").any()
